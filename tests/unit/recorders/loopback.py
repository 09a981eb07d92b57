"""A server on the loopback that answers as a test's script says, and keeps what it was asked."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from imagebuild.recorders.prefect_api import PrefectApi
from imagebuild.recorders.prefect_http import Transport
from imagebuild.recorders.prefect_settings import PrefectSettings
from tests.support.serving import FakeTime, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True)
class Said:
    """One answer: a value is sent as JSON, bytes as they are; None breaks the connection off."""

    status: int | None
    value: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """One request, its headers by their small names."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


class Server(ThreadingHTTPServer):
    """Answers with one of `script` after the other, and stays with the last."""

    def __init__(self, script: list[Said]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.asked: list[Asked] = []

    @property
    def url(self) -> str:
        """What PREFECT_API_URL would be."""
        return f"http://127.0.0.1:{self.server_port}/api"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        value = json.loads(body) if body else None
        self.server.asked.append(Asked(self.command, self.path, headers, value))
        script = self.server.script
        said = script.pop(0) if len(script) > 1 else script[0]
        if said.status is None:
            self.close_connection = True
            return
        content = said.value if isinstance(said.value, bytes) else json.dumps(said.value).encode()
        self.send_response(said.status)
        for name, text in {"Content-Type": "application/json", **said.headers}.items():
            self.send_header(name, text)
        if said.status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if said.status != 204:
            self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - the base class names them so


@contextmanager
def serving(*script: Said) -> Iterator[Server]:
    """Run such a server until the block ends."""
    with running(Server(list(script))) as server:
        yield server


@contextmanager
def api_at(
    url: str,
    settings: PrefectSettings | None = None,
    env: Mapping[str, str] | None = None,
    time: FakeTime | None = None,
) -> Iterator[PrefectApi]:
    """The API door at an address, closed afterwards."""
    clock = (time or FakeTime()).clock
    api = PrefectApi(Transport(url, settings or PrefectSettings(), env or {}, clock))
    try:
        yield api
    finally:
        api.close()
