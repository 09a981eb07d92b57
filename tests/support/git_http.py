"""A server of git repositories on this machine, git's own behind a password."""

from __future__ import annotations

import base64
import subprocess
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.support.serving import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.certificates import Certificate


class GitServer(ThreadingHTTPServer):
    """Serves the repositories in a folder to one user, or to everybody without a password.

    `sent` counts the bytes of all answers' bodies.
    """

    def __init__(self, folder: Path, user: str | None, password: str, host: str) -> None:
        super().__init__((host, 0), _Handler)
        self.folder, self.asked, self.sent = folder, list[str](), 0
        self.logins = list[str | None]()
        self.scheme = "http"
        login = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.authorization = f"Basic {login}" if user else None

    def url(self, path: str) -> str:
        """Where a repository is."""
        host, port = self.server_address[:2]
        return f"{self.scheme}://{host!s}:{port}/{path}"


class _Handler(BaseHTTPRequestHandler):
    """Asks git for each answer: https://git-scm.com/docs/git-http-backend."""

    server: GitServer

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def _answer(self, body: bytes) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        self.server.logins.append(self.headers.get("Authorization"))
        expected = self.server.authorization
        if expected is not None and self.headers.get("Authorization") != expected:
            self._send(401, {"WWW-Authenticate": 'Basic realm="git"', "Content-Length": "0"}, b"")
            return
        path, _, query = self.path.partition("?")
        env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "GIT_PROJECT_ROOT": str(self.server.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "GIT_CONFIG_KEY_1": "uploadpack.allowFilter",
            "GIT_CONFIG_VALUE_1": "true",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_ADDR": "127.0.0.1",
            "REMOTE_USER": "",
        }
        told = subprocess.run(
            ["git", "http-backend"], env=env, input=body, capture_output=True, check=False
        ).stdout
        head, _, content = told.partition(b"\r\n\r\n")
        lines = (line.partition(": ") for line in head.decode().split("\r\n"))
        headers = {name: value for name, _, value in lines}
        status = int(headers.pop("Status", "200").split()[0])
        self._send(status, headers | {"Content-Length": str(len(content))}, content)

    def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.server.sent += len(content)


@contextmanager
def git_server(
    folder: Path,
    user: str | None = None,
    password: str = "",
    host: str = "127.0.0.1",
    certificate: Certificate | None = None,
) -> Iterator[GitServer]:
    """Serve on an address of this machine until the block ends; with a certificate, by TLS."""
    server = GitServer(folder, user, password, host)
    if certificate is not None:
        context = certificate.server_context()
        server.scheme, server.socket = "https", context.wrap_socket(server.socket, server_side=True)
    with running(server):
        yield server
