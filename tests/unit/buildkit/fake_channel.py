"""A gRPC client on a connection that somebody else opened: the engine's side of a session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from grpclib.client import Channel
from h2.events import StreamReset

if TYPE_CHECKING:
    from grpclib.protocol import H2Protocol


class SessionChannel(Channel):
    """A gRPC client on a connection that somebody else opened."""

    def adopt(self, transport: asyncio.Transport, first: bytes) -> None:
        """Speak on `transport`, whose first bytes go out together with the HTTP/2 preface."""
        protocol = self._protocol_factory()
        transport.set_protocol(protocol)
        protocol.connection_made(cast("asyncio.BaseTransport", First(transport, first)))
        # Go's client reads what came before a reset, grpclib's would throw it away.
        protocol.processor.processors[StreamReset] = lambda _: None
        self._protocol = protocol

    async def wait_lost(self) -> None:
        """Return when the other side has noticed a `close`."""
        await asyncio.sleep(0.2)

    async def _create_connection(self) -> H2Protocol:
        raise ConnectionError


class First:
    """A transport that puts `first` before what is written first, in one segment: a client's
    buffered reader takes both at once, which an engine's own timing does now and then."""

    def __init__(self, transport: asyncio.Transport, first: bytes) -> None:
        self._transport = transport
        self._first = first

    def write(self, data: bytes) -> None:
        data, self._first = self._first + data, b""
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
