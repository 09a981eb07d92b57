"""What there is to do with the repositories of container registries.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from imagebuild.events import ignore
from imagebuild.oci import blobs, references, uploads
from imagebuild.oci.credentials import canonical
from imagebuild.oci.endpoint import Endpoint
from imagebuild.oci.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from typing import BinaryIO

    from imagebuild.events import Emit
    from imagebuild.names import ImageName
    from imagebuild.oci.credentials import Logins
    from imagebuild.oci.descriptors import Descriptor, Manifest
    from imagebuild.web import Clock


class Repository:
    """One repository; any thread may use it.

    All raise `Denied` where we may not, `Unreachable` where nobody answers, `Later` (an
    `Unreachable`) where the registry stayed busy, and `PushFailed` for all other refusals, with
    the registry's words. A digest or a tag that is none is a `ValueError`.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._at = endpoint
        self.name = endpoint.name

    def head_manifest(self, reference: str) -> Descriptor | None:
        """What a tag or a digest means here; None where it means nothing.

        One request, unless the registry does not tell the digest so.
        """
        return references.head_manifest(self._at, reference)

    def get_manifest(self, reference: str) -> Manifest | None:
        """The manifest or index itself; None where there is none.

        Raises `Wrong` for bytes that are not what they are called, for schema 1 and for what is
        neither an image nor an index.
        """
        return references.get_manifest(self._at, reference)

    def get_blob(self, digest: str, size: int) -> bytes:
        """A small blob, such as a config; raises `Wrong` where it is not what it is called."""
        return blobs.get_blob(self._at, digest, size)

    def stream_blob(self, digest: str, size: int) -> Iterator[bytes]:
        """A large one, piece by piece; raises `Wrong` at its end where it was not all right."""
        return blobs.stream_blob(self._at, digest, size)

    def has_blob(self, digest: str) -> bool:
        """Whether it is here."""
        return blobs.has_blob(self._at, digest)

    def push_blob(
        self,
        digest: str,
        size: int,
        open_content: Callable[[], BinaryIO],
        emit: Emit,
        mount_from: Sequence[str] = (),
    ) -> bool:
        """Let it be here, and say whether its bytes were sent: not if they were, or are elsewhere.

        `mount_from` are paths of other repositories of this registry that may have it. Two
        requests where it is sent, one where it is not.
        """
        return uploads.push_blob(self._at, digest, size, open_content, emit, mount_from)

    def mount_blob(self, digest: str, from_repository: str) -> bool:
        """Let it be here as it is in another repository of the registry; whether it is now."""
        return uploads.mount_blob(self._at, digest, from_repository)

    def put_manifest(self, reference: str, media_type: str, data: bytes) -> None:
        """Let a tag, or its digest, mean this manifest, of which all blobs are here.

        Raises `BlobsUnknown` where they are not, and `PushFailed` where the registry does not prove
        that it has just this manifest. A tag that cannot change is fine if it means the same.
        """
        references.put_manifest(self._at, reference, media_type, data)

    def check_push(self) -> None:
        """Begin an upload and give it up: what a push would raise is raised now."""
        uploads.check_push(self._at)


class Registries:
    """All registries that are asked, each by one transport that is made when it is first needed.

    `insecure` are the hosts that may be asked without TLS, as the loopback may; `emit` is told of
    waits that somebody could wonder about.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        logins: Logins,
        insecure: Collection[str] = (),
        emit: Emit = ignore,
        clock: Clock | None = None,
    ) -> None:
        self.logins = logins
        self._env, self._insecure, self._emit, self._clock = env, insecure, emit, clock
        self._transports: dict[str, Transport] = {}
        self._found: dict[str, Mapping[str, str]] = {}
        self._lock = threading.Lock()

    def repository(self, name: ImageName, *, push: bool = False) -> Repository:
        """The repository of an image.

        `push` asks for leave to push from the first request on, so that one token is enough.
        """
        host = canonical(name.host)
        with self._lock:
            if host not in self._transports:
                self._transports[host] = Transport(
                    host, self._env, self.login, self._insecure, self._emit, self._clock
                )
            return Repository(Endpoint(self._transports[host], name.untagged, push))

    def login(self, name: ImageName) -> Mapping[str, str]:
        """The credentials for an image's repository, looked for once."""
        if name.location not in self._found:
            self._found[name.location] = self.logins.find_for(name)
        return self._found[name.location]

    def close(self) -> None:
        """Close all connections."""
        for transport in self._transports.values():
            transport.close()
