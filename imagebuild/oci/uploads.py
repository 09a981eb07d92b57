"""Gets blobs into a repository: they may be there, may be mounted from another, or are sent.

`POST …?mount=DIGEST&from=THE SAME REPOSITORY` is answered with 201 where the blob is there, and
begins an upload where it is not: one request for both.
https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from imagebuild.errors import Denied, ImagebuildError, PushFailed
from imagebuild.events import Transfer
from imagebuild.oci.addresses import followed
from imagebuild.oci.blobs import has_blob
from imagebuild.oci.descriptors import checked_digest
from imagebuild.oci.failures import Later, Wrong, busy, refusal, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO

    from imagebuild.events import Emit
    from imagebuild.oci.endpoint import Endpoint
    from imagebuild.oci.exchange import Answer, Content

_NO_MOUNT = {400, 401, 403, 404, 405}
_ITSELF = ""  # what a registry is remembered by that mounts nothing from the same repository
_TAKEN = {200, 201, 202, 204}
# What went wrong with this one upload, of which a new one knows nothing.
_ANEW = {"BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID", "DIGEST_INVALID", "SIZE_INVALID"}


def push_blob(
    at: Endpoint,
    digest: str,
    size: int,
    open_content: Callable[[], BinaryIO],
    emit: Emit,
    mount_from: Sequence[str] = (),
) -> bool:
    """Let the repository hold it; False where it was there already, or was mounted.

    An upload that breaks off begins anew. Raises `PushFailed` where the content is not what it is
    called, before the registry can take it for that.
    """
    what = checked_digest(digest)[len("sha256:") :][:12]

    def once() -> bool:
        session = _begun(at, digest, mount_from)
        if session is None:
            emit(Transfer("push", what, size, size))
            return False
        _send(at, session, digest, size, lambda: _Checked(open_content, digest, size, what, emit))
        return True

    return at.transport.patiently(once)


def mount_blob(at: Endpoint, digest: str, source: str) -> bool:
    """Let it be there as it is in another repository of the registry; False where that is not."""
    answer = _mounted(at, digest, source)
    if answer is not None and answer.status != 201:
        _cancel(at, _place(answer))
    return answer is not None and answer.status == 201


def check_push(at: Endpoint) -> None:
    """Begin an upload and give it up; raises what a push would."""
    _cancel(at, at.transport.patiently(lambda: _session(at)))


def _begun(at: Endpoint, digest: str, mount_from: Sequence[str]) -> str | None:
    """The address of an upload; None where none is needed."""
    kept, refused = None, set[str]()
    for source in (*mount_from, at.name.path):
        answer = _mounted(at, digest, source)
        if answer is None:
            refused.add(_remembered(at, source))
            continue
        place = None if answer.status == 201 else _place(answer)
        if kept and place:
            _cancel(at, place)
        elif kept:
            _cancel(at, kept)
        if place is None:
            return None
        kept = kept or place
    if _ITSELF in refused and has_blob(at, digest, _action(at)):
        if kept:
            _cancel(at, kept)
        return None
    kept = kept or _session(at)
    at.transport.refused_mounts.update(refused)  # now that it is known that we may push
    return kept


def _mounted(at: Endpoint, digest: str, source: str) -> Answer | None:
    """What the registry says to a mount; None where it wants none, now or before.

    From another repository it only saves time, so whatever stays in its way is no failure.
    """
    if _remembered(at, source) in at.transport.refused_mounts:
        return None
    url = at.url("blobs/uploads/", mount=checked_digest(digest), **{"from": source})
    ask = at.ask(_action(at), "POST", url, access=at.access(source, push=True))
    if source == at.name.path:
        answer = at.transport.once(ask)
    else:
        try:
            answer = at.transport.send(ask)
        except (Denied, Wrong, Later):  # Denied: no token for both repositories
            return None
    if answer.status in {201, 202}:
        return answer
    if answer.status not in _NO_MOUNT:
        raise refusal(ask, answer)
    return None


def _remembered(at: Endpoint, source: str) -> str:
    return _ITSELF if source == at.name.path else source


def _session(at: Endpoint) -> str:
    """The address of an upload that was begun."""
    ask = at.ask(_action(at), "POST", at.url("blobs/uploads/"), access=at.access(push=True))
    answer = at.transport.once(ask)
    if answer.status != 202:
        raise refusal(ask, answer)
    return _place(answer)


def _place(answer: Answer) -> str:
    place = answer.headers.get("Location")
    if not place:
        message = "the registry began an upload, and does not say where"
        raise PushFailed(message, causes=(answer.said,))
    return followed(answer.url, place)


def _send(
    at: Endpoint, session: str, digest: str, size: int, content: Callable[[], Content]
) -> None:
    url = f"{session}{'&' if '?' in session else '?'}digest={quote(digest, safe=':')}"
    ask = at.ask(
        _action(at),
        "PUT",
        url,
        access=at.access(push=True),
        headers={"Content-Type": "application/octet-stream"},
        body=content,
        size=size,
    )
    answer = at.transport.once(ask)
    if answer.status == 416 or answer.codes & _ANEW:
        raise busy(ask, answer.said)
    if answer.status not in _TAKEN:
        raise refusal(ask, answer)
    said = answer.headers.get("Docker-Content-Digest", digest)
    if said != digest:
        raise wrong(ask, f"the registry has taken {digest} for {said}")


def _cancel(at: Endpoint, session: str) -> None:
    """Give an upload up; a registry that does not let us forgets it by itself."""
    ask = at.ask(_action(at), "DELETE", session, access=at.access(push=True))
    with suppress(ImagebuildError):
        at.transport.quietly(ask)


def _action(at: Endpoint) -> str:
    return f"push to {at.name}"


class _Checked:
    """A blob's content on its way out, which ends in an error where it is not what it should be.

    The last of it is held back until all of it is known to be right.
    """

    def __init__(
        self,
        open_content: Callable[[], BinaryIO],
        digest: str,
        size: int,
        what: str,
        emit: Emit,
    ) -> None:
        self._digest, self._size = digest, size
        self._what, self._emit = what, emit
        self._hashed, self._read = hashlib.sha256(), 0
        with self._readable():
            self._content = open_content()

    def read(self, size: int = -1) -> bytes:
        """The next piece, which is checked with all before it where it is the last."""
        with self._readable():
            chunk = self._content.read(size)
        self._hashed.update(chunk)
        self._read += len(chunk)
        at_end = self._read >= self._size or not chunk
        if at_end and (self._read, f"sha256:{self._hashed.hexdigest()}") != (
            self._size,
            self._digest,
        ):
            reason = f"it has {self._read} bytes, of sha256:{self._hashed.hexdigest()}"
            raise self._changed(reason)
        if chunk:
            self._emit(Transfer("push", self._what, self._read, self._size))
        return chunk

    def close(self) -> None:
        """Close the content."""
        self._content.close()

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._changed(str(error)) from error

    def _changed(self, reason: str) -> PushFailed:
        message = f"what should be {self._digest} is not, or cannot be read"
        return PushFailed(message, causes=(reason,), hint="it was changed meanwhile: try again")
