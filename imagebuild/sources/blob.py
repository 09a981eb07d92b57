"""Flow code in a folder of a storage: S3, Google's, Azure's, and whatever else fsspec opens.

The folder is listed once, and what the listing tells of each object is the revision: where that is
kept already, nothing is fetched.
"""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild.errors import UsageError
from imagebuild.roots import name_of
from imagebuild.sources.blob_address import BlobAddress
from imagebuild.sources.blob_fetch import Fetch
from imagebuild.sources.blob_listing import revision_of
from imagebuild.sources.blob_options import check_reference, options
from imagebuild.sources.blob_pull import pulled
from imagebuild.sources.blob_store import Store
from imagebuild.sources.local import LocalCheckout
from imagebuild.sources.references import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from imagebuild.record import Pulled
    from imagebuild.request import SourceRequest
    from imagebuild.sources.kept import Kept
    from imagebuild.sources.references import ReadBlock


@dataclass(frozen=True)
class BlobSource:
    """A folder of a storage, and where the credentials for it are found, if any were named."""

    address: BlobAddress
    reference: Reference | None
    kept: Kept
    env: Mapping[str, str]
    read_block: ReadBlock

    @contextmanager
    def checkout(self) -> Iterator[LocalCheckout]:
        """The files as they are now.

        Raises `UsageError` where there are none, or none that a folder can hold; `Denied`,
        `Unreachable`; `ImagebuildError` where they changed while they were read.
        """
        address = self.address
        values = self.reference.value(self.env, self.read_block) if self.reference else {}
        store = Store.open(address, self.reference, options(address, self.reference, values))
        blobs = store.listing()
        revision = revision_of(blobs)
        if any(blob.mark is None for blob in blobs):
            revision += uuid.uuid4().hex  # nothing tells whether it is the same next time
        fetch = Fetch(store, blobs)
        source = [address.protocol, address.bucket, address.prefix, address.account or ""]
        with self.kept.checkout(source, revision, address.name, fetch, fetch.is_done) as root:
            # Or git would tell of a repository that the cache happens to lie in.
            env = {**self.env, "GIT_CEILING_DIRECTORIES": str(root.parent.resolve())}
            yield LocalCheckout(root, name_of(root), env)

    def pulled(self) -> Pulled:
        """A run lists and fetches the folder; raises `UsageError` where it cannot reach it."""
        return pulled(self.address, self.reference)


def open_blob(
    asked: SourceRequest, _: Path, kept: Kept, env: Mapping[str, str], read_block: ReadBlock
) -> BlobSource:
    """A folder of a storage by its URL. Asks nobody yet.

    Raises `UsageError` for an address or credentials that cannot be meant, and for what is said of
    git alone.
    """
    address = BlobAddress.parse(asked.address)
    if asked.submodules or asked.directories:
        message = f"{address.url} is a folder of a storage"
        causes = ("submodules and directories are of a repository",)
        raise UsageError(message, causes=causes, hint="leave them out")
    reference = Reference.parse(asked.credentials) if asked.credentials else None
    if reference is not None:
        check_reference(address, reference)
    return BlobSource(address, reference, kept, env, read_block)
