"""A session with a real engine behind TLS."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import uuid
from typing import TYPE_CHECKING

import docker
import pytest
from docker.tls import TLSConfig

from imagebuild.buildkit import platforms
from tests.support.certificates import loopback_certificate

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from pathlib import Path


from .test_buildkit_build import COPY, files_of, run


@pytest.fixture
def tls_address(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A TLS-terminating proxy on loopback before the engine's socket, and its certificate."""
    certificate = loopback_certificate(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        loop = asyncio.new_event_loop()
        stop = asyncio.Event()
        work = proxy(listener, certificate.server_context(), stop)
        thread = threading.Thread(target=loop.run_until_complete, args=(work,))
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}", certificate.certificate
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


async def proxy(listener: socket.socket, context: ssl.SSLContext, stop: asyncio.Event) -> None:
    """Carry bytes until `stop`."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection("/var/run/docker.sock")
        await asyncio.gather(carry(reader, back), carry(there, writer))

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(serve(reader, writer)))

    server = await asyncio.start_server(accept, sock=listener, ssl=context)
    await stop.wait()
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One direction, to its end."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()


@pytest.fixture
def tls_api(
    tls_address: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[docker.APIClient]:
    """The engine, reached by https."""
    # requests prefers these to what its session says: https://github.com/psf/requests/issues/3829
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    address, certificate = tls_address
    tls = TLSConfig(ca_cert=str(certificate), verify=True)
    with contextlib.closing(docker.APIClient(address, "auto", tls=tls)) as api:
        yield api


def test_a_build_works_over_tls(tls_api: docker.APIClient) -> None:
    """Many files, there and back."""
    key = uuid.uuid4().hex
    files: dict[str, bytes | str] = {f"d/{i}": (key * i).encode() for i in range(500)}
    with contextlib.closing(docker.from_env()) as client:
        image, sent, _ = run(tls_api, COPY, files, key)
        try:
            assert sent["context"].files == 500
            assert len(files_of(client, image)) == 500
        finally:
            client.images.remove(image, force=True)


def test_platforms_are_listed_over_tls(tls_api: docker.APIClient) -> None:
    """As over the engine's socket."""
    with contextlib.closing(docker.from_env()) as client:
        assert platforms(tls_api) == platforms(client.api)
