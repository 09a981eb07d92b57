"""What makes the parts for deployments of a prefect.yaml, all in memory."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from imagebuild.protocols import Parts
from tests.unit.elsewhere import source_beside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pytest

    from imagebuild.request import BuildRequest
    from imagebuild.testing import FakeBuilder, MemoryRecorder


class Shop:
    """A workshop in memory; `requests` is what parts were asked for."""

    def __init__(self, builder: FakeBuilder, recorder: MemoryRecorder) -> None:
        self.builder = builder
        self.recorder = recorder
        self.env: Mapping[str, str] = {}
        self.requests: list[BuildRequest] = []

    def parts_of(self, request: BuildRequest, name: str = "docker", logins: Any = None) -> Parts:
        """All of them in memory."""
        self.requests.append(request)
        return Parts(source_beside(request), self.builder, self.builder.registry, self.recorder)


def in_memory(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Let the command work in it."""

    @contextmanager
    def workshop(env: Mapping[str, str], here: Path) -> Iterator[Shop]:
        shop.env = env
        yield shop

    monkeypatch.setattr("imagebuild.cli.filed.workshop", workshop)
    return shop
