"""Connections that asyncio cannot serve: TLS, and an ssh process's pipes."""

from __future__ import annotations

import contextlib
import socket
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import docker
import pytest
from docker.tls import TLSConfig

from imagebuild.buildkit import Api, BuildOptions, Session, build, platforms
from imagebuild.buildkit.messages import ListWorkersResponse, PlatformMessage, WorkerRecord
from tests.support.certificates import Certificate, loopback_certificate

from .fake_engine import IMAGE, FakeEngine
from .trees import MemoryTree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CONTEXT = {"large": bytes(range(256)) * 12345, **{f"d/{i}": b"x" * i for i in range(300)}}
TREES = {"context": MemoryTree(CONTEXT), "dockerfile": MemoryTree({"Dockerfile": b"FROM x"})}
WORKERS = ListWorkersResponse(
    record=[WorkerRecord(platforms=[PlatformMessage(os="linux", architecture="amd64")])]
)


def build_through(engine: FakeEngine, api: Api, times: int = 1) -> None:
    """Build, and see that every byte arrived."""
    for number in range(times):
        with Session(api, trees=TREES, shared_key=f"{number}") as session:
            assert build(api, session, BuildOptions()) == IMAGE
        assert engine.kept[f"{number}", "context"].files == CONTEXT


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """For the engine."""
    return loopback_certificate(tmp_path)


@pytest.fixture
def tls_api(certificate: Certificate) -> Iterator[tuple[FakeEngine, docker.APIClient]]:
    """A fake engine that wants TLS, and the SDK's client for it."""
    tls = TLSConfig(ca_cert=str(certificate.certificate), verify=True)
    with FakeEngine(tls=certificate.server_context(), workers=WORKERS) as engine:
        address = f"https://127.0.0.1:{engine.port}"
        with contextlib.closing(docker.APIClient(address, version="1.41", tls=tls)) as api:
            yield engine, api


def test_a_session_works_over_tls(tls_api: tuple[FakeEngine, docker.APIClient]) -> None:
    """asyncio refuses an SSLSocket, so the bytes are carried."""
    build_through(*tls_api, times=2)


def test_platforms_are_listed_over_tls(tls_api: tuple[FakeEngine, docker.APIClient]) -> None:
    """With the roles turned round."""
    assert [platforms(tls_api[1]) for _ in range(5)] == [("linux/amd64",)] * 5


class PipedApi:
    """An `Api` that speaks through a pair of blocking streams, as the SDK does over ssh."""

    base_url = "http+docker://ssh"
    api_version = "1.41"

    def __init__(self, engine: FakeEngine, file: Callable[[socket.socket], Any]) -> None:
        self._engine = engine
        self._file = file
        self.plain = docker.APIClient(f"tcp://127.0.0.1:{engine.port}", version="1.41")

    def post(self, url: str, **options: Any) -> Any:
        if "auth" not in options:
            return self.plain.post(url.replace(self.base_url, self.plain.base_url), **options)
        connection = socket.create_connection(("127.0.0.1", self._engine.port))
        prepared = options["auth"](SimpleNamespace(headers={"Host": "ssh"}))
        lines = [f"{name}: {value}" for name, value in prepared.headers.items()]
        path = url.removeprefix(self.base_url)
        text = "\r\n".join([f"POST {path} HTTP/1.1", *lines, "", ""])
        connection.sendall(text.encode())
        reader = self._file(connection)
        while reader.readline().strip():
            pass
        reader.channel = Channel(connection)

        def close() -> None:
            reader.close()
            connection.close()

        return SimpleNamespace(
            status_code=101,
            raw=SimpleNamespace(_fp=SimpleNamespace(fp=reader)),
            close=close,
        )


class Channel:
    """What the SDK's ssh socket can do: no descriptor that asyncio could have."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.sendall = connection.sendall
        self.recv = connection.recv

    def close(self) -> None:
        """End both directions."""
        self._connection.shutdown(socket.SHUT_RDWR)


class ParamikoFile:
    """paramiko's file: it has no `read1`, and keeps in `_rbuffer` what it read ahead."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rbuffer = b""

    def readline(self) -> bytes:
        while b"\n" not in self._rbuffer:
            self._rbuffer += self._connection.recv(8192)
        line, _, self._rbuffer = self._rbuffer.partition(b"\n")
        return line

    def close(self) -> None:
        """There is nothing to close."""


PIPES = pytest.mark.parametrize(
    "file", [lambda connection: connection.makefile("rb"), ParamikoFile], ids=["ssh", "paramiko"]
)


@PIPES
def test_a_session_works_over_pipes(
    engine: FakeEngine, file: Callable[[socket.socket], Any]
) -> None:
    """And what was read ahead of the session is not lost."""
    api = PipedApi(engine, file)
    build_through(engine, api, times=2)
    api.plain.close()


@PIPES
def test_platforms_are_listed_over_pipes(
    engine: FakeEngine, file: Callable[[socket.socket], Any]
) -> None:
    """With the roles turned round."""
    engine.workers = WORKERS
    api = PipedApi(engine, file)
    assert [platforms(api) for _ in range(5)] == [("linux/amd64",)] * 5
    api.plain.close()
