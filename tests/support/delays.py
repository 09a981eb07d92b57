"""A proxy that makes a way longer: what goes through arrives later, and no slower."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

_AT_ONCE: Final = 65536
_END: Final = b""


class _DelayProxy(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Carries each connection's bytes, in their order, each a fixed time after it came.

    A connection itself is made at once: no program can hold back the handshake.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128  # else the eighth who comes at once waits a second

    def __init__(self, target: tuple[str, int], seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)
        self.target, self.seconds = target, seconds

    def finish_request(self, request: object, client_address: object) -> None:
        """Serve one connection, on its own thread."""
        client = cast("socket.socket", request)
        with suppress(OSError), socket.create_connection(self.target) as upstream:
            for end in (client, upstream):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            there = threading.Thread(target=_carry, args=(client, upstream, self.seconds))
            there.start()
            _carry(upstream, client, self.seconds)
            there.join()


@contextmanager
def delayed(target: tuple[str, int], seconds: float) -> Iterator[tuple[str, int]]:
    """Put a proxy before an address, to and from which everything takes so long; give its own."""
    proxy = _DelayProxy(target, seconds)
    thread = threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield "127.0.0.1", proxy.server_address[1]
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()


def _carry(source: socket.socket, sink: socket.socket, seconds: float) -> None:
    """Write what was read so long ago, until the source has ended; where none reads, end it."""
    held: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
    reader = threading.Thread(target=_read, args=(source, held, seconds), daemon=True)
    reader.start()
    try:
        while (entry := held.get())[1] != _END:
            time.sleep(max(0.0, entry[0] - time.monotonic()))
            sink.sendall(entry[1])
        time.sleep(max(0.0, entry[0] - time.monotonic()))
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        with suppress(OSError):
            source.shutdown(socket.SHUT_RDWR)
    reader.join()


def _read(source: socket.socket, held: SimpleQueue[tuple[float, bytes]], seconds: float) -> None:
    """Take what comes as fast as it comes, and note when it is due; the end is due, too."""
    data = b"."
    while data != _END:
        try:
            data = source.recv(_AT_ONCE)
        except OSError:  # reset
            data = _END
        held.put((time.monotonic() + seconds, data))
