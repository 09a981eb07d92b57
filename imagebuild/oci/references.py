"""What tags and digests mean in a repository: reads manifests, and puts them there."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from imagebuild.errors import ImagebuildError, PushFailed
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
from imagebuild.oci.failures import BlobsUnknown, refusal, wrong

if TYPE_CHECKING:
    from imagebuild.oci.endpoint import Endpoint
    from imagebuild.oci.exchange import Answer, Ask

_ACCEPT = ", ".join((*INDEXES, *MANIFESTS))
_DIGEST = "Docker-Content-Digest"
_TAKEN = {200, 201, 202, 204}
_IMMUTABLE = {"TAG_INVALID", "ImageTagAlreadyExistsException"}


def head_manifest(at: Endpoint, reference: str) -> Descriptor | None:
    """What is meant; None for nothing. Where the registry does not tell, the whole is fetched."""
    ask = _ask(at, "ask for", "HEAD", reference)
    answer = at.answered(ask, {200, 404, 405})
    if answer.status == 404:
        return None
    digest, size = answer.headers.get(_DIGEST), answer.headers.get("Content-Length", "")
    if answer.status == 405 or not is_digest(digest) or not size.isdecimal():
        found = get_manifest(at, reference)
        return found.descriptor if found else None
    _check_meant(ask, reference, str(digest))
    return Descriptor(answer.media_type, str(digest), int(size))


def get_manifest(at: Endpoint, reference: str) -> Manifest | None:
    """The manifest or index that is meant; None for nothing."""
    ask = _ask(at, "get", "GET", reference)
    answer = at.answered(ask, {200, 404})
    if answer.status == 404:
        return None
    try:
        found = Manifest.read(answer.media_type, answer.body)
    except BadManifest as error:
        raise wrong(ask, f"it is {error}") from error
    _check_meant(ask, reference, found.digest)
    said = answer.headers.get(_DIGEST, found.digest)
    if is_digest(said) and said != found.digest:
        raise wrong(ask, f"the registry calls {said} what is {found.digest}")
    return found


def put_manifest(at: Endpoint, reference: str, media_type: str, data: bytes) -> None:
    """Let it be meant from now on, as the registry has to prove."""
    digest = digest_of_bytes(data)
    ask = at.ask(
        f"push {_shown(at, reference)}",
        "PUT",
        at.url(f"manifests/{checked_reference(reference)}"),
        access=at.access(push=True),
        headers={"Content-Type": media_type},
        body=lambda: io.BytesIO(data),
        size=len(data),
    )
    answer = at.transport.send(ask)
    if answer.status not in _TAKEN:
        if is_digest(reference) or not _is_immutable(answer):
            raise _refused(ask, answer)
        _check_unchanged(at, ask, reference, digest, answer)
        return
    said = answer.headers.get(_DIGEST)
    if said is None:
        found = head_manifest(at, digest)
        said = found.digest if found else "nothing"
    if said != digest:
        raise wrong(ask, f"the registry has {said}, and was sent {digest}")


def _ask(at: Endpoint, verb: str, method: str, reference: str) -> Ask:
    return at.ask(
        f"{verb} {_shown(at, reference)}",
        method,
        at.url(f"manifests/{checked_reference(reference)}"),
        headers={"Accept": _ACCEPT},
        limit=MANIFEST_LIMIT,
    )


def _shown(at: Endpoint, reference: str) -> str:
    return f"{at.name}{'@' if is_digest(reference) else ':'}{reference}"


def _check_meant(ask: Ask, reference: str, digest: str) -> None:
    if is_digest(reference) and digest != reference:
        raise wrong(ask, f"the registry has {digest} in its place")


def _is_immutable(answer: Answer) -> bool:
    said = bool(answer.codes & _IMMUTABLE) or b"immutable" in answer.body.lower()
    return answer.status in {409, 412} or (answer.status in {400, 403} and said)


def _check_unchanged(at: Endpoint, ask: Ask, tag: str, digest: str, answer: Answer) -> None:
    """A tag that cannot change is fine where it means what it should already."""
    found = head_manifest(at, tag)
    if found is not None and found.digest == digest:
        return
    message = f"cannot {ask.action}"
    causes = (answer.said, f"the tag is {found.digest if found else 'nothing'}, not {digest}")
    hint = "push to another tag, or let the registry change this one"
    raise PushFailed(message, causes=causes, hint=hint)


def _refused(ask: Ask, answer: Answer) -> ImagebuildError:
    """The error for a manifest that was not taken: perhaps for its blobs, of which each is told."""
    unknown = (one for one in answer.errors if one.get("code") == "MANIFEST_BLOB_UNKNOWN")
    details = (one.get("detail") for one in unknown)
    told = (one.get("digest") if isinstance(one, dict) else one for one in details)
    digests = tuple(dict.fromkeys(str(digest) for digest in told if is_digest(digest)))
    if digests:
        return BlobsUnknown(f"cannot {ask.action}", digests, (answer.said,))
    return refusal(ask, answer)
