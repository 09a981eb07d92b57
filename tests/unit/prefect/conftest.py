"""A project where the user stands, and everything around it in memory."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.protocols import Parts
from imagebuild.sources.local import LocalSource
from imagebuild.testing import FakeBuilder, FakeRegistry, MemoryRecorder
from tests.unit.values import DIGEST, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imagebuild.request import BuildRequest

FLOW = "from prefect import flow\n\n@flow\ndef hello(): ...\n"


@dataclass
class World:
    """What the doors work on, and what they asked the wiring for."""

    root: Path
    builder: FakeBuilder
    requests: list[BuildRequest] = field(default_factory=list)
    builders: list[str] = field(default_factory=list)
    logins: list[Any] = field(default_factory=list)
    blocks: list[Any] = field(default_factory=list)

    @property
    def registry(self) -> FakeRegistry:
        """Where the builder pushes to."""
        return self.builder.registry


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A folder with a flow, an engine and a registry that has the base."""
    root = write(tmp_path / "app", {"flow.py": FLOW, "requirements.txt": "emoji\n"})
    monkeypatch.chdir(root)
    registry = FakeRegistry()
    registry.digests["docker.io/prefecthq/prefect:3-latest"] = DIGEST
    made = World(root, FakeBuilder(registry))

    @contextmanager
    def wired(
        request: BuildRequest, env: Any, builder: str, logins: Any, blocks: Any
    ) -> Iterator[Parts]:
        made.requests.append(request)
        made.builders.append(builder)
        made.logins.append(logins)
        made.blocks.append(blocks)
        source = LocalSource(request.root, {})
        yield Parts(source, made.builder, made.registry, MemoryRecorder())

    monkeypatch.setattr("imagebuild.wiring.wired", wired)
    return made
