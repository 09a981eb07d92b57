"""A tiny engine: answers on a unix socket as a test says, and keeps what it was asked."""

from __future__ import annotations

import json
import re
import socketserver
import tempfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Answer = tuple[int, Any] | Callable[["Handler"], None]

VERSION = (200, {"ApiVersion": "1.41", "Os": "linux", "Arch": "arm64"})
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class TinyEngine(socketserver.ThreadingUnixStreamServer):
    """Answers on a unix socket by what is in `answers`, and keeps what was asked.

    An answer's key is the method and path, with the query or without.
    """

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), Handler)
        self.env = {"DOCKER_HOST": f"unix://{path}"}
        self.answers: dict[str, Answer] = {"GET /version": VERSION}
        self.asked: list[tuple[str, dict[str, str], bytes]] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that hung up in the middle."""

    def header(self, line: str) -> str:
        """A header that the request with this first line had."""
        return next(
            headers.get("X-Registry-Auth", "") for asked, headers, _ in self.asked if asked == line
        )


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: TinyEngine

    def _answer(self) -> None:
        body = b"".join(self._body())
        path = re.sub(r"^/v1\.\d+", "", unquote(self.path))
        line = f"{self.command} {path}"
        self.server.asked.append((line, dict(self.headers), body))
        answers, gone = self.server.answers, (404, {"message": "page not found"})
        answer = answers.get(line) or answers.get(line.partition("?")[0], gone)
        if not isinstance(answer, tuple):
            answer(self)
            return
        status, value = answer
        text = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        if not isinstance(value, bytes):
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding") != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline().strip() or b"0", 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 -- the library's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


def stream(*events: dict[str, Any], end: bytes = b"0\r\n\r\n") -> Callable[[Handler], None]:
    """An answer in chunks, which ends as `end` has it, and then the connection is gone."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(CHUNKED)
        for event in events:
            data = json.dumps(event).encode() + b"\r\n"
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        handler.wfile.write(end)
        handler.close_connection = True

    return answer


@contextmanager
def tiny_engine() -> Iterator[TinyEngine]:
    """A tiny engine; its folder's name is short, as a socket's path must be."""
    with (
        tempfile.TemporaryDirectory(prefix="ib-") as folder,
        TinyEngine(Path(folder, "d.sock")) as running,
    ):
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()
