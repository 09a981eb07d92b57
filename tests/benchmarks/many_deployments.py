"""The race of ten deployments in one file: `imagebuild deploy --all`, `prefect deploy --all`.

    python -m tests.benchmarks.many_deployments

Both read the same prefect.yaml, with prefect-docker's steps and one image for all ten deployments,
and one line of the flow has changed each time. A time is that of the whole command; the median.
"""

from __future__ import annotations

import secrets
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml
from rich.console import Console

from tests.benchmarks.race import EXAMPLE, median
from tests.benchmarks.ways import PrefectDocker, Project, buildkit_steps_run
from tests.benchmarks.world import running_world
from tests.support import SetupError
from tests.support.command import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.world import Cost, World

DEPLOYMENTS: Final = 10
ROUNDS: Final = 3


class PrefectAll(PrefectDocker):
    """`prefect deploy --all` of a file with ten deployments."""

    name = "prefect deploy --all"

    def write(self, project: Project) -> None:
        """The file of one deployment, with ten of it."""
        super().write(project)
        path = project.folder / "prefect.yaml"
        file = yaml.safe_load(path.read_text())
        [one] = file["deployments"]
        file["deployments"] = [
            {**one, "name": f"{one['name']}-{number}", "parameters": {"name": f"number {number}"}}
            for number in range(DEPLOYMENTS)
        ]
        path.write_text(yaml.safe_dump(file))


class ImagebuildAll(PrefectAll):
    """`imagebuild deploy --all` of the same file."""

    name = "imagebuild deploy --all"

    def command(self, project: Project) -> Sequence[str]:
        """Deploy what the file names."""
        return [PROGRAM, "deploy", "--all"]

    def steps_run(self, printed: str) -> int:
        """Count BuildKit's steps."""
        return buildkit_steps_run(printed)


def race(world: World, folder: Path, console: Console) -> dict[str, Cost]:
    """Deploy once, then change a line and deploy again, in turns; the medians of the latter."""
    ways = (ImagebuildAll(), PrefectAll())
    projects: dict[str, Project] = {}
    costs: dict[str, list[Cost]] = {}
    for way in ways:
        place = folder / f"many-{secrets.token_hex(4)}"
        shutil.copytree(EXAMPLE, place)
        project = projects[way.name] = Project(place, f"{world.registry_host}/team/{place.name}")
        way.write(project)
        cost = world.deploy(way, project)
        console.print(f"ten deployments, all of it new, {way.name}: {cost.seconds:.2f} s")
    for number in range(ROUNDS):
        for way in ways if number % 2 == 0 else reversed(ways):
            project = projects[way.name]
            text = (EXAMPLE / "flow.py").read_text().replace("Hello", f"Hello {number}")
            (project.folder / "flow.py").write_text(text)
            cost = world.deploy(way, project)
            costs.setdefault(way.name, []).append(cost)
            console.print(f"ten deployments, one line changed, {way.name}: {cost.seconds:.2f} s")
    return {name: median(all_of) for name, all_of in costs.items()}


def sentence(costs: dict[str, Cost]) -> str:
    """Say the ratio in plain words."""
    ours, theirs = costs[ImagebuildAll.name], costs[PrefectAll.name]
    return (
        f"With ten deployments and one line changed, {PrefectAll.name} takes"
        f" {theirs.seconds:.2f} s, {theirs.seconds / ours.seconds:.1f} times as long as"
        f" {ImagebuildAll.name} ({ours.seconds:.2f} s)."
    )


def main() -> int:
    """Set up, race, say who won; 1 where something could not be set up."""
    console = Console()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="imagebuild-benchmark-") as folder,
            running_world() as world,
        ):
            console.print(sentence(race(world, Path(folder), console)))
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
