"""Connections that asyncio cannot serve: those behind TLS."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import docker
import pytest
from docker.tls import TLSConfig

from imagebuild.buildkit import Api, BuildOptions, Session, build, platforms
from imagebuild.buildkit.messages import ListWorkersResponse, PlatformMessage, WorkerRecord
from tests.support.certificates import Certificate, loopback_certificate

from .fake_engine import IMAGE, FakeEngine
from .trees import MemoryTree

if TYPE_CHECKING:
    from collections.abc import Iterator
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
