"""One line changed in a project of 20,000 small files, beside as many that no image is to have.

`imagebuild deploy --push` against `prefect deploy --all` with prefect-docker's steps, on an engine
that has seen the project; and ours once more where no engine can be reached.
"""

from __future__ import annotations

import dataclasses
import secrets
import shutil
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.benchmarks import large_context
from tests.benchmarks.race_figures import Push, Result
from tests.benchmarks.racers import EXAMPLE, edit
from tests.benchmarks.ways import Imagebuild, PrefectDocker, Project

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.benchmarks.ways import Way
    from tests.benchmarks.world import World

FILES: Final = 20_000
REQUIREMENTS: Final = ("emoji==2.14.1", "inflection==0.5.1")
NOWHERE: Final = "unix:///nonexistent/docker.sock"


class ImagebuildOn(Imagebuild):
    """Ours, on the base that the registry holds, of the flow that the other's file names, too."""

    name = "imagebuild deploy --push"

    def __init__(self, base: str) -> None:
        self.base = base

    def command(self, project: Project) -> Sequence[str]:
        """Deploy."""
        return [*super().command(project), "--base", self.base, "flow.py:hello"]


class ImagebuildAlone(ImagebuildOn):
    """The same without an engine."""

    name = "the same, no engine"


@dataclass
class ManyFiles:
    """Both ways, each with a project of its own."""

    world: World
    folder: Path

    def race(self, rounds: int, patience: float) -> list[Result]:
        """Deploy once, then in turns; who took longer than that runs once."""
        base = f"{self.world.registry_host}/base:v1"
        ours, alone, theirs = ImagebuildOn(base), ImagebuildAlone(base), PrefectDocker()
        away = {**self.world.environment, "DOCKER_HOST": NOWHERE}
        worlds = {alone.name: dataclasses.replace(self.world, environment=away)}
        projects = {way.name: self._project(way) for way in (ours, theirs)}
        projects[alone.name] = projects[ours.name]
        ways: list[Way] = [ours, alone, theirs]
        for warm in (ours, theirs):
            self.world.deploy(warm, projects[warm.name])
        runs: dict[str, list[Push]] = defaultdict(list)
        for number in range(rounds):
            for way in ways if number % 2 == 0 else reversed(ways):
                if any(run.seconds > patience for run in runs[way.name]):
                    continue
                edit(projects[way.name].folder, f"change {number}")
                world = worlds.get(way.name, self.world)
                cost = world.deploy(way, projects[way.name])
                push = Push(cost.seconds, cost.registry_requests, cost.to_registry)
                runs[way.name].append(push)
        return [Result(way.name, runs[way.name]) for way in ways]

    def _project(self, way: Way) -> Project:
        folder = self.folder / f"many-{secrets.token_hex(4)}"
        shutil.copytree(EXAMPLE, folder)
        large_context.make(folder, FILES, secrets.token_hex(8), ignored=FILES)
        (folder / "Dockerfile").unlink()
        (folder / "requirements.txt").write_text("\n".join(REQUIREMENTS) + "\n")
        project = Project(folder, f"{self.world.registry_host}/team/{folder.name}")
        way.write(project)
        return project
