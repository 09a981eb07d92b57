"""A registry in memory on the loopback, that can be told to answer otherwise, and keeps all asked.

What it does by itself is what docker's own registry does:
https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import uuid
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from imagebuild.events import ignore
from imagebuild.names import ImageName
from imagebuild.oci.client import Registries
from imagebuild.oci.credentials import Logins
from tests.support.serving import FakeTime, running

if TYPE_CHECKING:
    import socket
    from collections.abc import Collection, Iterator, Mapping

    from imagebuild.events import Emit
    from imagebuild.oci.client import Repository

REPOSITORY = "team/app"
PASSWORD = "canary-password"
LOGIN = {"username": "me", "password": PASSWORD}
BASIC = "Basic " + base64.b64encode(f"me:{PASSWORD}".encode()).decode()


@dataclass(frozen=True)
class Said:
    """One answer; no status breaks the connection off, `length` promises more than there is."""

    status: int | None
    body: bytes | dict[str, Any] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None


@dataclass(frozen=True)
class Asked:
    """One request, its headers by their small names."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class Instead:
    """What is said to the next `times` requests of which method and path wholly match."""

    method: str
    path: str
    said: Said
    times: int = 1


@dataclass
class Tokens:
    """A token server at the registry's own /token; each token is good until `expire`."""

    given: list[str] = field(default_factory=list)
    good: set[str] = field(default_factory=set)
    answer: dict[str, Any] = field(default_factory=lambda: {"expires_in": 300})
    key: str = "token"

    def give(self) -> dict[str, Any]:
        token = f"canary-token-{len(self.given) + 1}"
        self.given.append(token)
        self.good.add(token)
        return {**self.answer, self.key: token}

    def expire(self) -> None:
        self.good.clear()


def error(code: str, message: str = "", **detail: Any) -> dict[str, Any]:
    """A refusal in the protocol's own form."""
    return {"errors": [{"code": code, "message": message, **detail}]}


def digest_of(data: bytes) -> str:
    """The digest that bytes have."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Server(ThreadingHTTPServer):
    """The registry; `opens` is how one is let in: by nothing, `Basic` or `Bearer`."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, opens: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.opens = opens
        self.tokens = Tokens()
        self.asked: list[Asked] = []
        self.instead: list[Instead] = []
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.uploads: set[str] = set()
        self.connections = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @property
    def requests(self) -> list[str]:
        """Methods and paths below the repository, without queries."""
        return [
            f"{one.method} {urlsplit(one.path).path.removeprefix(f'/v2/{REPOSITORY}/')}"
            for one in self.asked
        ]

    def say(self, method: str, path: str, said: Said, times: int = 1) -> None:
        """Say this to the next such requests, whatever is the case."""
        self.instead.append(Instead(method, path, said, times))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def get_request(self) -> tuple[socket.socket, Any]:
        self.connections += 1
        return super().get_request()

    def hold_blob(self, data: bytes, repository: str = REPOSITORY) -> str:
        self.blobs[repository, digest_of(data)] = data
        return digest_of(data)

    def answer(self, asked: Asked) -> Said:
        for one in self.instead:
            meant = re.fullmatch(one.path, asked.path) and re.fullmatch(one.method, asked.method)
            if one.times and meant:
                one.times -= 1
                return one.said
        path = urlsplit(asked.path).path
        if path == "/token":
            return Said(200, self.tokens.give())
        if (refused := self._door(asked)) is not None:
            return refused
        if path == "/v2/":
            return Said(200)
        return self._repository(asked, path)

    def _door(self, asked: Asked) -> Said | None:
        sent = asked.headers.get("authorization", "")
        way = {
            "": True,
            "Basic": sent == BASIC,
            "Bearer": sent.removeprefix("Bearer ") in self.tokens.good,
        }
        if way[self.opens]:
            return None
        asks = 'Basic realm="tests"'
        if self.opens == "Bearer":
            asks = f'Bearer realm="{self.url}/token",service="tests"'
        return Said(401, error("UNAUTHORIZED"), {"WWW-Authenticate": asks})

    def _repository(self, asked: Asked, path: str) -> Said:
        match = re.fullmatch(r"/v2/(.+)/(blobs/uploads|blobs|manifests)/(.*)", path)
        assert match, path
        repository, kind, rest = match.groups()
        if kind == "manifests":
            return self._manifest(asked, repository, rest)
        if kind == "blobs/uploads":
            return self._upload(asked, repository, rest)
        data = self.blobs.get((repository, rest))
        return Said(404, error("BLOB_UNKNOWN")) if data is None else Said(200, data)

    def _manifest(self, asked: Asked, repository: str, reference: str) -> Said:
        if asked.method == "PUT":
            held = asked.headers["content-type"], asked.body
            digest = digest_of(asked.body)
            self.manifests[repository, reference] = self.manifests[repository, digest] = held
            return Said(201, headers={"Docker-Content-Digest": digest})
        found = self.manifests.get((repository, reference))
        if found is None:
            return Said(404, error("MANIFEST_UNKNOWN"))
        headers = {"Content-Type": found[0], "Docker-Content-Digest": digest_of(found[1])}
        return Said(200, found[1], headers)

    def _upload(self, asked: Asked, repository: str, session: str) -> Said:
        if asked.method == "POST":
            mount, source = (asked.query.get(key, [""])[0] for key in ("mount", "from"))
            if (data := self.blobs.get((source, mount))) is not None:
                self.blobs[repository, mount] = data
                return Said(201, headers={"Docker-Content-Digest": mount})
            session = uuid.uuid4().hex
            self.uploads.add(session)
            place = f"/v2/{repository}/blobs/uploads/{session}?_state=a%3Db"
            return Said(202, headers={"Location": place})
        if session not in self.uploads:
            return Said(404, error("BLOB_UPLOAD_UNKNOWN"))
        self.uploads.remove(session)
        if asked.method == "DELETE":
            return Said(204)
        assert asked.query["_state"] == ["a=b"]
        digest = asked.query["digest"][0]
        if digest_of(asked.body) != digest:
            return Said(400, error("DIGEST_INVALID"))
        self.blobs[repository, digest] = asked.body
        return Said(201, headers={"Docker-Content-Digest": digest})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, body)
        self.server.asked.append(asked)
        said = self.server.answer(asked)
        if said.status is None:
            self.close_connection = True
            return
        content = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
        self.send_response(said.status)
        for name, text in said.headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(said.length or len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.close_connection = self.close_connection or bool(said.length)

    do_HEAD = do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the base's


@contextmanager
def serving(opens: str = "") -> Iterator[Server]:
    """Run a registry until the block ends."""
    with running(Server(opens)) as server:
        yield server


@contextmanager
def registries(
    login: Mapping[str, str] | None = None,
    *hosts: str,
    insecure: Collection[str] = (),
    env: Mapping[str, str] | None = None,
    time: FakeTime | None = None,
    emit: Emit = ignore,
) -> Iterator[Registries]:
    """All registries, with this login for these hosts, closed afterwards."""
    env = env or {}
    logins = Logins(env, dict.fromkeys(hosts, login) if login else None)
    with closing(Registries(env, logins, insecure, emit, (time or FakeTime()).clock)) as made:
        yield made


@contextmanager
def repository(
    server: Server,
    login: Mapping[str, str] | None = None,
    *,
    push: bool = False,
    time: FakeTime | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[Repository]:
    """The repository that most tests use."""
    with registries(login, server.host, env=env, time=time) as made:
        yield made.repository(ImageName.parse(f"{server.host}/{REPOSITORY}"), push=push)
