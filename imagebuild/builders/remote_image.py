"""An image whose manifest and config are here, and whose other blobs a registry has or is sent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from imagebuild.builders.environments import said_by
from imagebuild.errors import PushFailed
from imagebuild.oci.descriptors import digest_of_bytes
from imagebuild.oci.failures import BlobsUnknown
from imagebuild.parallel import each

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagebuild.events import Emit
    from imagebuild.names import ImageName
    from imagebuild.oci.client import Repository
    from imagebuild.oci.configs import Config
    from imagebuild.oci.content import Blob
    from imagebuild.oci.manifests import ImageManifest
    from imagebuild.oci.remote import Remote
    from imagebuild.protocols import Image
    from imagebuild.state import ImageConfig


@dataclass(frozen=True)
class RegistryImage:
    """An image for the repository of `place`; `blobs` are what it may lack of it, if anything.

    `base` is where the layers below lie too. `otherwise` makes the image anew, where the registry
    turns out to lack what it stands on.
    """

    remote: Remote
    place: ImageName
    manifest: ImageManifest
    data: bytes
    described: Config
    blobs: tuple[Blob, ...] = ()
    base: ImageName | None = None
    otherwise: Callable[[], Image] | None = None

    @cached_property
    def config(self) -> ImageConfig:
        """What it says of itself."""
        digests = {self.place.location: digest_of_bytes(self.data)}
        return said_by(self.described, self.manifest.config.digest, digests)

    def tag(self, name: ImageName) -> None:
        """Nothing: a name in a registry is given by a push."""

    def push(self, name: ImageName, emit: Emit) -> str:
        """Send what the registry lacks, then the manifest under the name; its digest.

        Raises as the client does. Where the registry lacks what the image stands on, it is made
        otherwise, and that one is pushed.
        """
        repository = self.remote.repository(name)
        try:
            self._send(repository, emit)
            self._put(repository, name)
        except BlobsUnknown as error:
            self.remote.forget(name)
            if not self._mend(repository, error, emit):
                return self._otherwise(error).push(name, emit)
            self._put(repository, name)
        self.remote.learn(name, self.data, self.described.data)
        return digest_of_bytes(self.data)

    def _send(self, repository: Repository, emit: Emit) -> None:
        def send(blob: Blob) -> bool:
            what = blob.descriptor
            return repository.push_blob(what.digest, what.size, blob.open, emit, blob.sources)

        each(send, self.blobs)

    def _put(self, repository: Repository, name: ImageName) -> None:
        repository.put_manifest(name.tag or "latest", self.manifest.media_type, self.data)

    def _mend(self, repository: Repository, error: BlobsUnknown, emit: Emit) -> bool:
        """Whether all that the registry lacks could be given to it."""
        ours = {blob.descriptor.digest for blob in self.blobs}
        missing = set(error.digests) - ours
        if ours & set(error.digests):
            self._send(repository, emit)
        if self.base is None or self.base.host != self.place.host:
            return not missing
        there = self.base.repository
        return all(repository.mount_blob(digest, there) for digest in missing)

    def _otherwise(self, error: BlobsUnknown) -> Image:
        if self.otherwise is None:
            message = f"cannot push {self.place}"
            causes = (f"{self.place.host} no longer has {', '.join(error.digests)}",)
            raise PushFailed(message, causes=causes, hint="build the environment anew") from error
        return self.otherwise()
