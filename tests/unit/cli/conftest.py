"""A project, and everything around it in memory."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from imagebuild.protocols import Parts
from imagebuild.record import Described
from imagebuild.testing import FakeBuilder, FakeRegistry, MemoryRecorder
from tests.unit.elsewhere import source_beside
from tests.unit.values import DIGEST, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from imagebuild.request import BuildRequest

FLOW = "from prefect import flow\n\n@flow\ndef hello(): ...\n"


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """Give the signals back that `main` takes."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a flow, where the user stands."""
    root = write(tmp_path / "app", {"flow.py": FLOW, "requirements.txt": "emoji\n"})
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def builder() -> FakeBuilder:
    """A builder whose registry has the default base."""
    registry = FakeRegistry()
    registry.digests["docker.io/prefecthq/prefect:3-latest"] = DIGEST
    return FakeBuilder(registry)


@pytest.fixture
def recorder() -> MemoryRecorder:
    """A Prefect in memory, with one Docker pool, and flows that take a `day`."""
    schema = {"type": "object", "properties": {"day": {"type": "string"}}}
    return MemoryRecorder(parameters=Described(schema))


@pytest.fixture
def asked(
    project: Path,
    builder: FakeBuilder,
    recorder: MemoryRecorder,
    monkeypatch: pytest.MonkeyPatch,
) -> list[tuple[BuildRequest, str]]:
    """Each request and builder that the wiring is asked for; it gives the parts in memory."""
    seen: list[tuple[BuildRequest, str]] = []

    @contextmanager
    def wired(
        request: BuildRequest, env: Mapping[str, str], name: str = "docker"
    ) -> Iterator[Parts]:
        seen.append((request, name))
        yield Parts(source_beside(request), builder, builder.registry, recorder)

    monkeypatch.setattr("imagebuild.cli.working.wired", wired)
    return seen
