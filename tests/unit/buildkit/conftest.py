"""A fake engine and the Docker SDK's client for it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import docker
import pytest

from .fake_engine import FakeEngine

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    """An engine that does the usual; a test may give it another `script` before it builds."""
    with FakeEngine() as running:
        yield running


@pytest.fixture
def api(engine: FakeEngine) -> Iterator[docker.APIClient]:
    """The SDK's client for it."""
    client = docker.APIClient(base_url=f"tcp://127.0.0.1:{engine.port}", version="1.41")
    yield client
    client.close()


@pytest.fixture(autouse=True)
def _no_thread_remains() -> Iterator[None]:
    """Every thread of a session ends with it."""
    yield
    assert [t.name for t in threading.enumerate() if t.name.startswith("buildkit")] == []
