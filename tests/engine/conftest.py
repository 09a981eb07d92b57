"""Tests on real parts see none of the user's own settings of Prefect and of this project."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.engine import forget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer
    from tests.support.registry import Registry
    from tests.support.second_engine import SecondEngine
    from tests.support.storages import Storage


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget PREFECT_*, IMAGEBUILD_* and GITHUB_*; the engine stays the one that docker finds."""
    for name in list(os.environ):
        if name.startswith(("PREFECT_", "IMAGEBUILD_", "GITHUB_")):
            monkeypatch.delenv(name)


@pytest.fixture
def env(base_image: str, prefect_server: PrefectServer, docker_pool: str) -> dict[str, str]:
    """Give the environment of a user with a server, a Docker pool and the base image."""
    docker_host = os.environ.get("DOCKER_HOST")
    return prefect_server.environment() | ({"DOCKER_HOST": docker_host} if docker_host else {})


@pytest.fixture
def elsewhere(tmp_path: Path, env: dict[str, str]) -> tuple[Path, dict[str, str]]:
    """Give a folder without a project, and the environment of a user with a home of his own."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder, {**env, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture(scope="session")
def storages(engine: DockerClient) -> Iterator[dict[str, Storage]]:
    """Give S3, Google's and Azure's storage, by the names `s3`, `gcs` and `azure`."""
    from tests.support.prefect_stack import container_host
    from tests.support.storages import all_storages

    with (
        tempfile.TemporaryDirectory(prefix="storages-") as folder,
        all_storages(container_host(engine), Path(folder)) as running,
    ):
        yield running


@pytest.fixture(scope="session")
def containerd_engine(engine: DockerClient, base_image: str) -> Iterator[SecondEngine]:
    """Give an engine with the containerd image store, in which the base image is."""
    from tests.support.second_engine import containerd_engine

    with containerd_engine() as second:
        second.ensure(engine, base_image)
        yield second


@pytest.fixture
def made(engine: DockerClient) -> Iterator[list[str]]:
    """Take the images away whose references a test puts into the list, if the engine has them."""
    names: list[str] = []
    yield names
    forget(engine, *names)


@pytest.fixture(scope="session")
def prefect_base(engine: DockerClient, base_image: str, registry: Registry) -> str:
    """Give Prefect's image as the open registry has it."""
    name = f"{registry.address}/bases/prefect:3"
    engine.images.get(base_image).tag(name)
    push(engine, name)
    return name


@pytest.fixture(scope="session")
def small_base(engine: DockerClient, registry: Registry) -> str:
    """Give an image without files as the open registry has it."""
    from tests.support.small_image import import_small

    name = f"{registry.address}/bases/small:1"
    engine.images.get(import_small(engine)).tag(name)
    push(engine, name)
    return name


def push(engine: DockerClient, name: str) -> None:
    """Push what has this name in the engine, and take the name away there."""
    for event in engine.api.push(name, stream=True, decode=True):
        assert "error" not in event, event
    engine.images.remove(name)
