"""Gets blobs out of a repository, each byte of which is checked."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from imagebuild.oci.descriptors import CONFIG_LIMIT, checked_digest, digest_of_bytes
from imagebuild.oci.failures import Later, refusal, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagebuild.oci.endpoint import Endpoint
    from imagebuild.oci.exchange import Ask


def has_blob(at: Endpoint, digest: str, action: str | None = None) -> bool:
    """Whether the repository holds it; `action` is what one wants to know it for."""
    ask = _ask(at, "HEAD", digest, action=action)
    return at.answered(ask, {200, 404}).status == 200


def get_blob(at: Endpoint, digest: str, size: int) -> bytes:
    """A small one, whole."""
    ask = _ask(at, "GET", digest, size)
    if size > CONFIG_LIMIT:
        raise wrong(ask, f"{size} bytes are more than a config may have")
    data = at.answered(ask, {200}).body
    if len(data) != size or digest_of_bytes(data) != digest:
        raise wrong(ask, f"{len(data)} bytes that are {digest_of_bytes(data)} came back")
    return data


def stream_blob(at: Endpoint, digest: str, size: int) -> Iterator[bytes]:
    """A large one, piece by piece; what breaks off is taken up where it was.

    Raises at its end where it was not what it is called: whoever writes it down waits until then.
    """
    ask, hashed, got, failed = _ask(at, "GET", digest, size), hashlib.sha256(), 0, 0
    while True:
        before = got
        try:
            for chunk in _from(at, ask, got):
                got += len(chunk)
                hashed.update(chunk)
                if got > size:
                    raise wrong(ask, f"it is longer than {size} bytes")
                yield chunk
            break
        except Later as later:
            failed = 1 if got > before else failed + 1
            at.transport.pause(later, failed)
    if got != size or f"sha256:{hashed.hexdigest()}" != digest:
        raise wrong(ask, f"{got} bytes that are sha256:{hashed.hexdigest()} came back")


def _ask(at: Endpoint, method: str, digest: str, size: int = 0, action: str | None = None) -> Ask:
    url = at.url(f"blobs/{checked_digest(digest)}")
    return at.ask(action or f"get {digest} of {at.name}", method, url, limit=size)


def _from(at: Endpoint, ask: Ask, start: int) -> Iterator[bytes]:
    """What comes after the first `start` bytes, whether the registry can leave them out or not."""
    headers = {"Range": f"bytes={start}-"} if start else {}
    ask = at.ask(ask.action, "GET", ask.url, headers=headers, limit=ask.limit)
    reply = at.transport.open(ask)
    if reply.status not in {200, 206}:
        raise refusal(ask, reply.whole())
    skipped = start if reply.status == 200 else 0
    try:
        for chunk in reply.chunks():
            yield chunk[skipped:]
            skipped = max(0, skipped - len(chunk))
    finally:
        reply.close()
