"""Recording proxies that count bytes as well."""

from __future__ import annotations

import socketserver
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from tests.support.bodies import BodyCounter
from tests.support.proxies import RecordingProxy

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.proxies import Address


class CountingProxy(RecordingProxy):
    """A recording proxy that knows how many bytes its clients sent and got, heads and all."""

    def __init__(self) -> None:
        super().__init__()
        self._counted: list[_Counted] = []

    @property
    def sent(self) -> int:
        """Bytes that came from clients since the last `clear`."""
        return sum(connection.received for connection in list(self._counted))

    @property
    def answered(self) -> int:
        """Bytes that went to clients since the last `clear`."""
        return sum(connection.sent for connection in list(self._counted))

    @property
    def carried(self) -> int:
        """Bytes in the bodies alone."""
        return sum(connection.body.size for connection in list(self._counted))

    def clear(self) -> None:
        """Forget what was asked and counted so far."""
        super().clear()
        self._counted.clear()

    def finish_request(self, request: object, client_address: object) -> None:
        """Serve one connection, on its own thread."""
        connection = _Counted(cast("socket.socket", request))
        self._counted.append(connection)
        super().finish_request(connection, client_address)


class _Counted:
    """The client's end of a connection; one thread at a time reads from it, and one writes."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self.received = self.sent = 0
        self.body = BodyCounter()

    def recv(self, size: int) -> bytes:
        data = self._inner.recv(size)
        self.received += len(data)
        self.body.feed(data)
        return data

    def sendall(self, data: bytes) -> None:
        self._inner.sendall(data)
        self.sent += len(data)

    def shutdown(self, how: int) -> None:
        self._inner.shutdown(how)


class _Tcp(CountingProxy, socketserver.TCPServer):
    request_queue_size = 128  # else the eighth who comes at once waits a second

    def __init__(self, target: Address) -> None:
        CountingProxy.__init__(self)
        self.target = target
        handler = socketserver.BaseRequestHandler
        socketserver.TCPServer.__init__(self, ("127.0.0.1", 0), handler)


class _Unix(CountingProxy, socketserver.UnixStreamServer):
    def __init__(self, target: Address, path: Path) -> None:
        CountingProxy.__init__(self)
        self.target = target
        handler = socketserver.BaseRequestHandler
        socketserver.UnixStreamServer.__init__(self, str(path), handler)


@contextmanager
def counting_http(address: str) -> Iterator[tuple[CountingProxy, str]]:
    """Put a proxy before `host:port` (or a URL's host), and give it with its `localhost:port`."""
    parts = urlsplit(address if "//" in address else f"//{address}")
    proxy = _Tcp((parts.hostname or "localhost", parts.port or 80))
    with _serving(proxy):
        yield proxy, f"localhost:{proxy.server_address[1]}"


@contextmanager
def counting_engine(path: Path, engine: Address) -> Iterator[tuple[CountingProxy, str]]:
    """Put a proxy before an engine, and give it with the DOCKER_HOST that leads through it.

    It listens at the path, which must be short (108 bytes at most).
    """
    proxy = _Unix(engine, path)
    with _serving(proxy):
        yield proxy, f"unix://{path}"


@contextmanager
def _serving(proxy: CountingProxy) -> Iterator[None]:
    thread = threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        proxy.end()
        thread.join()
