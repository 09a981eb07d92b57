"""Fixtures on real parts. Each is set up when the first test asks for it, and once a session.

A test that needs an engine fails where there is none: nothing here skips.
"""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer, Worker
    from tests.support.proxies import RecordingProxy
    from tests.support.registry import Registry


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerClient]:
    """Give a client of a Docker Engine that answers."""
    from tests.support.engine import ensure_engine

    with closing(ensure_engine()) as client:
        yield client


@pytest.fixture(scope="session")
def base_image(engine: DockerClient) -> str:
    """Give the name of Prefect's image, which is in the engine."""
    from tests.support.images import PREFECT, ensure

    return ensure(engine, PREFECT)


@pytest.fixture(scope="session")
def registry(engine: DockerClient) -> Iterator[Registry]:
    """Give a registry that is open to all."""
    from tests.support.registry import running_registry

    with running_registry(engine) as running:
        yield running


@pytest.fixture(scope="session")
def private_registry(engine: DockerClient) -> Iterator[Registry]:
    """Give a registry that asks for a password, and the password."""
    from tests.support.registry import running_registry

    with running_registry(engine, private=True) as running:
        yield running


@pytest.fixture(scope="session")
def prefect_server(engine: DockerClient) -> Iterator[PrefectServer]:
    """Give a Prefect server that we and containers reach."""
    from tests.support.prefect_stack import container_host, running_server

    with (
        tempfile.TemporaryDirectory(prefix="prefect-", ignore_cleanup_errors=True) as folder,
        running_server(Path(folder), container_host(engine)) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def docker_pool(prefect_server: PrefectServer) -> str:
    """Give the name of a Docker work pool as Prefect makes it."""
    from tests.support.prefect_stack import create_pool

    create_pool(prefect_server, "docker-pool", "docker")
    return "docker-pool"


@pytest.fixture(scope="session")
def process_pool(prefect_server: PrefectServer) -> str:
    """Give the name of a process work pool: one that takes no image."""
    from tests.support.prefect_stack import create_pool

    create_pool(prefect_server, "process-pool", "process")
    return "process-pool"


@pytest.fixture(scope="session")
def worker(prefect_server: PrefectServer, docker_pool: str) -> Iterator[Worker]:
    """Give a worker that polls the Docker work pool."""
    from tests.support.prefect_stack import running_worker

    with running_worker(prefect_server, docker_pool, "docker") as running:
        running.wait_online()
        yield running


@pytest.fixture
def recorded_engine(
    engine: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RecordingProxy]:
    """Lead DOCKER_HOST through a proxy that keeps what is asked of the engine."""
    from tests.support.proxies import recording_engine

    # A socket's path has 108 bytes at most, which pytest's folders can exceed.
    with (
        tempfile.TemporaryDirectory(prefix="ib-") as folder,
        recording_engine(Path(folder)) as (proxy, host),
    ):
        monkeypatch.setenv("DOCKER_HOST", host)
        yield proxy


@pytest.fixture
def recorded_registry(registry: Registry) -> Iterator[tuple[RecordingProxy, str]]:
    """Give a proxy that keeps what is asked of the open registry, and its `localhost:port`."""
    from tests.support.proxies import recording_http

    with recording_http(registry.address) as recording:
        yield recording


@pytest.fixture
def recorded_prefect(prefect_server: PrefectServer) -> Iterator[tuple[RecordingProxy, str]]:
    """Give a proxy that keeps what is asked of Prefect, and the PREFECT_API_URL through it."""
    from tests.support.proxies import recording_http

    with recording_http(prefect_server.url) as (proxy, address):
        yield proxy, f"http://{address}/api"
