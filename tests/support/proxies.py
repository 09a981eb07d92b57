"""Proxies that record what is asked: before a registry, before Prefect's API, before an engine."""

from __future__ import annotations

import re
import socket
import socketserver
import struct
import threading
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import docker
from docker.transport import UnixHTTPAdapter

from tests.support import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Address = tuple[str, int] | Path
HEAD_END = b"\r\n\r\n"
# An engine tries TLS first, even with localhost, and waits ten seconds if nobody hangs up.
TLS_HELLO = b"\x16"


@dataclass
class Request:
    """One request that went through; the status is 0 until the answer begins.

    The names of its `headers` are in small letters. It `began` when its head was here, and was
    `answered` just before the answer's head went on to who had asked: monotonic times.
    """

    method: str
    path: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic, compare=False)
    answered: float = field(default=0.0, compare=False)


@dataclass
class Fault:
    """What goes wrong with the next `times` requests of which method and path wholly match.

    `answer` is a whole HTTP answer; an empty one resets the connection. With `after` such requests
    all goes well before.
    """

    method: str
    path: str
    times: int
    answer: bytes = b""
    after: int = 0

    def takes(self, request: Request) -> bool:
        """Whether it happens to this request; it counts."""
        if not self.times or not _matches(request, self.method, self.path):
            return False
        if self.after:
            self.after -= 1
            return False
        self.times -= 1
        return True


@dataclass
class Cut(Fault):
    """The target gets the request, but for what comes after `sent` bytes of its body, if any.

    Then the connection is reset; so it also is where the target has answered already.
    """

    sent: int | None = None


@dataclass
class Edit:
    """What is changed in the answer to the next `times` requests that wholly match.

    With `ends`, what comes of the answer after its head and a little more is lost.
    """

    method: str
    path: str
    times: int
    change: Callable[[bytes], bytes]
    ends: bool = False

    def takes(self, request: Request) -> bool:
        """Whether it happens to this answer; it counts."""
        taken = bool(self.times) and _matches(request, self.method, self.path)
        self.times -= taken
        return taken


def header_set(name: str, value: str) -> Callable[[bytes], bytes]:
    """The change that gives a header of an answer this value; an empty one takes it away."""

    def change(answer: bytes) -> bytes:
        line = f"{name}: {value}\r\n" if value else ""
        return re.sub(rb"(?im)^%s: .*\r\n" % name.encode(), line.encode(), answer, count=1)

    return change


def status_answer(status: str, *headers: str, body: str = "{}") -> bytes:
    """An answer with a status such as `503 Service Unavailable`."""
    lines = [f"HTTP/1.1 {status}", "Connection: close", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", body]).encode()


class RecordingProxy(socketserver.ThreadingMixIn, socketserver.BaseServer):
    """Forward each connection's bytes to one target and keep a list of the requests.

    What is put into `faults` goes wrong; of that the target hears nothing, unless it is a `Cut`.
    Answers are changed by `edits`; to what the `gate` has an answer, that is the answer.

    A connection carries one request: `Connection: close` is put into both heads, so that after
    them nothing needs to be understood, be it a chunked upload, an upgrade or a hijacked stream.
    The Host stays as it was asked, so a registry's Location headers lead back through the proxy.
    """

    daemon_threads = True
    block_on_close = False
    target: Address

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.edits: list[Edit] = []
        self.gate: Callable[[Request], bytes] | None = None
        self._open: set[socket.socket] = set()

    def asked(self, method: str = ".*", path: str = ".*") -> list[Request]:
        """Give the requests of which method and path (with its query) wholly match."""
        return [request for request in list(self.requests) if _matches(request, method, path)]

    def clear(self) -> None:
        """Forget what was asked so far."""
        self.requests.clear()

    def finish_request(self, request: object, client_address: object) -> None:
        """Serve one connection, on its own thread."""
        client = cast("socket.socket", request)
        self._open.add(client)
        try:
            # Either side may go away at any moment; that is the other side's business.
            with suppress(OSError):
                self._serve(client)
        finally:
            self._open.discard(client)

    def end(self) -> None:
        """Stop to listen, and cut the connections that are still open."""
        self.shutdown()
        self.server_close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _serve(self, client: socket.socket) -> None:
        head = _read_head(client)
        if HEAD_END not in head:
            return
        method, path, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        record = Request(method, path, headers=_headers(head))
        self.requests.append(record)
        if fault := next((fault for fault in self.faults if fault.takes(record)), None):
            if isinstance(fault, Cut):
                self._cut(head, client, fault)
            _fail(client, record, fault.answer)
            return
        if self.gate and (said := self.gate(record)):
            _fail(client, record, said)
            return
        with _connect(self.target) as upstream:
            self._open.add(upstream)
            upgrade = re.search(rb"(?im)^upgrade:", head.partition(HEAD_END)[0])
            upstream.sendall(head if upgrade else _closing(head))
            up = threading.Thread(target=_pump, args=(client, upstream), daemon=True)
            up.start()
            answer = _read_head(upstream)
            if answer.startswith(b"HTTP/1.1 100 "):  # "go on"; the answer itself is yet to come
                go_on, _, more = answer.partition(HEAD_END)
                client.sendall(go_on + HEAD_END)
                answer = _read_head(upstream, more)
            if match := re.match(rb"HTTP/1\.[01] (\d{3})", answer):
                record.status = int(match[1])
            whole = HEAD_END in answer and record.status != 101
            edit = next((edit for edit in self.edits if edit.takes(record)), None)
            answer = edit.change(answer) if edit else answer
            record.answered = time.monotonic()
            client.sendall(_closing(answer) if whole else answer)
            if not (edit and edit.ends):
                _pump(upstream, client)
            if record.status != 101:
                # The answer is whole; what the client may still send, nobody reads.
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
            up.join()
            self._open.discard(upstream)

    def _cut(self, head: bytes, client: socket.socket, fault: Cut) -> None:
        """Let the target have what it is to get, and wait for what it says to a whole request."""
        start, end, body = head.partition(HEAD_END)
        length = int(_headers(head).get("content-length", 0))
        wanted = length if fault.sent is None else min(fault.sent, length)
        while len(body) < wanted and (more := client.recv(65536)):
            body += more
        with _connect(self.target) as upstream:
            upstream.sendall(_closing(start + end) + body[:wanted])
            if fault.sent is None:
                _read_head(upstream)


class _TcpProxy(RecordingProxy, socketserver.TCPServer):
    # A client that opens many connections at once is not to wait for the sixth.
    request_queue_size = 64

    def __init__(self, target: Address, host: str) -> None:
        RecordingProxy.__init__(self)
        self.target = target
        socketserver.TCPServer.__init__(self, (host, 0), socketserver.BaseRequestHandler)


class _UnixProxy(RecordingProxy, socketserver.UnixStreamServer):
    def __init__(self, target: Address, path: Path) -> None:
        RecordingProxy.__init__(self)
        self.target = target
        handler = socketserver.BaseRequestHandler
        socketserver.UnixStreamServer.__init__(self, str(path), handler)


@contextmanager
def recording_http(address: str, listen: str = "localhost") -> Iterator[tuple[RecordingProxy, str]]:
    """Put a proxy before `host:port` (or a URL's host) and give it with its own `host:port`.

    `localhost`, since an engine speaks plain HTTP to a registry of that name.
    """
    host, _, port = urlsplit(address if "//" in address else f"//{address}").netloc.partition(":")
    own = "127.0.0.1" if listen == "localhost" else listen
    proxy = _TcpProxy((host, int(port or 80)), own)
    with _serving(proxy):
        yield proxy, f"{listen}:{proxy.server_address[1]}"


@contextmanager
def recording_engine(folder: Path) -> Iterator[tuple[RecordingProxy, str]]:
    """Put a proxy before the engine and give it with the DOCKER_HOST that leads through it.

    The folder holds its socket, so its path must be short (108 bytes at most).
    """
    path = folder / "engine.sock"
    with _serving(_UnixProxy(engine_address(), path)) as proxy:
        yield proxy, f"unix://{path}"


def engine_address() -> Address:
    """Tell where the engine listens that docker finds."""
    with closing(docker.from_env()) as client:
        url: str = client.api.base_url
        adapter = client.api.get_adapter(url)
    if isinstance(adapter, UnixHTTPAdapter):
        return Path(adapter.socket_path)
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.port is None:
        message = f"no proxy can stand before the engine at {url}"
        raise SetupError(message)
    return parts.hostname or "localhost", parts.port


@contextmanager
def _serving(proxy: RecordingProxy) -> Iterator[RecordingProxy]:
    thread = threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.end()
        thread.join()


def _matches(request: Request, method: str, path: str) -> bool:
    return bool(re.fullmatch(method, request.method) and re.fullmatch(path, request.path))


def _fail(client: socket.socket, record: Request, answer: bytes) -> None:
    """Answer at once and hang up when the client has, or reset the connection."""
    if not answer:
        # To close without lingering sends a reset.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        return
    record.status = int(answer.split()[1])
    record.answered = time.monotonic()
    client.sendall(answer)
    client.shutdown(socket.SHUT_WR)
    while client.recv(65536):
        pass


def _connect(address: Address) -> socket.socket:
    if isinstance(address, tuple):
        return socket.create_connection(address)
    unix = socket.socket(socket.AF_UNIX)
    unix.connect(str(address))
    return unix


def _read_head(sock: socket.socket, head: bytes = b"") -> bytes:
    """Read up to the end of a head, and perhaps a little more; less if the other side closes."""
    while HEAD_END not in head and (more := sock.recv(65536)):
        head += more
        if head[:1] == TLS_HELLO:
            return b""
    return head


def _headers(head: bytes) -> dict[str, str]:
    lines = head.partition(HEAD_END)[0].decode("latin-1").split("\r\n")[1:]
    return {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }


def _closing(start: bytes) -> bytes:
    """Put into a head that its connection ends with the answer, and change nothing after it."""
    head, end, rest = start.partition(HEAD_END)
    first, *lines = head.split(b"\r\n")
    kept = [line for line in lines if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([first, b"Connection: close", *kept]) + end + rest


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Copy until the source ends, and tell the sink that it has."""
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
