"""Tests on real parts see none of the user's own settings of Prefect and of this project."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.support.second_engine import SecondEngine


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget PREFECT_* and IMAGEBUILD_*; the engine stays the one that docker finds."""
    for name in list(os.environ):
        if name.startswith(("PREFECT_", "IMAGEBUILD_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def containerd_engine(engine: DockerClient, base_image: str) -> Iterator[SecondEngine]:
    """Give an engine with the containerd image store, in which the base image is."""
    from tests.support.second_engine import containerd_engine

    with containerd_engine() as second:
        second.ensure(engine, base_image)
        yield second


@pytest.fixture
def made(engine: DockerClient) -> Iterator[list[str]]:
    """Take the images away whose references a test puts into the list."""
    names: list[str] = []
    yield names
    for name in names:
        engine.images.remove(name, force=True)
