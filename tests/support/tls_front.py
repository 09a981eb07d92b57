"""A server with TLS before one without: what it is told on loopback it hands on as it is."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.certificates import Certificate
    from tests.support.proxies import Address


@contextmanager
def tls_front(
    target: Address, certificate: Certificate, *, mutual: bool = False
) -> Iterator[tuple[str, int]]:
    """Listen with TLS on loopback until the block ends; host and port.

    `mutual` lets nobody in who does not show the same certificate.
    """
    context = certificate.server_context()
    if mutual:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificate.certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        loop = asyncio.new_event_loop()
        stop = asyncio.Event()
        work = _serve(listener, context, target, stop)
        thread = threading.Thread(target=loop.run_until_complete, args=(work,))
        thread.start()
        try:
            yield listener.getsockname()[:2]
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()
            loop.close()


async def _serve(
    listener: socket.socket, context: ssl.SSLContext, target: Address, stop: asyncio.Event
) -> None:
    tasks: set[asyncio.Task[None]] = set()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if isinstance(target, tuple):
            there, back = await asyncio.open_connection(*target)
        else:
            there, back = await asyncio.open_unix_connection(str(target))
        await asyncio.gather(_carry(reader, back), _carry(there, writer))

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(connect(reader, writer)))

    server = await asyncio.start_server(accept, sock=listener, ssl=context)
    await stop.wait()
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One direction, to its end."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()
