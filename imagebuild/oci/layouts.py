"""OCI image layouts, read: the images in a folder, or in a tar of one; each byte is checked.

Files are opened by digests that are digests and by the names of the specification, never by what
a layout says of itself, and a tar is read where it lies.
https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from imagebuild.errors import ImagebuildError
from imagebuild.oci.configs import Config
from imagebuild.oci.content import checked
from imagebuild.oci.descriptors import (
    CONFIG_LIMIT,
    INDEXES,
    MANIFEST_LIMIT,
    MANIFESTS,
    BadManifest,
    Descriptor,
    Manifest,
    checked_digest,
)
from imagebuild.oci.manifests import (
    ImageManifest,
    descriptor_of,
    for_platform,
    is_attestation,
    same_platform,
)
from imagebuild.oci.remote import RemoteImage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

MARK, INDEX, VERSION = "oci-layout", "index.json", "1.0.0"
REF_NAME = "org.opencontainers.image.ref.name"
_CHUNK = 1 << 20
_PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE)


class BadLayout(ImagebuildError):
    """What should be a layout is none, is not whole, or lacks what is looked for."""


class _Files(Protocol):
    """Where the files of a layout are."""

    def chunks(self, path: str) -> Iterator[bytes]:
        """A file piece by piece; raises `OSError`."""


@dataclass(frozen=True)
class Layout:
    """A layout as it was when it was read; `entries` are those of its index, as they stand there.

    All raise `BadLayout`.
    """

    where: Path
    entries: tuple[Mapping[str, Any], ...]
    _files: _Files

    @classmethod
    def read(cls, where: Path, *, archive: bool) -> Layout:
        """The layout in a folder, or in an archive."""
        try:
            files = _Archive.of(where) if archive else _Folder(where)
            mark = _object(files, MARK)
            index = _object(files, INDEX)
        except (OSError, tarfile.TarError, ValueError, RecursionError) as error:
            raise bad(where, f"it is no layout: {_reason(error)}") from error
        entries = index.get("manifests")
        if not isinstance(mark.get("imageLayoutVersion"), str) or not isinstance(entries, list):
            raise bad(where, "it is no layout: it does not say what is in it")
        return cls(where, tuple(one for one in entries if isinstance(one, dict)), files)

    def stream_blob(self, digest: str, size: int) -> Iterator[bytes]:
        """A blob piece by piece; what is wrong with it may show at its end."""
        try:
            path = f"blobs/sha256/{checked_digest(digest).removeprefix('sha256:')}"
            yield from checked(self._files.chunks(path), digest, size)
        except (OSError, ValueError) as error:
            raise bad(self.where, f"{digest}: {_reason(error)}") from error

    def blob(self, described: Descriptor, limit: int) -> bytes:
        """A small blob, whole."""
        if described.size > limit:
            raise bad(self.where, f"{described.digest} is larger than {limit} bytes")
        return b"".join(self.stream_blob(described.digest, described.size))

    def has(self, described: Descriptor) -> bool:
        """Whether it holds a blob as it should be."""
        try:
            for _ in self.stream_blob(described.digest, described.size):
                pass
        except BadLayout:
            return False
        return True

    def image(self, ref: str | None, platform: str) -> RemoteImage:
        """The image of a name, or where none is given the only one, for a platform."""
        try:
            others = []
            for entry in self._meant(ref):
                for described in self._manifests(entry, platform):
                    found = self._image(described)
                    if same_platform(found.config.platform, platform):
                        return found
                    others.append(found.config.platform)
        except BadManifest as error:
            raise bad(self.where, f"in it is {error}") from error
        there = f", but for {', '.join(dict.fromkeys(others))}" if others else ""
        raise bad(self.where, f"it has no image for {platform}{there}")

    def _meant(self, ref: str | None) -> Sequence[Mapping[str, Any]]:
        names = list(dict.fromkeys(filter(None, map(name_of, self.entries))))
        if ref is None and len(names) > 1:
            raise bad(self.where, f"it has several images: {', '.join(names)}", "name one of them")
        found = [one for one in self.entries if ref is None or name_of(one) == ref]
        if ref is not None and not found:
            raise bad(self.where, f"it has no {ref}, but {', '.join(names) or 'nothing by name'}")
        return found

    def _manifests(self, entry: Mapping[str, Any], platform: str) -> Iterator[Descriptor]:
        """What of an entry can be an image for the platform."""
        described = descriptor_of(entry)
        if described.media_type in INDEXES:
            data = self.blob(described, MANIFEST_LIMIT)
            inside, platforms = for_platform(
                Manifest.read(described.media_type, data).data, platform
            )
            if inside is None and platforms:
                message = f"an index for {', '.join(platforms)}, and not for {platform}"
                raise BadManifest(message)
            yield from [inside] if inside else []
        elif described.media_type in MANIFESTS and not is_attestation(entry):
            yield described

    def _image(self, described: Descriptor) -> RemoteImage:
        data = self.blob(described, MANIFEST_LIMIT)
        manifest = ImageManifest.parse(described.media_type, data)
        config = Config.parse(self.blob(manifest.config, CONFIG_LIMIT))
        return RemoteImage(data, manifest, config)


@dataclass(frozen=True)
class _Folder:
    root: Path

    def chunks(self, path: str) -> Iterator[bytes]:
        with _regular(self.root / path).open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk


@dataclass(frozen=True)
class _Archive:
    """A tar; `places` are where the content of each regular file begins, and its size."""

    where: Path
    places: Mapping[str, tuple[int, int]]

    @classmethod
    def of(cls, where: Path) -> _Archive:
        with tarfile.open(_regular(where), "r:") as archive:
            places = {
                entry.name.removeprefix("./"): (entry.offset_data, entry.size)
                for entry in archive
                if entry.type in _PLAIN and not entry.issparse()
            }
        return cls(where, places)

    def chunks(self, path: str) -> Iterator[bytes]:
        if path not in self.places:
            raise FileNotFoundError(2, f"there is no {path}")
        at, left = self.places[path]
        with self.where.open("rb") as file:
            file.seek(at)
            while left and (chunk := file.read(min(left, _CHUNK))):
                left -= len(chunk)
                yield chunk


def name_of(entry: Mapping[str, Any]) -> str | None:
    """The name that an entry of an index has."""
    annotations = entry.get("annotations")
    found = annotations.get(REF_NAME) if isinstance(annotations, dict) else None
    return found if isinstance(found, str) and found else None


def bad(where: Path, cause: str, hint: str | None = None) -> BadLayout:
    """The error for a layout."""
    return BadLayout(f"cannot use the layout {where}", causes=(cause,), hint=hint)


def _object(files: _Files, path: str) -> dict[str, Any]:
    data = b""
    for chunk in files.chunks(path):
        data += chunk
        if len(data) > MANIFEST_LIMIT:
            message = f"its {path} is larger than {MANIFEST_LIMIT} bytes"
            raise ValueError(message)
    found = json.loads(data)
    if not isinstance(found, dict):
        message = f"its {path} is no object"
        raise ValueError(message)
    return found


def _regular(path: Path) -> Path:
    """The path of a file; who reads a pipe could wait for ever."""
    if path.exists() and not path.is_file():
        raise FileNotFoundError(2, f"{path.name} is no file")
    return path


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error)
