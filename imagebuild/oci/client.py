"""What there is to do with the repositories of container registries.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING

from imagebuild.errors import ImagebuildError, PushFailed
from imagebuild.oci import blobs, uploads
from imagebuild.oci.credentials import canonical
from imagebuild.oci.descriptors import (
    INDEXES,
    MANIFEST_LIMIT,
    MANIFESTS,
    BadManifest,
    Descriptor,
    Manifest,
    checked_reference,
    digest_of_bytes,
    is_digest,
)
from imagebuild.oci.endpoint import Endpoint
from imagebuild.oci.failures import BlobsUnknown, refusal, wrong
from imagebuild.oci.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from typing import BinaryIO

    from imagebuild.events import Emit
    from imagebuild.names import ImageName
    from imagebuild.oci.credentials import Logins
    from imagebuild.oci.exchange import Answer, Ask
    from imagebuild.web import Clock

_ACCEPT = ", ".join((*INDEXES, *MANIFESTS))
_DIGEST = "Docker-Content-Digest"
_TAKEN = {200, 201, 202, 204}
_IMMUTABLE = {"TAG_INVALID", "ImageTagAlreadyExistsException"}


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
        ask = self._of_manifest("ask for", "HEAD", reference)
        answer = self._at.answered(ask, {200, 404, 405})
        if answer.status == 404:
            return None
        digest, size = answer.headers.get(_DIGEST), answer.headers.get("Content-Length", "")
        if answer.status == 405 or not is_digest(digest) or not size.isdecimal():
            found = self.get_manifest(reference)
            return found.descriptor if found else None
        self._check_meant(ask, reference, str(digest))
        return Descriptor(answer.media_type, str(digest), int(size))

    def get_manifest(self, reference: str) -> Manifest | None:
        """The manifest or index itself; None where there is none.

        Raises `Wrong` for bytes that are not what they are called, for schema 1 and for what is
        neither an image nor an index.
        """
        ask = self._of_manifest("get", "GET", reference)
        answer = self._at.answered(ask, {200, 404})
        if answer.status == 404:
            return None
        try:
            found = Manifest.read(answer.media_type, answer.body)
        except BadManifest as error:
            raise wrong(ask, f"it is {error}") from error
        self._check_meant(ask, reference, found.digest)
        said = answer.headers.get(_DIGEST, found.digest)
        if is_digest(said) and said != found.digest:
            raise wrong(ask, f"the registry calls {said} what is {found.digest}")
        return found

    def get_blob(self, digest: str, size: int) -> bytes:
        """A small blob, whole; raises `Wrong` where it is not what it is called."""
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
        digest = digest_of_bytes(data)
        ask = self._at.ask(
            f"push {self._shown(reference)}",
            "PUT",
            self._at.url(f"manifests/{checked_reference(reference)}"),
            access=self._at.access(push=True),
            headers={"Content-Type": media_type},
            body=lambda: io.BytesIO(data),
            size=len(data),
        )
        answer = self._at.transport.send(ask)
        if answer.status not in _TAKEN:
            if not is_digest(reference) and _is_immutable(answer):
                self._check_immutable(ask, reference, digest, answer)
                return
            raise _refused(ask, answer)
        said = answer.headers.get(_DIGEST)
        if said is None:
            found = self.head_manifest(digest)
            said = found.digest if found else "nothing"
        if said != digest:
            raise wrong(ask, f"the registry has {said}, and was sent {digest}")

    def check_push(self) -> None:
        """Begin an upload and give it up: what a push would raise is raised now."""
        uploads.check_push(self._at)

    def check_login(self) -> None:
        """Ask the registry to let us in, to push; whether we really may is told by a push alone."""
        url = f"{self._at.transport.url}/v2/"
        action = f"log in to {self.name.host}"
        ask = self._at.ask(action, "GET", url, access=self._at.access(push=True))
        self._at.answered(ask, {200, 404, 405})

    def _of_manifest(self, verb: str, method: str, reference: str) -> Ask:
        return self._at.ask(
            f"{verb} {self._shown(reference)}",
            method,
            self._at.url(f"manifests/{checked_reference(reference)}"),
            headers={"Accept": _ACCEPT},
            limit=MANIFEST_LIMIT,
        )

    def _shown(self, reference: str) -> str:
        return f"{self.name}{'@' if is_digest(reference) else ':'}{reference}"

    def _check_meant(self, ask: Ask, reference: str, digest: str) -> None:
        if is_digest(reference) and digest != reference:
            raise wrong(ask, f"the registry has {digest} in its place")

    def _check_immutable(self, ask: Ask, tag: str, digest: str, answer: Answer) -> None:
        found = self.head_manifest(tag)
        if found is not None and found.digest == digest:
            return
        causes = (answer.said, f"the tag is {found.digest if found else 'nothing'}, not {digest}")
        hint = "push to another tag, or let the registry change this one"
        message = f"cannot {ask.action}"
        raise PushFailed(message, causes=causes, hint=hint)


class Registries:
    """All registries that are asked, each by one transport that is made when it is first needed.

    `insecure` are the hosts that may be asked without TLS, as the loopback may.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        logins: Logins,
        insecure: Collection[str] = (),
        clock: Clock | None = None,
    ) -> None:
        self.logins = logins
        self._env, self._insecure, self._clock = env, insecure, clock
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
                    host, self._env, self.login, self._insecure, self._clock
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


def _is_immutable(answer: Answer) -> bool:
    immutable = bool(answer.codes & _IMMUTABLE) or b"immutable" in answer.body
    return answer.status in {409, 412} or (answer.status in {400, 403} and immutable)


def _refused(ask: Ask, answer: Answer) -> ImagebuildError:
    """The error for a manifest that was not taken: perhaps for its blobs, of which each is told."""
    unknown = (one for one in answer.errors if one.get("code") == "MANIFEST_BLOB_UNKNOWN")
    details = (one.get("detail") for one in unknown)
    told = (one.get("digest") if isinstance(one, dict) else one for one in details)
    digests = tuple(dict.fromkeys(str(digest) for digest in told if is_digest(digest)))
    if digests:
        return BlobsUnknown(f"cannot {ask.action}", digests, (answer.said,))
    return refusal(ask, answer)
