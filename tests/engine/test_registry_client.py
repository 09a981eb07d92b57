"""Our registry client and docker's own registry, with what can go wrong between the two."""

from __future__ import annotations

import hashlib
import io
import json
import re
import uuid
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from imagebuild.errors import Denied, ImagebuildError, PushFailed, RefusedByPolicy, Unreachable
from imagebuild.events import ignore
from imagebuild.names import ImageName
from imagebuild.oci.cache import Cache
from imagebuild.oci.client import Registries
from imagebuild.oci.credentials import Logins
from imagebuild.oci.descriptors import DOCKER_MANIFEST, OCI_MANIFEST
from imagebuild.oci.failures import BlobsUnknown, Later, Wrong
from imagebuild.oci.remote import Remote
from imagebuild.registries.http import HttpRegistry
from imagebuild.web import Clock
from tests.support.certificates import loopback_certificate
from tests.support.proxies import (
    Cut,
    Edit,
    Fault,
    Request,
    header_set,
    recording_http,
    status_answer,
)
from tests.support.small_image import import_small
from tests.support.tls_front import tls_front

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from docker import DockerClient

    from imagebuild.oci.client import Repository
    from tests.support.proxies import RecordingProxy
    from tests.support.registry import Registry

# Larger than any buffer on the way, so that an upload can break off in its middle.
LAYER = hashlib.sha256(b"layer").digest() * (1 << 17)
TAR = b"\0" * 1024
POST, PUT, MANIFEST = "POST blobs/uploads/", "PUT blobs/uploads/…", "PUT manifests/v1"
PUSH = [POST, PUT, POST, PUT, MANIFEST]
ELSEWHERE = "canary-elsewhere"


def digest_of(data: bytes) -> str:
    """The digest that bytes have."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass
class Client:
    """Our client before a proxy that keeps what it asks, at a repository that nobody used yet."""

    proxy: RecordingProxy
    host: str
    registries: Registries
    slept: list[float]
    layer: bytes = LAYER

    def __post_init__(self) -> None:
        self.name = ImageName.parse(f"{self.host}/client/{uuid.uuid4().hex}:v1")
        self.layer += self.name.repository.encode()

    @property
    def at(self) -> Repository:
        return self.registries.repository(self.name, push=True)

    @property
    def config(self) -> bytes:
        """Of an image that an engine can pull, where the layer is a tar."""
        rootfs = {"type": "layers", "diff_ids": [digest_of(self.layer)]}
        about = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}
        return json.dumps({**about, "history": [{"comment": self.name.repository}]}).encode()

    @property
    def manifest(self) -> bytes:
        """The image itself."""
        layer_type = "application/vnd.docker.image.rootfs.diff.tar"
        config_type = "application/vnd.docker.container.image.v1+json"
        return json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": DOCKER_MANIFEST,
                "config": self._descriptor(config_type, self.config),
                "layers": [self._descriptor(layer_type, self.layer)],
            }
        ).encode()

    def send(self, data: bytes, *sources: str) -> bool:
        """Push one blob."""
        return self.at.push_blob(
            digest_of(data), len(data), lambda: io.BytesIO(data), ignore, sources
        )

    def push(self) -> str:
        """Push all of the image; its digest."""
        for data in (self.layer, self.config):
            self.send(data)
        self.at.put_manifest("v1", DOCKER_MANIFEST, self.manifest)
        return digest_of(self.manifest)

    @property
    def asked(self) -> list[str]:
        """The requests so far, the sessions of uploads left out."""
        below = f"/v2/{self.name.repository}/"
        lines = [f"{one.method} {one.path.partition('?')[0]}" for one in self.proxy.requests]
        lines = [line.replace(below, "") for line in lines]
        return [re.sub(r"(uploads/)[0-9a-f-]{36}", r"\1…", line) for line in lines]

    def holds_all(self) -> bool:
        """Whether the registry has the image, byte for byte, as it tells without our proxy."""
        self.proxy.faults.clear()
        self.proxy.edits.clear()
        found = self.at.get_manifest("v1")
        return (
            found is not None
            and found.data == self.manifest
            and self.at.get_blob(digest_of(self.config), len(self.config)) == self.config
            and b"".join(self.at.stream_blob(digest_of(self.layer), len(self.layer))) == self.layer
        )

    @staticmethod
    def _descriptor(media_type: str, data: bytes) -> dict[str, object]:
        return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


@contextmanager
def client_of(address: str, login: Mapping[str, str] | None = None) -> Iterator[Client]:
    """A client before a proxy, whose waits are only written down."""
    slept: list[float] = []
    with recording_http(address) as (proxy, host):
        logins = Logins({}, {host: login} if login else {})
        clock = Clock(lambda: sum(slept), slept.append)
        with closing(Registries({}, logins, clock=clock)) as registries:
            yield Client(proxy, host, registries, slept)


@pytest.fixture
def client(registry: Registry) -> Iterator[Client]:
    """Give a client of the registry that is open to all."""
    with client_of(registry.address) as made:
        yield made


@pytest.fixture
def private(private_registry: Registry) -> Iterator[Client]:
    """Give a client of the registry that asks for a password, and has it."""
    login = {
        "username": str(private_registry.username),
        "password": str(private_registry.password),
    }
    with client_of(private_registry.address, login) as made:
        yield made


# How it should be


def test_an_image_is_five_requests_and_none_of_them_for_nothing(client: Client) -> None:
    """Two for a blob, one for the manifest; afterwards one tells that it is there."""
    digest = client.push()
    assert client.asked == PUSH
    assert not any("expect" in one.headers for one in client.proxy.requests)

    client.proxy.clear()
    assert HttpRegistry(Remote(client.registries, Cache(None))).find(client.name) == digest
    assert client.asked == ["HEAD manifests/v1"]

    client.proxy.clear()
    assert client.push() == digest
    assert client.asked == [POST, POST, MANIFEST]
    assert client.holds_all()


def test_an_engine_pulls_what_was_pushed(
    client: Client, registry: Registry, engine: DockerClient
) -> None:
    """By its digest."""
    client.layer = TAR
    reference = f"{registry.address}/{client.name.repository}@{client.push()}"

    image = engine.images.pull(reference)
    try:
        assert image.id == digest_of(client.config)
    finally:
        engine.images.remove(reference)


def test_what_an_engine_pushed_is_found_and_read(
    client: Client, registry: Registry, engine: DockerClient
) -> None:
    """As the engine left it there, manifest, config and layers."""
    repository = f"{registry.address}/{client.name.repository}"
    image = engine.images.get(import_small(engine))
    image.tag(repository, "v1")
    engine.api.push(repository, "v1")
    engine.images.remove(f"{repository}:v1")

    found = client.at.get_manifest("v1")
    assert found is not None
    assert found.digest == HttpRegistry(Remote(client.registries, Cache(None))).find(client.name)
    manifest = json.loads(found.data)
    config = client.at.get_blob(manifest["config"]["digest"], manifest["config"]["size"])
    assert digest_of(config) == image.id
    for layer in manifest["layers"]:
        data = b"".join(client.at.stream_blob(layer["digest"], layer["size"]))
        assert len(data) == layer["size"]


def test_a_blob_is_mounted_from_another_repository(client: Client) -> None:
    """None of its bytes are sent again."""
    client.push()
    first = client.name.repository
    client.__post_init__()
    client.proxy.clear()

    layer = LAYER + first.encode()
    assert not client.send(layer, first)
    assert client.asked == [POST]
    assert client.at.has_blob(digest_of(layer))
    assert client.at.mount_blob(digest_of(layer), first)
    assert not client.at.mount_blob(digest_of(b"nobody has it"), first)


def test_blobs_that_are_missing_are_told(client: Client) -> None:
    """All of them, so that just these can be pushed."""
    with pytest.raises(BlobsUnknown) as caught:
        client.at.put_manifest("v1", DOCKER_MANIFEST, client.manifest)

    assert set(caught.value.digests) == {digest_of(client.layer), digest_of(client.config)}


def test_leave_to_push_is_asked_for(client: Client) -> None:
    """By an upload that is given up; what the registry says to that does not matter."""
    client.at.check_push()
    assert client.asked == [POST, "DELETE blobs/uploads/…"]


def test_a_password_is_asked_for_once(private: Client) -> None:
    """From then on it is sent along."""
    private.push()

    assert private.asked == [POST, *PUSH]
    assert "authorization" not in private.proxy.requests[0].headers
    assert private.holds_all()


def test_without_a_password_it_is_told_how_to_log_in(private_registry: Registry) -> None:
    """Before anything is sent."""
    with client_of(private_registry.address) as nobody, pytest.raises(Denied) as caught:
        nobody.push()

    assert f"docker login {nobody.host}" in (caught.value.hint or "")
    assert nobody.asked == [POST, f"HEAD blobs/{digest_of(nobody.layer)}"]


# Mounts


@pytest.mark.parametrize("status", ["400 No", "401 No", "403 No", "404 No", "405 No"])
def test_a_registry_that_mounts_nothing_is_pushed_to(client: Client, status: str) -> None:
    """It is asked for a mount once."""
    client.proxy.faults.append(Fault("POST", r".*\?mount=.*", 99, status_answer(status)))

    client.push()

    look = [f"HEAD blobs/{digest_of(data)}" for data in (client.layer, client.config)]
    assert client.asked == [POST, look[0], POST, PUT, look[1], POST, PUT, MANIFEST]
    assert client.holds_all()


@pytest.mark.parametrize("status", ["400 No", "401 No", "403 No", "404 No", "405 No", None])
def test_a_mount_from_another_repository_that_is_refused_is_an_upload(
    client: Client, status: str | None
) -> None:
    """Or one that the registry answers with an upload."""
    if status:
        client.proxy.faults.append(Fault("POST", r".*from=bases/.*", 99, status_answer(status)))

    assert client.send(client.layer, "bases/gone")

    delete = ["DELETE blobs/uploads/…"]
    assert client.asked == ([POST, POST, PUT] if status else [POST, POST, *delete, PUT])
    assert client.at.has_blob(digest_of(client.layer))


# Where an upload goes


@pytest.mark.parametrize("kind", ["absolute", "path", "host"])
def test_an_upload_goes_where_the_registry_says(client: Client, kind: str) -> None:
    """However it says it, and with all that it says."""
    start = {"absolute": f"http://{client.host}", "path": "", "host": client.host}[kind]

    def rewritten(answer: bytes) -> bytes:
        pattern = rb"(?im)^Location: http://[^/]+(/v2/[^\r]+)"
        assert re.search(pattern, answer)
        return re.sub(pattern, rf"Location: {start}\1".encode(), answer)

    client.proxy.edits.append(Edit("POST", ".*", 99, rewritten))
    client.push()

    assert client.asked == PUSH
    assert all("_state=" in one.path for one in client.proxy.asked("PUT", ".*uploads.*"))
    assert client.holds_all()


def _secrets_in(storage: RecordingProxy, client: Client) -> list[str]:
    """What another host has seen of what the registry is let in by."""
    login = client.registries.login(client.name)
    sent = {request.headers.get("authorization") for request in client.proxy.requests} - {None}
    assert sent
    seen = repr(storage.requests)
    words = [login["username"], login["password"], *(str(one).split()[-1] for one in sent)]
    return [word for word in words if word in seen]


def test_an_upload_to_another_host_gets_no_password(private: Client) -> None:
    """It is sent whole; nobody there is told who we are."""
    with recording_http("localhost:1") as (storage, there):
        storage.gate = lambda _: status_answer("201 Created")
        place = f"http://{there}/bucket?signature={ELSEWHERE}"
        private.proxy.edits.append(Edit("POST", ".*", 99, header_set("Location", place)))
        # The registry itself never gets the blob.
        assert private.send(private.layer)

    (put,) = storage.requests
    assert put.path == f"/bucket?signature={ELSEWHERE}&digest={digest_of(private.layer)}"
    assert put.headers["content-length"] == str(len(private.layer))
    assert _secrets_in(storage, private) == []


@pytest.mark.parametrize("place", ["http://169.254.169.254/x", "https://[fe80::1]/x", "gopher://x"])
def test_an_upload_to_where_no_registry_is_goes_nowhere(client: Client, place: str) -> None:
    """Such as a cloud's own metadata."""
    client.proxy.edits.append(Edit("POST", ".*", 99, header_set("Location", place)))
    with pytest.raises(RefusedByPolicy):
        client.push()


def test_a_blob_that_lies_elsewhere_is_fetched_without_a_password(private: Client) -> None:
    """And is what it is called."""
    private.push()
    with recording_http("localhost:1") as (storage, there):
        storage.gate = lambda _: status_answer("200 OK", body="not the layer")
        moved = status_answer("307 Moved", f"Location: http://{there}/b?sig={ELSEWHERE}")
        private.proxy.faults.append(Fault("GET", ".*/blobs/.*", 1, moved))
        with pytest.raises(Wrong) as caught:
            private.at.get_blob(digest_of(private.layer), len(private.layer))

    assert ELSEWHERE not in str(caught.value)
    assert len(storage.requests) == 1
    assert _secrets_in(storage, private) == []


# What breaks


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize(
    "fault",
    [
        Fault(".*", ".*", 1),
        Cut(".*", ".*", 1, sent=0),
        Cut(".*", ".*", 1, sent=100),
        Cut(".*", ".*", 1),
        Fault(".*", ".*", 1, status_answer("429 Busy", "Retry-After: 7")),
        Fault(".*", ".*", 1, status_answer("503 Busy")),
        Fault(".*", ".*", 1, status_answer("500 Oops")),
    ],
    ids=["reset", "nothing", "half", "lost", "429", "503", "500"],
)
def test_each_request_of_a_push_can_break_once(client: Client, number: int, fault: Fault) -> None:
    """The image is there in the end, and nothing was asked for that need not be."""
    client.proxy.faults.append(replace(fault, after=number))

    client.push()

    again = {0: [POST], 1: [POST, PUT], 2: [POST], 3: [POST, PUT], 4: [MANIFEST]}[number]
    if isinstance(fault, Cut) and fault.sent is None and again == [POST, PUT]:
        again = [POST]  # the blob was taken, though nobody told us
    assert client.asked == [*PUSH[: number + 1], *again, *PUSH[number + 1 :]]
    assert len(client.slept) == 1
    assert b"Retry-After" not in fault.answer or client.slept == [7.0]
    assert client.holds_all()


@pytest.mark.parametrize("fault", [Fault("PUT", ".*uploads.*", 99), Cut("PUT", ".*", 99, sent=9)])
def test_patience_ends(client: Client, fault: Fault) -> None:
    """After five tries, with growing breaks; no manifest names what is not there."""
    client.proxy.faults.append(replace(fault))

    with pytest.raises(Later, match="cannot push to") as caught:
        client.push()

    assert client.asked == [POST, PUT] * 5
    assert [round(seconds) for seconds in client.slept[:2]] == [1, 2]
    assert len(client.slept) == 4
    assert "_state=…" in caught.value.causes[0]
    client.proxy.faults.clear()
    assert client.at.get_manifest("v1") is None


@pytest.mark.parametrize("times", [1, 3])
def test_a_blob_that_comes_in_pieces_is_taken_up_where_it_broke_off(
    client: Client, times: int
) -> None:
    """By the registry itself, which knows ranges; nothing comes twice."""
    client.push()
    client.proxy.clear()

    client.proxy.edits.append(Edit("GET", ".*/blobs/.*", times, lambda answer: answer, ends=True))
    got = b"".join(client.at.stream_blob(digest_of(client.layer), len(client.layer)))

    assert got == client.layer
    assert len(client.proxy.requests) == times + 1


# What a registry claims


def test_another_digest_than_ours_is_no_success(client: Client) -> None:
    """Both are told, and nothing counts as pushed."""
    other = digest_of(b"other")
    client.proxy.edits.append(
        Edit("PUT", ".*manifests.*", 1, header_set("Docker-Content-Digest", other))
    )
    with pytest.raises(Wrong) as caught:
        client.push()

    assert other in caught.value.causes[0]
    assert digest_of(client.manifest) in caught.value.causes[0]


def test_no_digest_at_all_is_asked_for(client: Client) -> None:
    """By one more request."""
    client.proxy.edits.append(
        Edit("PUT", ".*manifests.*", 1, header_set("Docker-Content-Digest", ""))
    )
    digest = client.push()

    assert client.asked == [*PUSH, f"HEAD manifests/{digest}"]
    client.proxy.clear()
    client.proxy.edits.append(Edit("HEAD", ".*", 1, header_set("Docker-Content-Digest", "")))
    assert HttpRegistry(Remote(client.registries, Cache(None))).find(client.name) == digest
    assert client.asked == ["HEAD manifests/v1", "GET manifests/v1"]


@pytest.mark.parametrize(
    "refused",
    [
        status_answer(
            "400 Bad Request",
            body='{"errors": [{"code": "TAG_INVALID", "message": "The image tag cannot be '
            'overwritten because the repository is immutable."}]}',
        ),
        status_answer("409 Conflict"),
        status_answer("412 Precondition Failed"),
    ],
)
def test_a_tag_that_cannot_change_may_mean_the_same(client: Client, refused: bytes) -> None:
    """Then the push is done; else both digests are told."""
    first = client.push()
    client.proxy.faults.append(Fault("PUT", ".*manifests.*", 2, refused))

    assert client.push() == first
    client.layer += b"another"
    with pytest.raises(PushFailed) as caught:
        client.push()

    assert first in str(caught.value)
    assert digest_of(client.manifest) in str(caught.value)
    assert client.at.head_manifest("v1") is not None


def test_a_name_without_a_repository_is_told(client: Client) -> None:
    """As some registries want it made first."""
    body = '{"errors": [{"code": "NAME_UNKNOWN", "message": "The repository does not exist"}]}'
    client.proxy.faults.append(Fault("POST", ".*", 9, status_answer("404 No", body=body)))
    with pytest.raises(PushFailed) as caught:
        client.push()

    assert "NAME_UNKNOWN: The repository does not exist" in caught.value.causes[0]
    assert f"has a repository {client.name.repository}" in (caught.value.hint or "")


# Tokens


class Gate:
    """Lets nobody through to a registry who has no token of its own, each good for a while."""

    def __init__(self, client: Client) -> None:
        self.client, self.good, self.given = client, "", 0

    def __call__(self, request: Request) -> bytes:
        if request.path.startswith("/token"):
            self.given += 1
            self.good = f"canary-token-{self.given}"
            body = json.dumps({"token": self.good, "expires_in": 60})
            return status_answer("200 OK", body=body)
        if request.headers.get("authorization") == f"Bearer {self.good}":
            return b""
        realm = f'Bearer realm="http://{self.client.host}/token",service="tests"'
        return status_answer("401 Unauthorized", f"WWW-Authenticate: {realm}")


def test_a_token_is_fetched_once(client: Client) -> None:
    """For all of a push."""
    client.proxy.gate = Gate(client)
    client.push()

    assert client.asked == [POST, "GET /token", *PUSH]
    assert client.holds_all()


def test_a_token_that_grows_old_is_replaced_before_it_expires(client: Client) -> None:
    """Between two blobs, without a refusal."""
    client.proxy.gate = Gate(client)
    client.send(client.layer)
    client.slept.append(49)
    client.push()

    assert client.asked == [POST, "GET /token", POST, PUT, "GET /token", POST, *PUSH[2:]]


@pytest.mark.parametrize("number", range(5))
def test_a_token_that_expires_before_any_request_is_replaced_once(
    client: Client, number: int
) -> None:
    """And the very request is made again."""
    gate = client.proxy.gate = Gate(client)
    client.send(b"to be let in")
    client.proxy.clear()

    def expire(request: Request) -> bytes:
        if len(client.proxy.requests) == number + 1:
            gate.good = ""
        return gate(request)

    client.proxy.gate = expire
    client.push()

    again = ["GET /token", PUSH[number]]
    assert client.asked == [*PUSH[: number + 1], *again, *PUSH[number + 1 :]]
    assert client.holds_all()


# TLS


def test_a_registry_behind_tls_is_known_by_its_ca(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By no other, and only to whom shows a certificate, where it wants one."""
    certificate = loopback_certificate(tmp_path)
    (tmp_path / "other").mkdir()
    other = loopback_certificate(tmp_path / "other")
    monkeypatch.setenv("HOME", str(tmp_path))
    host, _, port = registry.address.partition(":")
    with tls_front((host, int(port)), certificate, mutual=True) as (address, at_port):
        folder = tmp_path / ".config" / "containers" / "certs.d" / f"{address}:{at_port}"
        folder.mkdir(parents=True)
        name = ImageName.parse(f"{address}:{at_port}/client/{uuid.uuid4().hex}")

        def find() -> str | None:
            clock = Clock(lambda: 0, lambda _: None)
            with closing(Registries({}, Logins({}), clock=clock)) as registries:
                return HttpRegistry(Remote(registries, Cache(None))).find(name)

        (folder / "ca.crt").write_bytes(other.certificate.read_bytes())
        with pytest.raises(Unreachable, match="its certificate is not trusted"):
            find()
        (folder / "ca.crt").write_bytes(certificate.certificate.read_bytes())
        with pytest.raises(ImagebuildError):
            find()
        (folder / "mine.cert").write_bytes(certificate.certificate.read_bytes())
        (folder / "mine.key").write_bytes(certificate.key.read_bytes())
        assert find() is None


def test_http_where_https_is_expected_is_told(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent to such a registry."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with client_of(registry.address) as client:
        (tmp_path / ".config" / "containers" / "certs.d" / client.host).mkdir(parents=True)
        with pytest.raises((Unreachable, Later)):
            client.push()
        assert client.proxy.requests == []
    name = ImageName.parse(f"{registry.address}/client/app")
    (tmp_path / ".config" / "containers" / "certs.d" / registry.address).mkdir()
    with (
        closing(Registries({}, Logins({}))) as registries,
        pytest.raises(Unreachable, match="it speaks http, and was expected to speak https"),
    ):
        HttpRegistry(Remote(registries, Cache(None))).find(name)


def test_an_oci_image_is_as_welcome(client: Client) -> None:
    """Of the other family."""
    data = json.loads(client.manifest)
    data["mediaType"] = OCI_MANIFEST
    data["config"]["mediaType"] = "application/vnd.oci.image.config.v1+json"
    data["layers"][0]["mediaType"] = "application/vnd.oci.image.layer.v1.tar"
    manifest = json.dumps(data).encode()
    for blob in (client.layer, client.config):
        client.send(blob)
    client.at.put_manifest("v1", OCI_MANIFEST, manifest)

    found = client.at.head_manifest(digest_of(manifest))
    assert found is not None
    assert (found.media_type, found.size) == (OCI_MANIFEST, len(manifest))
