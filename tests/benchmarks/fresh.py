"""What both ways deploy with on a fresh CI runner: an engine and a HOME that have nothing."""

from __future__ import annotations

import dataclasses
import os
import shutil
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import docker

from tests.benchmarks.counting import counting_engine
from tests.benchmarks.world import World
from tests.support.fresh_engine import FreshEngine, fresh_engine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What a runner keeps in its HOME, if nothing is said of it.
KEPT: Final = (
    *("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "UV_CACHE_DIR", "PIP_CACHE_DIR"),
    "PREFECT_HOME",
)


@dataclass(frozen=True, kw_only=True)
class FreshWorld(World):
    """The registry and the Prefect server of another world, on a runner of its own."""

    runner: FreshEngine
    home: Path

    def wipe(self) -> None:
        """Take another runner: what the last one had is gone."""
        self.runner.wipe()
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir()
        os.sync()  # else the next one's disk is busy with what was removed


@contextmanager
def fresh_world(world: World, folder: Path) -> Iterator[FreshWorld]:
    """Set up the runner in a folder with a short path, and take it down again."""
    home = folder / "home"
    with (
        fresh_engine() as runner,
        closing(docker.DockerClient(runner.host)) as client,
        counting_engine(folder / "fresh.sock", runner.slot.socket) as (engine, docker_host),
    ):
        given = {field.name: getattr(world, field.name) for field in dataclasses.fields(World)}
        own = {
            "client": client,
            "engine": engine,
            "environment": on_runner(world.environment, home) | {"DOCKER_HOST": docker_host},
            "images": {},
            "names": set(),
        }
        yield FreshWorld(**(given | own), runner=runner, home=home)


def on_runner(environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """Give a command another HOME to keep things in, and leave it the user's settings.

    A runner is told of proxies, package indexes and registries, and Python has compiled what was
    installed on it.
    """
    users = Path(environment.get("HOME") or Path.home())
    settings = {"XDG_CONFIG_HOME": str(users / ".config"), "DOCKER_CONFIG": str(users / ".docker")}
    given = {key: value for key, value in environment.items() if key not in KEPT}
    return settings | given | {"HOME": str(home)}
