"""The engine of a fresh CI runner: it has nothing, builds from a registry, and leaves nothing."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import pytest

from tests.support.fresh_engine import fresh_engine
from tests.support.own_engine import control_groups, mounts_below, processes_of
from tests.support.processes import run
from tests.support.small_image import import_small

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.support.own_engine import Slot
    from tests.support.registry import Registry


@pytest.fixture
def base(engine: DockerClient, registry: Registry) -> Iterator[str]:
    """Give the name of a small image that the registry has."""
    name = f"{registry.address}/fresh/base:v1"
    engine.images.get(import_small(engine)).tag(name)
    run("docker", "push", name)
    yield name
    engine.images.remove(name)


def _holds(client: DockerClient) -> list[object]:
    """All that an engine keeps: images, containers, volumes, build cache."""
    kept = client.df()
    return [
        entry
        for kind in ("Images", "Containers", "Volumes", "BuildCache")
        for entry in kept[kind] or ()
    ]


def _left(slot: Slot) -> list[object]:
    """What of an engine is still on the machine."""
    rules = run("iptables-save").splitlines()
    paths = [slot.run, slot.data, Path("/sys/class/net", slot.bridge)]
    return [
        *processes_of(slot.run),
        *mounts_below(Path("/proc/self/mounts").read_text(), slot.run, slot.data),
        *(path for path in paths if path.exists()),
        *control_groups(slot.run.name),
        *(rule for rule in rules if slot.bridge in rule or f"{slot.network}." in rule),
    ]


def test_it_has_nothing_builds_from_a_registry_and_is_wiped_to_nothing(
    base: str, tmp_path: Path
) -> None:
    """What it held before a wipe it pulls again; afterwards nothing of it is left."""
    (tmp_path / "Dockerfile").write_text(f"FROM {base}\nCOPY file /\n")
    (tmp_path / "file").write_text("content")
    build = ("docker", "build", "--quiet", "--tag", "fresh", str(tmp_path))
    with fresh_engine() as fresh, closing(docker.DockerClient(fresh.host)) as client:
        env = {"DOCKER_HOST": fresh.host, "DOCKER_BUILDKIT": "0"}
        for _ in range(2):
            assert _holds(client) == []
            run(*build, env=env)
            assert {tag for image in client.images.list() for tag in image.tags} == {
                "fresh:latest",
                base,
            }
            fresh.wipe()
        assert _holds(client) == []
        assert _left(fresh.slot) != []

    assert _left(fresh.slot) == []
