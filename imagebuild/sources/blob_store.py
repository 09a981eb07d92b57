"""Asks a storage through fsspec: what is in a folder, and one object."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagebuild.errors import ImagebuildError, UsageError
from imagebuild.sources.blob_errors import is_gone, missing_library, translated
from imagebuild.sources.blob_listing import read_listing
from imagebuild.sources.blob_patience import limits, plain, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import TypeVar

    from imagebuild.sources.blob_address import BlobAddress
    from imagebuild.sources.blob_listing import Blob
    from imagebuild.sources.references import Reference

    _Answer = TypeVar("_Answer")

_NEAREST = 3
_AT_ONCE = 8


@dataclass(frozen=True)
class Store:
    """A storage that is signed in to; `base` is the folder as its file system calls it."""

    address: BlobAddress
    reference: Reference | None
    options: Mapping[str, Any]
    system: Any
    base: str

    @classmethod
    def open(
        cls, address: BlobAddress, reference: Reference | None, options: Mapping[str, Any]
    ) -> Store:
        """Sign in.

        Raises `UsageError` where the protocol's library is missing, or nobody knows it;
        `Unreachable`, `Denied`.
        """
        try:
            from fsspec.registry import get_filesystem_class

            kind = plain(get_filesystem_class(address.protocol))
        except ImportError as error:
            raise missing_library(address, error) from None
        except ValueError as error:
            message = f"cannot read {address.url}"
            hint = "write s3://, gs:// or az://, or install a file system of fsspec's for it"
            raise UsageError(message, causes=(str(error),), hint=hint) from None
        try:
            # Nothing from before: neither what it listed then, nor who it was signed in as.
            given = {**kind._get_kwargs_from_urls(address.url), **limits(address), **options}
            system = kind(**given, skip_instance_cache=True)
            settle(address, system)
        except ImportError as error:
            raise missing_library(address, error) from None
        except Exception as error:
            raise translated(error, address, reference, options) from None
        return cls(address, reference, options, system, kind._strip_protocol(address.url))

    def listing(self) -> list[Blob]:
        """Every object below the folder; raises `UsageError` where there is none."""
        try:
            found = self._ask(lambda: self.system.find(self.base, detail=True))
        except FileNotFoundError:
            found = {}
        if not isinstance(found, dict):  # adlfs's answer for what is one object
            found = {path: {} for path in found}
        blobs = read_listing(found, self.base, self.address.url)
        if not blobs:
            raise self._empty()
        return blobs

    def fetch(self, blob: Blob, target: Path) -> None:
        """Write an object's content into a file.

        Raises `ImagebuildError` where it is no longer the one that was listed.
        """
        try:
            self._ask(lambda: self.system.get_file(blob.path, str(target)))
        except FileNotFoundError:
            reason = f"{blob.key!r} is gone"
            raise self.changed(reason) from None
        if target.stat().st_size != blob.size:
            reason = f"{blob.key!r} has another size"
            raise self.changed(reason)

    def changed(self, reason: str) -> ImagebuildError:
        """The error for a folder that somebody wrote to."""
        message = f"{self.address.url} changed while it was read"
        return ImagebuildError(message, causes=(reason,), hint="run it again")

    @property
    def at_once(self) -> int:
        """How many objects may be fetched at once: by one connection of an FTP server's, one."""
        return _AT_ONCE if self.system.async_impl else 1

    def forget(self) -> None:
        """Let the next listing ask again."""
        self.system.invalidate_cache()

    def _ask(self, ask: Callable[[], _Answer]) -> _Answer:
        """Raise `FileNotFoundError` for what is not there, and otherwise errors of ours."""
        try:
            return ask()
        except Exception as error:
            if is_gone(error):
                raise FileNotFoundError from None
            raise translated(error, self.address, self.reference, self.options) from None

    def _empty(self) -> UsageError:
        """Whether the bucket is there, and what in it has nearly such a name."""
        address = self.address
        message = f"there is nothing in {address.url}"
        bucket = self.base.removesuffix(address.prefix).rstrip("/")
        parent = self.base.rpartition("/")[0] if address.prefix else bucket
        try:
            beside = self._beside(parent)
            if beside is None and (parent == bucket or self._beside(bucket) is None):
                message = f"there is no {address.protocol}://{address.bucket}"
        except ImagebuildError:  # who may read the folder need not see what is beside it
            beside = []
        if beside is None:
            return UsageError(message, hint="see whether the address is right")
        names = [path.strip("/").rpartition("/")[2] for path in beside]
        near = difflib.get_close_matches(address.name, names, n=_NEAREST, cutoff=0.5)
        if address.prefix and near:
            return UsageError(message, hint=f"did you mean {', '.join(map(repr, near))}?")
        return UsageError(message, hint="upload the code there first, or correct the address")

    def _beside(self, folder: str) -> list[str] | None:
        """What is in a folder of the storage; None where there is no such folder."""
        try:
            return [str(path) for path in self._ask(lambda: self.system.ls(folder, detail=False))]
        except FileNotFoundError:
            return None
