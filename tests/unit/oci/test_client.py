"""What is done with a repository, request by request."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.errors import Denied, ImagebuildError, PushFailed, Unreachable
from imagebuild.events import Event, Transfer, ignore
from imagebuild.oci.descriptors import DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from imagebuild.oci.failures import BlobsUnknown, Later, Wrong
from imagebuild.parallel import each
from tests.support.serving import FakeTime
from tests.unit.oci.loopback import (
    LOGIN,
    PASSWORD,
    REPOSITORY,
    Said,
    Server,
    digest_of,
    error,
    repository,
    serving,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOB = b"a blob" * 1000
DIGEST = digest_of(BLOB)
NONE = digest_of(b"nobody has it")
MANIFEST = json.dumps({"schemaVersion": 2, "config": {}, "layers": []}).encode()
INDEX = json.dumps({"schemaVersion": 2, "manifests": []}).encode()
POST, PUT, HEAD = "POST blobs/uploads/", "PUT blobs/uploads/…", f"HEAD blobs/{DIGEST}"


@pytest.fixture
def server() -> Iterator[Server]:
    """Give a registry that is open to all."""
    with serving() as made:
        yield made


def asked(server: Server) -> list[str]:
    """The requests, the sessions of uploads left out."""
    return [
        f"{one.rpartition('/')[0]}/…" if "uploads/" in one and not one.endswith("/") else one
        for one in server.requests
    ]


def push(server: Server, data: bytes = BLOB, *sources: str, time: FakeTime | None = None) -> bool:
    """Push a blob, and say what the client says."""
    with repository(server, time=time) as at:
        return at.push_blob(
            digest_of(data), len(data), lambda: io.BytesIO(data), ignore, mount_from=sources
        )


# Manifests


def hold(server: Server, data: bytes, media_type: str, **headers: str) -> None:
    """Let the tag v1 be this."""
    server.say("GET", ".*", Said(200, data, {"Content-Type": media_type, **headers}), 9)


def test_to_find_a_tag_is_one_request(server: Server) -> None:
    """Of which the answer is a descriptor; nobody was asked whether there is a registry."""
    server.manifests[REPOSITORY, "v1"] = OCI_INDEX, INDEX
    with repository(server) as at:
        found = at.head_manifest("v1")
        assert at.head_manifest("v2") is None

    assert found is not None
    assert (found.media_type, found.digest, found.size) == (OCI_INDEX, digest_of(INDEX), len(INDEX))
    assert server.requests == ["HEAD manifests/v1", "HEAD manifests/v2"]
    assert all(kind in server.asked[0].headers["accept"] for kind in (OCI_INDEX, DOCKER_MANIFEST))
    assert "authorization" not in server.asked[0].headers


@pytest.mark.parametrize("said", [Said(200, INDEX), Said(405)])
def test_a_registry_that_tells_no_digest_is_asked_for_the_whole(server: Server, said: Said) -> None:
    """And what came back is what counts."""
    server.say("HEAD", ".*", said)
    hold(server, INDEX, OCI_INDEX)
    with repository(server) as at:
        found = at.head_manifest("v1")

    assert found is not None
    assert (found.digest, found.media_type) == (digest_of(INDEX), OCI_INDEX)
    assert server.requests == ["HEAD manifests/v1", "GET manifests/v1"]


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        (OCI_MANIFEST, MANIFEST),
        (f"{OCI_MANIFEST}; charset=utf-8", MANIFEST),
        (DOCKER_MANIFEST, MANIFEST),
        (OCI_INDEX, INDEX),
        (DOCKER_INDEX, INDEX),
        ("application/json", json.dumps({**json.loads(INDEX), "mediaType": OCI_INDEX}).encode()),
    ],
)
def test_a_manifest_comes_byte_for_byte(server: Server, media_type: str, data: bytes) -> None:
    """With what it is, and the digest of just these bytes."""
    hold(server, data, media_type)
    with repository(server) as at:
        found = at.get_manifest("v1")

    assert found is not None
    assert (found.data, found.digest) == (data, digest_of(data))
    assert found.media_type in (OCI_MANIFEST, DOCKER_MANIFEST, OCI_INDEX, DOCKER_INDEX)
    assert server.requests == ["GET manifests/v1"]


SCHEMA_1 = json.dumps({"schemaVersion": 1, "fsLayers": []}).encode()
BOTH = json.dumps({"schemaVersion": 2, "layers": [], "manifests": []}).encode()
OTHER = json.dumps({**json.loads(MANIFEST), "mediaType": DOCKER_MANIFEST}).encode()


@pytest.mark.parametrize(
    ("media_type", "data", "words"),
    [
        ("application/vnd.docker.distribution.manifest.v1+prettyjws", SCHEMA_1, "schema 1"),
        ("application/vnd.docker.distribution.manifest.v1+json", SCHEMA_1, "schema 1"),
        ("application/json", SCHEMA_1, "schema 1"),
        (OCI_MANIFEST, BOTH, "or both"),
        (OCI_MANIFEST, OTHER, "that is called"),
        (OCI_MANIFEST, INDEX, "something else than"),
        (OCI_INDEX, MANIFEST, "something else than"),
        ("text/html", b"<html>", "no JSON"),
        (OCI_MANIFEST, b"[]", "no JSON object"),
        (OCI_MANIFEST, b"[" * 100_000, "no JSON"),
        ("application/vnd.oci.artifact.manifest.v1+json", MANIFEST, "artifact"),
        (OCI_MANIFEST, b" " * (4 << 20) + MANIFEST, "longer than 4194304 bytes"),
    ],
)
def test_what_is_no_image_is_refused(
    server: Server, media_type: str, data: bytes, words: str
) -> None:
    """Also what could be read as two things."""
    hold(server, data, media_type)
    with repository(server) as at, pytest.raises(Wrong, match="cannot get") as caught:
        at.get_manifest("v1")

    assert words in caught.value.causes[0]


def test_a_manifest_that_is_not_what_it_is_called_is_refused(server: Server) -> None:
    """By the digest that was asked for, and by the registry's own word."""
    hold(server, MANIFEST, OCI_MANIFEST)
    with repository(server) as at, pytest.raises(Wrong):
        at.get_manifest(NONE)
    server.instead.clear()
    hold(server, MANIFEST, OCI_MANIFEST, **{"Docker-Content-Digest": NONE})
    with repository(server) as at, pytest.raises(Wrong) as caught:
        at.get_manifest("v1")
    assert NONE in caught.value.causes[0]
    server.say("HEAD", ".*", Said(200, MANIFEST, {"Docker-Content-Digest": NONE}))
    with repository(server) as at, pytest.raises(Wrong):
        at.head_manifest(digest_of(MANIFEST))


def test_a_manifest_is_put_and_proved(server: Server) -> None:
    """With its media type as it is; one request where the registry tells the digest."""
    with repository(server) as at:
        at.put_manifest("v1", OCI_MANIFEST, MANIFEST)

    assert server.requests == ["PUT manifests/v1"]
    assert server.asked[0].headers["content-type"] == OCI_MANIFEST
    assert "expect" not in server.asked[0].headers
    assert server.asked[0].body == MANIFEST


def test_a_registry_that_does_not_tell_what_it_took_is_asked(server: Server) -> None:
    """By the digest, which it has to know."""
    server.say("PUT", ".*", Said(201), 2)
    server.manifests[REPOSITORY, digest_of(MANIFEST)] = OCI_MANIFEST, MANIFEST
    with repository(server) as at:
        at.put_manifest("v1", OCI_MANIFEST, MANIFEST)
        assert server.requests == ["PUT manifests/v1", f"HEAD manifests/{digest_of(MANIFEST)}"]
        with pytest.raises(PushFailed, match="cannot push"):
            at.put_manifest("v1", OCI_MANIFEST, INDEX)


def test_a_registry_that_took_another_manifest_is_no_success(server: Server) -> None:
    """Both digests are told."""
    server.say("PUT", ".*", Said(201, headers={"Docker-Content-Digest": NONE}))
    with repository(server) as at, pytest.raises(Wrong) as caught:
        at.put_manifest("v1", OCI_MANIFEST, MANIFEST)

    assert NONE in caught.value.causes[0]
    assert digest_of(MANIFEST) in caught.value.causes[0]


@pytest.mark.parametrize(
    "details",
    [[{"digest": DIGEST}, {"digest": NONE}], [DIGEST, NONE], [{"digest": DIGEST}, DIGEST, NONE]],
)
def test_every_blob_that_a_manifest_misses_is_told(server: Server, details: list[Any]) -> None:
    """So that just these can be pushed."""
    errors = [{"code": "MANIFEST_BLOB_UNKNOWN", "detail": detail} for detail in details]
    server.say("PUT", ".*", Said(400, {"errors": errors}))
    with repository(server) as at, pytest.raises(BlobsUnknown) as caught:
        at.put_manifest("v1", OCI_MANIFEST, MANIFEST)

    assert caught.value.digests == (DIGEST, NONE)


@pytest.mark.parametrize("detail", [None, 1, {}, {"digest": "sha256:../../x"}, ["x"]])
def test_a_missing_blob_without_its_digest_is_a_refusal(server: Server, detail: Any) -> None:
    """Nothing that the registry says becomes a path."""
    said = {"errors": [{"code": "MANIFEST_BLOB_UNKNOWN", "detail": detail}]}
    server.say("PUT", ".*", Said(400, said))
    with repository(server) as at, pytest.raises(PushFailed) as caught:
        at.put_manifest("v1", OCI_MANIFEST, MANIFEST)

    assert not isinstance(caught.value, BlobsUnknown)


IMMUTABLE = [
    Said(400, error("TAG_INVALID", "The image tag 'v1' already exists and cannot be overwritten")),
    Said(400, error("ImageTagAlreadyExistsException")),
    Said(409, error("DENIED", "tag exists")),
    Said(412, error("PRECONDITION", "configured as immutable")),
    Said(403, error("DENIED", "the tag is immutable")),
]


@pytest.mark.parametrize("said", IMMUTABLE)
def test_a_tag_that_cannot_change_may_mean_the_same(server: Server, said: Said) -> None:
    """Then there is nothing to do; else both digests are told."""
    server.manifests[REPOSITORY, "v1"] = OCI_MANIFEST, MANIFEST
    server.say("PUT", ".*", said, 2)
    with repository(server) as at:
        at.put_manifest("v1", OCI_MANIFEST, MANIFEST)
        with pytest.raises(PushFailed) as caught:
            at.put_manifest("v1", OCI_MANIFEST, INDEX)

    assert digest_of(MANIFEST) in str(caught.value)
    assert digest_of(INDEX) in str(caught.value)


# Blobs


def test_a_blob_is_there_or_not(server: Server) -> None:
    """One request each; not there is no error."""
    server.hold_blob(BLOB)
    with repository(server) as at:
        assert at.has_blob(DIGEST)
        assert not at.has_blob(NONE)
        assert at.get_blob(DIGEST, len(BLOB)) == BLOB
        assert b"".join(at.stream_blob(DIGEST, len(BLOB))) == BLOB

    assert [one.partition(" ")[0] for one in server.requests] == ["HEAD", "HEAD", "GET", "GET"]
    assert server.asked[2].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("data", [BLOB[:-1] + b"!", BLOB[:-1], BLOB + b"!", b""])
def test_a_blob_that_is_not_what_it_is_called_is_refused(server: Server, data: bytes) -> None:
    """Whole or in pieces."""
    server.say("GET", ".*", Said(200, data), 2)
    with repository(server) as at:
        with pytest.raises(Wrong):
            at.get_blob(DIGEST, len(BLOB))
        with pytest.raises(Wrong):
            list(at.stream_blob(DIGEST, len(BLOB)))


@pytest.mark.parametrize("digest", ["sha256:../..", "", "sha256:" + "g" * 64, f"{DIGEST}/x", "v1"])
def test_what_is_no_digest_becomes_no_address(server: Server, digest: str) -> None:
    """It may come from a manifest that somebody else wrote: CVE-2024-3727."""
    with repository(server) as at:
        for call in (
            lambda: at.has_blob(digest),
            lambda: at.get_blob(digest, 1),
            lambda: at.push_blob(digest, 1, io.BytesIO, ignore),
            lambda: at.mount_blob(digest, "a"),
        ):
            with pytest.raises(ValueError, match="is not a digest"):
                call()
    assert server.asked == []


def test_a_small_blob_is_small(server: Server) -> None:
    """Whatever somebody's manifest says of it."""
    with repository(server) as at, pytest.raises(Wrong, match="more than a config may have"):
        at.get_blob(DIGEST, 9 << 20)
    assert server.asked == []


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_stream_that_breaks_off_is_taken_up(server: Server, knows_ranges: bool) -> None:
    """Where it was, if the registry can."""
    half = len(BLOB) // 2
    server.say("GET", ".*", Said(200, BLOB[:half], length=len(BLOB)))
    rest = Said(206, BLOB[half:]) if knows_ranges else Said(200, BLOB)
    server.say("GET", ".*", rest)
    with repository(server) as at:
        assert b"".join(at.stream_blob(DIGEST, len(BLOB))) == BLOB

    assert server.asked[1].headers["range"] == f"bytes={half}-"


def test_a_blob_is_pushed_in_two_requests(server: Server) -> None:
    """A mount from the repository itself, which begins the upload; then all bytes at once."""
    events: list[Event] = []
    with repository(server) as at:
        assert at.push_blob(DIGEST, len(BLOB), lambda: io.BytesIO(BLOB), events.append)
        assert not at.push_blob(DIGEST, len(BLOB), lambda: io.BytesIO(BLOB), events.append)

    assert asked(server) == [POST, PUT, POST]
    assert server.asked[0].query == {"mount": [DIGEST], "from": [REPOSITORY]}
    assert "transfer-encoding" not in server.asked[1].headers
    assert server.blobs[REPOSITORY, DIGEST] == BLOB
    whole = Transfer("push", DIGEST[7:19], len(BLOB), len(BLOB))
    assert [events[-2], events[-1]] == [whole, whole]


def test_a_blob_is_mounted_from_the_first_that_has_it(server: Server) -> None:
    """Nothing is sent; the upload that was begun on the way is given up."""
    server.hold_blob(BLOB, "bases/prefect")

    assert not push(server, BLOB, "bases/other", "bases/prefect")

    assert asked(server) == [POST, POST, "DELETE blobs/uploads/…"]
    assert server.uploads == set()


def test_a_blob_that_nobody_has_is_sent_to_the_first_upload(server: Server) -> None:
    """There is one at most left over, and none in the end."""
    assert push(server, BLOB, "bases/other")

    assert asked(server) == [POST, POST, "DELETE blobs/uploads/…", PUT]
    assert server.uploads == set()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405])
def test_a_registry_that_mounts_nothing_is_remembered(server: Server, status: int) -> None:
    """Then it is asked whether it has the blob, and for an upload."""
    server.say("POST", r".*\?mount=.*", Said(status), 9)
    with repository(server) as at:
        assert at.push_blob(DIGEST, len(BLOB), lambda: io.BytesIO(BLOB), ignore)
        assert asked(server) == [POST, HEAD, POST, PUT]
        server.asked.clear()
        assert not at.push_blob(DIGEST, len(BLOB), lambda: io.BytesIO(BLOB), ignore)
        assert asked(server) == [HEAD]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405])
def test_a_mount_from_another_repository_can_be_refused(server: Server, status: int) -> None:
    """That says nothing about the repository itself."""
    server.say("POST", r".*from=bases/.*", Said(status), 9)
    assert push(server, BLOB, "bases/prefect")
    assert asked(server) == [POST, POST, PUT]


@pytest.mark.parametrize("said", [Said(500), Said(None), Said(503, headers={"Retry-After": "1"})])
def test_a_mount_from_another_repository_that_fails_is_an_upload(
    server: Server, said: Said
) -> None:
    """It is tried again before, as it may save many bytes."""
    server.say("POST", r".*from=bases/.*", said, 9)
    assert push(server, BLOB, "bases/prefect")
    assert asked(server) == [POST] * 5 + [POST, PUT]


def test_a_mount_alone_leaves_no_upload_behind(server: Server) -> None:
    """It is there afterwards, or the registry said no."""
    server.hold_blob(BLOB, "bases/prefect")
    with repository(server) as at:
        assert at.mount_blob(DIGEST, "bases/prefect")
        assert not at.mount_blob(NONE, "bases/prefect")
        server.say("POST", ".*", Said(405))
        assert not at.mount_blob(NONE, "bases/prefect")

    assert asked(server) == [POST, POST, "DELETE blobs/uploads/…", POST]
    assert server.uploads == set()


@pytest.mark.parametrize(
    "said",
    [
        Said(None),
        Said(500),
        Said(503, headers={"Retry-After": "7"}),
        Said(429),
        Said(404, error("BLOB_UPLOAD_UNKNOWN")),
        Said(400, error("BLOB_UPLOAD_INVALID")),
        Said(400, error("DIGEST_INVALID")),
        Said(416),
    ],
)
def test_an_upload_that_breaks_off_begins_anew(server: Server, said: Said) -> None:
    """From its very beginning, with an address of its own."""
    time = FakeTime()
    server.say("PUT", ".*", said, 2)
    assert push(server, time=time)

    assert asked(server) == [POST, PUT, POST, PUT, POST, PUT]
    assert server.blobs[REPOSITORY, DIGEST] == BLOB
    assert len(time.slept) == 2
    assert ("Retry-After" not in said.headers) or time.slept == [7.0, 7.0]


def test_patience_with_an_upload_ends(server: Server) -> None:
    """After five tries; what the registry said is told."""
    server.say("PUT", ".*", Said(503, error("UNAVAILABLE", "come back\x1b[31m later")), 9)
    with pytest.raises(Later, match=f"cannot push to {server.host}/{REPOSITORY}") as caught:
        push(server)

    assert len(server.asked) == 10
    assert r"UNAVAILABLE: come back\x1b[31m later" in caught.value.causes[0]
    assert "_state=…" in caught.value.causes[0]


@pytest.mark.parametrize("data", [b"", b"short", BLOB + b"longer", b"x" * len(BLOB)])
def test_content_that_is_not_what_it_is_called_never_arrives_whole(
    server: Server, data: bytes
) -> None:
    """The registry gets nothing that it could take for the blob."""
    with repository(server) as at, pytest.raises(PushFailed, match="should be sha256"):
        at.push_blob(DIGEST, len(BLOB), lambda: io.BytesIO(data), ignore)

    assert server.blobs == {}


def test_leave_to_push_is_asked_for_and_nothing_stays(server: Server) -> None:
    """An upload begins and is given up; a registry that does not let us give up is fine too."""
    with repository(server) as at:
        at.check_push()
        server.say("DELETE", ".*", Said(405))
        at.check_push()
        server.say("POST", ".*", Said(403, error("DENIED", "no")))
        with pytest.raises(Denied):
            at.check_push()

    delete = "DELETE blobs/uploads/…"
    assert asked(server) == [POST, delete, POST, delete, POST]


def test_many_threads_push_at_once(server: Server) -> None:
    """Each blob in two requests, over no more connections than threads."""
    with repository(server) as at:

        def push_one(number: int) -> bool:
            data = BLOB + bytes([number])
            return at.push_blob(digest_of(data), len(data), lambda: io.BytesIO(data), ignore)

        assert each(push_one, range(24), at_once=6) == [True] * 24

    assert sorted(asked(server)) == [POST] * 24 + [PUT] * 24
    assert server.connections <= 6


# Refusals


@pytest.mark.parametrize(
    ("said", "kind", "hint"),
    [
        (Said(401), Denied, "docker login"),
        (Said(403, error("DENIED", "no")), Denied, f"as somebody who may use {REPOSITORY}"),
        (Said(400, error("UNAUTHORIZED")), Denied, "docker login"),
        (Said(404, error("NAME_UNKNOWN")), PushFailed, f"has a repository {REPOSITORY}"),
        (Said(413, b"<html>"), PushFailed, f"take bodies of {len(MANIFEST)} bytes"),
        (Said(400, error("MANIFEST_INVALID", "bad")), PushFailed, ""),
        (Said(418, b"teapot", {"Content-Type": "text/plain"}), PushFailed, ""),
        (Said(404, b"x" * 100_000), PushFailed, "check that"),
        (Said(400, b"[" * 60_000), PushFailed, ""),
        (Said(400, {"errors": [1, {"code": None}]}), PushFailed, ""),
        (Said(504), Unreachable, "try again"),
    ],
)
def test_a_refusal_tells_what_the_registry_said(
    server: Server, said: Said, kind: type[ImagebuildError], hint: str
) -> None:
    """And what to do, where somebody can."""
    server.say("PUT", ".*", said, 9)
    with repository(server) as at, pytest.raises(kind) as caught:
        at.put_manifest("v1", OCI_MANIFEST, MANIFEST)

    assert caught.value.message == f"cannot push {server.host}/{REPOSITORY}:v1"
    assert f"PUT {server.url}/v2/{REPOSITORY}/manifests/v1: {said.status}" in caught.value.causes[0]
    assert hint in (caught.value.hint or "")
    assert len(server.asked) == (5 if kind is Unreachable else 1)


def test_no_password_is_in_a_refusal(server: Server) -> None:
    """Whatever goes wrong."""
    server.opens = "Basic"
    server.say("HEAD", ".*", Said(403, error("DENIED", "no")), 9)
    with repository(server, LOGIN) as at, pytest.raises(Denied) as caught:
        at.head_manifest("v1")
    assert PASSWORD not in repr(caught.value.__dict__)


@pytest.mark.parametrize("reference", ["", "../../x", "a/b", "a?b", "é", "x" * 129, "sha256:1"])
def test_what_is_no_tag_becomes_no_address(server: Server, reference: str) -> None:
    """Nor what is no digest."""
    with repository(server) as at:
        for call in (
            lambda: at.head_manifest(reference),
            lambda: at.get_manifest(reference),
            lambda: at.put_manifest(reference, OCI_MANIFEST, MANIFEST),
        ):
            with pytest.raises(ValueError, match="neither a tag nor a digest"):
                call()
    assert server.asked == []


def test_content_that_cannot_be_opened_is_told(server: Server) -> None:
    """By its own reason."""

    def gone() -> io.BytesIO:
        raise FileNotFoundError(2, "No such file", "layer.tar")

    with repository(server) as at, pytest.raises(PushFailed) as caught:
        at.push_blob(DIGEST, len(BLOB), gone, ignore)
    assert "layer.tar" in caught.value.causes[0]
