"""How a request gets to a registry, and to where that sends us."""

from __future__ import annotations

import datetime
import io
import json
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imagebuild.errors import RefusedByPolicy, Unreachable, UsageError
from imagebuild.events import Note, ignore
from imagebuild.names import ImageName
from imagebuild.oci.descriptors import OCI_MANIFEST
from imagebuild.oci.transport import Transport
from tests.support.certificates import loopback_certificate
from tests.support.processes import free_port
from tests.support.serving import FakeTime, running
from tests.unit.oci.loopback import (
    BASIC,
    LOGIN,
    PASSWORD,
    REPOSITORY,
    Said,
    Server,
    digest_of,
    registries,
    repository,
    serving,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagebuild.events import Event
    from tests.support.certificates import Certificate

BLOB = b"a blob"
DIGEST = digest_of(BLOB)
SIGNATURE = "canary-signature"


@pytest.fixture
def server() -> Iterator[Server]:
    """Give a registry that asks for a password."""
    with serving("Basic") as made:
        yield made


@pytest.fixture
def storage() -> Iterator[Server]:
    """Give another server, to which a registry may send us."""
    with serving() as made:
        yield made


# Where it sends us


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_blob_may_lie_elsewhere(server: Server, storage: Server, status: int) -> None:
    """Where no password is sent: clouds refuse who brings one of another's."""
    place = f"{storage.url}/bucket?X-Amz-Signature={SIGNATURE}"
    server.say("GET", f".*{DIGEST}", Said(401, headers={"WWW-Authenticate": "Basic"}))
    server.say("GET", f".*{DIGEST}", Said(status, headers={"Location": place}))
    storage.say("GET", "/bucket.*", Said(200, BLOB))
    with repository(server, LOGIN) as at:
        assert at.get_blob(DIGEST, len(BLOB)) == BLOB

    assert [one.headers.get("authorization") for one in server.asked] == [None, BASIC]
    assert [str(one) for one in storage.asked] == [f"GET /bucket?X-Amz-Signature={SIGNATURE}"]
    assert "authorization" not in storage.asked[0].headers


def test_elsewhere_no_password_is_given_though_it_is_asked_for(
    server: Server, storage: Server
) -> None:
    """It is not for that server: CVE-2020-15157."""
    server.opens = ""
    server.say("GET", ".*", Said(307, headers={"Location": f"{storage.url}/x"}), 9)
    storage.say("GET", ".*", Said(401, headers={"WWW-Authenticate": 'Basic realm="me"'}), 9)
    with repository(server, LOGIN) as at, pytest.raises(Exception, match="cannot get"):
        at.get_blob(DIGEST, len(BLOB))

    assert len(storage.asked) == 1
    assert all("authorization" not in one.headers for one in [*server.asked, *storage.asked])


def test_the_same_host_at_another_port_is_another_server(server: Server, storage: Server) -> None:
    """A password is for one of them."""
    server.say("POST", ".*", Said(401, headers={"WWW-Authenticate": "Basic"}))
    place = {"Location": f"{storage.url}/upload?sig={SIGNATURE}"}
    server.say("POST", ".*", Said(202, headers=place))
    storage.say("PUT", ".*", Said(201))
    with repository(server, LOGIN) as at:
        at.push_blob(DIGEST, len(BLOB), lambda: io.BytesIO(BLOB), ignore)

    (put,) = storage.asked
    assert put.path == f"/upload?sig={SIGNATURE}&digest={DIGEST}"
    assert put.body == BLOB
    assert "authorization" not in put.headers


@pytest.mark.parametrize("status", [307, 308])
def test_an_upload_may_be_sent_on_with_all_its_bytes(
    server: Server, storage: Server, status: int
) -> None:
    """From their beginning."""
    server.opens = ""
    server.say("PUT", ".*", Said(status, headers={"Location": f"{storage.url}/x"}))
    storage.say("PUT", "/x", Said(201))
    with repository(server) as at:
        at.push_blob(DIGEST, len(BLOB), lambda: io.BytesIO(BLOB), ignore)

    assert storage.asked[0].body == BLOB


@pytest.mark.parametrize("status", [301, 302, 303])
def test_an_upload_is_not_lost_on_the_way(server: Server, status: int) -> None:
    """Such a redirect means another method, without what was sent."""
    server.opens = ""
    server.say("PUT", ".*", Said(status, headers={"Location": "/x"}))
    with repository(server) as at, pytest.raises(RefusedByPolicy, match=f"of status {status}"):
        at.put_manifest("v1", OCI_MANIFEST, b"{}")


def test_five_redirects_are_enough(server: Server) -> None:
    """More are a circle."""
    server.opens = ""
    server.hold_blob(BLOB)
    here = Said(302, headers={"Location": f"/v2/{REPOSITORY}/blobs/{DIGEST}"})
    server.say("GET", ".*", here, 5)
    with repository(server) as at:
        assert at.get_blob(DIGEST, len(BLOB)) == BLOB
        server.say("GET", ".*", here, 99)
        with pytest.raises(RefusedByPolicy, match="round in circles"):
            at.get_blob(DIGEST, len(BLOB))

    assert len(server.asked) == 6 + 6


@pytest.mark.parametrize(
    "place",
    [
        "http://169.254.169.254/latest",
        "http://[fe80::1]/x",
        "http://0.0.0.0/x",
        "http://100.100.100.200/x",
        "ftp://127.0.0.1/x",
    ],
)
def test_nobody_is_sent_to_a_metadata_service(server: Server, place: str) -> None:
    """By a redirect, or by the address of an upload."""
    server.opens = ""
    server.say("GET", ".*", Said(307, headers={"Location": place}), 9)
    server.say("POST", ".*", Said(202, headers={"Location": place}), 9)
    with repository(server) as at:
        with pytest.raises(RefusedByPolicy):
            at.get_blob(DIGEST, len(BLOB))
        with pytest.raises(RefusedByPolicy):
            at.push_blob(DIGEST, len(BLOB), lambda: io.BytesIO(BLOB), ignore)


def test_a_name_that_means_the_loopback_is_found_out(
    server: Server, storage: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the address that was connected to, before anything is said to it."""
    from imagebuild.oci.addresses import Neighbourhood

    server.opens = ""
    place = {"Location": f"http://localtest.example:{storage.server_port}/x"}
    server.say("GET", ".*", Said(307, headers=place))
    monkeypatch.setattr(Neighbourhood, "learn", lambda *_: None)  # as if it were a public registry
    import urllib3.util.connection as connecting

    create = connecting.create_connection
    monkeypatch.setattr(
        connecting,
        "create_connection",
        lambda address, *more, **named: create(("127.0.0.1", address[1]), *more, **named),
    )
    with repository(server) as at, pytest.raises(RefusedByPolicy, match=r"localtest\.example"):
        at.get_blob(DIGEST, len(BLOB))

    assert storage.asked == []


# Patience


@pytest.mark.parametrize("status", [408, 429, 499, 500, 502, 503, 504, 522, None])
def test_what_may_work_later_is_tried_again(server: Server, status: int | None) -> None:
    """With growing breaks, five times in all."""
    server.opens = ""
    time = FakeTime()
    server.say("HEAD", ".*", Said(status), 4)
    with repository(server, time=time) as at:
        assert at.head_manifest("v1") is None

    assert len(server.asked) == 5
    assert [round(seconds) for seconds in time.slept[:2]] == [1, 2]
    assert len(time.slept) == 4


@pytest.mark.parametrize("status", [400, 403, 405, 418, 501])
def test_what_is_final_is_not_tried_again(server: Server, status: int) -> None:
    """It would be refused again."""
    server.opens = ""
    server.say("GET", ".*", Said(status), 9)
    with repository(server) as at, pytest.raises(Exception, match="cannot get"):
        at.get_blob(DIGEST, len(BLOB))

    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [("3", 3.0), ("0", 0.0), ("86400", 120.0), ("-1", 0.0), ("soon", None), ("", None)],
)
def test_a_registry_says_when_to_come_back(
    server: Server, value: str, expected: float | None
) -> None:
    """It is believed, within limits."""
    server.opens = ""
    time = FakeTime()
    server.say("HEAD", ".*", Said(429, headers={"Retry-After": value}))
    with repository(server, time=time) as at:
        at.head_manifest("v1")

    assert sum(time.slept) == expected if expected is not None else 0.8 <= time.slept[0] <= 1.2


def test_a_wait_that_somebody_could_wonder_about_is_told(server: Server) -> None:
    """A short one is not."""
    server.opens = ""
    events: list[Event] = []
    name = ImageName.parse(f"{server.host}/{REPOSITORY}")
    with registries(emit=events.append) as made:
        for seconds in ("1", "30"):
            server.say("HEAD", ".*", Said(429, headers={"Retry-After": seconds}))
            made.repository(name).head_manifest("v1")

    assert events == [Note(f"{server.host} is busy: trying again in 30 seconds")]


def test_a_date_to_come_back_at_is_understood(server: Server) -> None:
    """As HTTP writes it."""
    server.opens = ""
    time = FakeTime()
    then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=30)
    value = format_datetime(then, usegmt=True)
    server.say("HEAD", ".*", Said(429, headers={"Retry-After": value}))
    with repository(server, time=time) as at:
        at.head_manifest("v1")

    assert 25 < time.slept[0] <= 30


def test_a_registry_that_is_not_there_is_told_at_once() -> None:
    """Nobody waits for it."""
    time = FakeTime()
    name = ImageName.parse(f"127.0.0.1:{free_port()}/app")
    with (
        registries(time=time) as made,
        pytest.raises(Unreachable, match="cannot ask for") as caught,
    ):
        made.repository(name).head_manifest("v1")

    assert time.slept == []
    assert "connection refused" in caught.value.causes[0]


def test_an_answer_that_breaks_off_is_read_again(server: Server) -> None:
    """Half of it is nothing."""
    server.opens = ""
    server.hold_blob(BLOB)
    server.say("GET", ".*", Said(200, BLOB[:2], length=len(BLOB)), 2)
    with repository(server) as at:
        assert at.get_blob(DIGEST, len(BLOB)) == BLOB

    assert len(server.asked) == 3


def test_connections_are_kept(server: Server) -> None:
    """One after the other needs one alone."""
    server.opens = ""
    with repository(server) as at:
        for number in range(5):
            at.head_manifest(f"v{number}")
            at.push_blob(DIGEST, len(BLOB), lambda: io.BytesIO(BLOB), ignore)

    assert server.connections == 1


# TLS


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """Give a certificate for the loopback that signed itself."""
    return loopback_certificate(tmp_path)


@contextmanager
def serving_tls(certificate: Certificate, *, mutual: bool = False) -> Iterator[Server]:
    """Run a registry with TLS until the block ends."""
    context = certificate.server_context()
    if mutual:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificate.certificate)
    server = Server()
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    server.handle_error = _hear_out  # type: ignore[assignment, method-assign]
    with running(server):
        yield server


def _hear_out(connection: socket.socket, _: object) -> None:
    """Read what still comes: to close before would be a reset, which can overtake TLS's alert."""
    with suppress(OSError):
        connection.settimeout(5)
        while socket.socket.recv(connection, 65536):
            pass


def trust(server: Server, **files: Path) -> None:
    """Put files into the folder of this registry's certificates."""
    folder = Path.home() / ".config" / "containers" / "certs.d" / server.host
    folder.mkdir(parents=True)
    for name, path in files.items():
        (folder / name.replace("_", ".")).write_bytes(path.read_bytes())


def test_a_registry_is_known_by_its_own_ca(certificate: Certificate) -> None:
    """Which lies where docker and podman look for it."""
    with serving_tls(certificate) as server:
        trust(server, ca_crt=certificate.certificate)
        with repository(server) as at:
            assert at.head_manifest("v1") is None


def test_a_registry_is_known_by_a_ca_of_the_environment(certificate: Certificate) -> None:
    """For all of them."""
    env = {"SSL_CERT_FILE": str(certificate.certificate)}
    with serving_tls(certificate) as server:
        trust(server)
        with repository(server, env=env) as at:
            at.head_manifest("v1")


def test_a_registry_of_another_ca_is_not_asked(certificate: Certificate, tmp_path: Path) -> None:
    """Its certificate is what is wrong, and where to put its CA is told."""
    (tmp_path / "other").mkdir()
    other = loopback_certificate(tmp_path / "other")
    with serving_tls(certificate) as server:
        trust(server, ca_crt=other.certificate)
        with repository(server) as at, pytest.raises(Unreachable) as caught:
            at.head_manifest("v1")

    assert "its certificate is not trusted: self" in caught.value.causes[0]
    assert f"certs.d/{server.host}/ca.crt" in (caught.value.hint or "")
    assert server.asked == []


def test_a_registry_is_shown_a_certificate_of_ours(certificate: Certificate) -> None:
    """By which it lets us in; without it, what it wants is told."""
    with serving_tls(certificate, mutual=True) as server:
        trust(server, ca_crt=certificate.certificate)
        with repository(server) as at, pytest.raises(Unreachable) as caught:
            at.head_manifest("v1")
        assert "client.cert" in (caught.value.hint or "")
        folder = Path.home() / ".config" / "containers" / "certs.d" / server.host
        (folder / "client.cert").write_bytes(certificate.certificate.read_bytes())
        (folder / "client.key").write_bytes(certificate.key.read_bytes())
        with repository(server) as at:
            at.head_manifest("v1")


@pytest.mark.parametrize("name", ["ca_crt", "client_cert"])
def test_certificates_that_cannot_be_read_are_told(tmp_path: Path, name: str) -> None:
    """With the file's name."""
    (tmp_path / "x").write_text("no certificate")
    with serving() as server:
        trust(server, **{name: tmp_path / "x"})
        with repository(server) as at, pytest.raises(UsageError, match="certificates") as caught:
            at.head_manifest("v1")

    assert name.replace("_", ".") in caught.value.causes[0]


def test_https_where_http_answers_is_told(certificate: Certificate) -> None:
    """And how to say that this is meant."""
    with serving() as server:
        trust(server, ca_crt=certificate.certificate)
        with repository(server) as at, pytest.raises(Unreachable) as caught:
            at.head_manifest("v1")

    assert "it speaks http, and was expected to speak https" in caught.value.causes[0]
    assert "--insecure-registry" in (caught.value.hint or "")
    assert server.asked == []


@pytest.mark.parametrize(
    "said",
    [
        Said(400, b"Client sent an HTTP request to an HTTPS server.\n"),
        Said(400, b"<html>The plain HTTP request was sent to HTTPS port"),
    ],
)
def test_http_where_https_answers_is_told(said: Said) -> None:
    """As servers of Go and nginx say it."""
    with serving() as server, repository(server) as at:
        server.say("GET", ".*", said)
        with pytest.raises(Unreachable) as caught:
            at.get_manifest("v1")

    assert "it speaks https, and was expected to speak http" in caught.value.causes[0]


@pytest.mark.parametrize(
    ("host", "insecure", "url"),
    [
        ("docker.io", (), "https://registry-1.docker.io"),
        ("reg.example", (), "https://reg.example"),
        ("reg.example:80", (), "https://reg.example:80"),
        ("reg.example:5000", ("reg.example:5000",), "http://reg.example:5000"),
        ("reg.example:5000", ("reg.example",), "https://reg.example:5000"),
        ("localhost:5000", (), "http://localhost:5000"),
        ("127.0.0.1", (), "http://127.0.0.1"),
        ("127.1.2.3:1", (), "http://127.1.2.3:1"),
        ("[::1]:5000", (), "http://[::1]:5000"),
        ("reg.localhost", (), "http://reg.localhost"),
        ("localhost.example", (), "https://localhost.example"),
        ("127.0.0.1.example", (), "https://127.0.0.1.example"),
    ],
)
def test_plain_http_is_for_the_loopback_and_who_is_named(
    host: str, insecure: tuple[str, ...], url: str
) -> None:
    """And for nobody else."""
    assert Transport(host, {}, lambda _: {}, insecure).url == url


# Proxies


@pytest.mark.parametrize("user", ["", "me:secret@"])
def test_a_proxy_of_the_environment_is_used(user: str) -> None:
    """With its own password, which the registry does not see."""
    with serving() as proxy:
        env = {"http_proxy": f"http://{user}{proxy.host}", "NO_PROXY": "other.example"}
        with registries(env=env, insecure=["reg.example"]) as made:
            made.repository(ImageName.parse("reg.example/team/app")).has_blob(DIGEST)

    (asked,) = proxy.asked
    assert str(asked) == f"HEAD http://reg.example/v2/team/app/blobs/{DIGEST}"
    assert ("proxy-authorization" in asked.headers) is bool(user)


@contextmanager
def tunnel(to: int) -> Iterator[tuple[str, list[bytes]]]:
    """Run a proxy that leads each CONNECT to a port of the loopback, and keep all that it sees."""
    seen: list[bytes] = []

    def carry(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                seen.append(data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    class Tunnel(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            seen.append(self.request.recv(65536))
            with socket.create_connection(("127.0.0.1", to)) as there:
                self.request.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                back = threading.Thread(target=carry, args=(there, self.request))
                back.start()
                carry(self.request, there)
                back.join()

    with running(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tunnel)) as proxy:
        yield f"127.0.0.1:{proxy.server_address[1]}", seen


def test_a_proxy_before_a_registry_with_tls_sees_nothing_of_it(tmp_path: Path) -> None:
    """But its name; who we are is told to each of the two alone."""
    certificate = loopback_certificate(tmp_path, "DNS:reg.example")
    with serving_tls(certificate) as server, tunnel(server.server_port) as (proxy, seen):
        server.opens = "Basic"
        env = {"HTTPS_PROXY": f"http://p:w@{proxy}", "SSL_CERT_FILE": str(certificate.certificate)}
        with registries(LOGIN, "reg.example", env=env) as made:
            made.repository(ImageName.parse("reg.example/team/app")).has_blob(DIGEST)

    told = b"".join(seen)
    assert told.startswith(b"CONNECT reg.example:443 HTTP/1.")
    assert b"proxy-authorization: basic " in told.lower()
    assert BASIC.encode() not in told
    assert [one.headers.get("authorization") for one in server.asked] == [None, BASIC]
    assert all("proxy-authorization" not in one.headers for one in server.asked)


def test_no_proxy_leads_to_the_loopback(server: Server) -> None:
    """Nor to who is named."""
    server.opens = ""
    env = {"http_proxy": "http://nobody.example:1", "https_proxy": "http://nobody.example:1"}
    with repository(server, env=env) as at:
        at.head_manifest("v1")

    assert len(server.asked) == 1


def test_a_proxy_that_is_not_there_is_told_without_its_password() -> None:
    """It is what cannot be reached."""
    env = {"http_proxy": f"http://me:{PASSWORD}@127.0.0.1:{free_port()}"}
    with (
        registries(env=env, insecure=["reg.example"]) as made,
        pytest.raises(Unreachable) as caught,
    ):
        made.repository(ImageName.parse("reg.example/team/app")).head_manifest("v1")

    assert "connection refused" in caught.value.causes[0]
    assert PASSWORD not in repr(caught.value.__dict__)


# The whole


def imported_by(modules: str) -> set[str]:
    """All modules that Python imports for these."""
    code = f"import json, sys, {modules}; print(json.dumps(list(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(ran.stdout))


def test_it_is_light() -> None:
    """Nothing is imported that takes its time and is not needed."""
    heavy = {"docker", "requests", "prefect", "pydantic", "click", "rich", "jinja2", "grpclib"}
    assert heavy & imported_by("imagebuild.oci.client, imagebuild.registries.http") == set()


def test_credentials_alone_need_no_http() -> None:
    """Whoever looks for them does not pay for the rest."""
    assert "urllib3" not in imported_by("imagebuild.oci.credentials")
