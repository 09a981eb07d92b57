"""From an HTTP response of the Docker SDK to a socket that speaks HTTP/2."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from urllib3 import HTTPHeaderDict

from .api import Api, Response, address
from .errors import ConnectionLost, NoBuildkit
from .pump import TlsPump

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from grpclib.protocol import H2Protocol

# Seconds to connect, and to wait for the answer to the upgrade.
_TIMEOUT: Final = (10.0, 60.0)


@dataclass(frozen=True)
class Adopted:
    """A connection of our own: a plain socket, and what was already received from it.

    `pump` carries the bytes where the SDK's connection is not a plain socket.
    """

    socket: socket.socket
    received: bytes = b""
    pump: TlsPump | None = None

    async def attach(self, protocol: H2Protocol) -> Attached:
        """Let grpclib speak on it, in the running loop."""
        loop, outer = asyncio.get_running_loop(), _Protocol(protocol, self.received)
        transport, _ = await loop.connect_accepted_socket(lambda: outer, self.socket)
        return Attached(transport, outer.closed)

    def close(self) -> None:
        """Give the connection up; what runs the socket has closed it before."""
        self.socket.close()
        if self.pump is not None:
            self.pump.close()


@dataclass(frozen=True)
class Attached:
    """A connection that grpclib speaks on; `closed` is set when either side has closed it."""

    transport: asyncio.Transport
    closed: asyncio.Event

    async def close(self) -> None:
        """Close it, if it is not closed yet, and return when it is."""
        # abort and not close: nobody reads any more, so a full buffer would never drain.
        self.transport.abort()
        await self.closed.wait()


class _Protocol(asyncio.Protocol):
    """grpclib's protocol, given first what was received before it was there."""

    def __init__(self, inner: H2Protocol, received: bytes) -> None:
        self.closed = asyncio.Event()
        self._inner = inner
        self._received = received

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._inner.connection_made(transport)
        if self._received:
            self._inner.data_received(self._received)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)
        self.closed.set()


def upgrade(api: Api, path: str, headers: Sequence[tuple[str, str]]) -> Adopted:
    """POST to `path` and take the connection over as h2c.

    `headers` may have a name several times, which requests' own dictionary cannot hold.
    Raises NoBuildkit where the answer is not 101, ConnectionLost where there is none.
    """

    def prepare(request: Any) -> Any:
        repeated = HTTPHeaderDict(request.headers)
        repeated["Connection"], repeated["Upgrade"] = "Upgrade", "h2c"
        repeated.extend(headers)
        request.headers = repeated
        return request

    try:
        response = api.post(address(api, path), auth=prepare, stream=True, timeout=_TIMEOUT)
        if response.status_code == 101:
            return adopt(response)
        with suppress(ValueError):
            detail = response.text[:1000].strip()
        response.close()
    except OSError as error:
        text = f"cannot reach the engine's BuildKit: {error}"
        raise ConnectionLost(text) from error
    raise NoBuildkit(path, response.status_code, detail)


def adopt(response: Response) -> Adopted:
    """Take the connection of a `101` response out of the SDK's hands.

    http.client reads ahead: the engine's HTTP/2 preface may already be in its buffer.
    https://github.com/python/cpython/blob/3.13/Lib/http/client.py
    """
    reader = response.raw._fp.fp
    connection: socket.socket = reader.raw._sock
    connection.setblocking(False)
    received = _buffered(reader)
    if isinstance(connection, ssl.SSLSocket):
        # asyncio refuses an SSLSocket: https://github.com/python/cpython/issues/75095
        pump = TlsPump(response, connection, received)
        return Adopted(pump.near, pump=pump)
    # A duplicate belongs to us alone, so the SDK's objects can be closed in their own way.
    own = connection.dup()
    own.setblocking(False)
    response.close()
    return Adopted(own, received)


def _buffered(reader: Any) -> bytes:
    """What has been read ahead; the socket does not block, so `peek` does not wait."""
    try:
        return bytes(reader.peek())
    except ssl.SSLWantReadError:
        return b""
