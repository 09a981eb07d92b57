"""Carries bytes between a TLS connection, which asyncio cannot adopt, and one that it can."""

from __future__ import annotations

import select
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .api import Response

_BYTES: Final = 256 * 1024


class TlsPump:
    """Between a TLS connection and a socket pair, in one thread.

    One and not two, because OpenSSL's connections may not be read and written at the same time:
    https://docs.openssl.org/master/man7/openssl-threads/

    It runs from the start; `near` is the end for asyncio.
    """

    def __init__(self, response: Response, far: ssl.SSLSocket, received: bytes) -> None:
        self.near, self._inner = socket.socketpair()
        self._inner.setblocking(False)
        self._response = response
        self._far = far
        self._to_near = bytearray(received)
        self._to_far = bytearray()
        self._thread = threading.Thread(target=self._carry, name="buildkit-pump", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread and the far connection; `near` must be closed before."""
        self._thread.join()

    def _carry(self) -> None:
        try:
            while self._step():
                self._wait()
        except OSError:
            # The far end is gone; closing `_inner` below is how asyncio learns of it.
            pass
        finally:
            self._inner.close()
            self._response.close()

    def _step(self) -> bool:
        """Move what can be moved now; False when one end has closed and all is delivered."""
        far_open = _read(self._far, self._to_near)
        near_open = _read(self._inner, self._to_far)
        _write(self._inner, self._to_near)
        _write(self._far, self._to_far)
        return (far_open or bool(self._to_near)) and (near_open or bool(self._to_far))

    def _wait(self) -> None:
        if self._far.pending() and len(self._to_near) < _BYTES:
            return
        poll = select.poll()
        for source, incoming, outgoing in (
            (self._far, self._to_near, self._to_far),
            (self._inner, self._to_far, self._to_near),
        ):
            readable = select.POLLIN if len(incoming) < _BYTES else 0
            if wanted := readable | (select.POLLOUT if outgoing else 0):
                poll.register(source, wanted)
        poll.poll()


def _read(source: socket.socket, into: bytearray) -> bool:
    """Read what is there, up to the limit; False at the end of the stream."""
    try:
        while len(into) < _BYTES:
            data = source.recv(_BYTES)
            if not data:
                return False
            into += data
    except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        pass
    return True


def _write(target: socket.socket, data: bytearray) -> None:
    """Write what goes now."""
    try:
        while data:
            del data[: target.send(data)]
    except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        pass
