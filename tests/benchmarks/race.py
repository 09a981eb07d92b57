"""The cases of the deploys: what is changed before each, and on which engine it is deployed."""

from __future__ import annotations

import dataclasses
import secrets
import shutil
import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.benchmarks.ways import Imagebuild, PrefectDocker, Project
from tests.benchmarks.world import Cost

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.console import Console

    from tests.benchmarks.fresh import FreshWorld
    from tests.benchmarks.ways import Way
    from tests.benchmarks.world import World

    Costs = Mapping[str, Mapping[str, Cost]]  # by case, then by way
    Prepare = Callable[[Way, int], None]  # of the round with this number

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "hello"
# None of them is in the base.
REQUIREMENTS: Final = ("emoji==2.14.1", "inflection==0.5.1", "tabulate==0.9.0", "xxhash==3.5.0")
ADDED: Final = ("toolz==1.0.0", "sortedcontainers==2.4.0", "parse==1.20.2")
WAYS: Final[Sequence[Way]] = (Imagebuild(), PrefectDocker())
COLD, FRESH_RUNNER = "everything cold", "one line changed, fresh runner"


@dataclass(frozen=True)
class Race:
    """The two ways, each with its own project, which one case after the other changes."""

    world: World
    folder: Path
    console: Console
    base: str
    projects: dict[str, Project] = field(default_factory=dict)

    def begin(self, way: Way, number: int) -> None:
        """Make a project that nobody has seen."""
        folder = self.folder / f"hello-{secrets.token_hex(4)}"
        shutil.copytree(EXAMPLE, folder)
        (folder / "requirements.txt").write_text("\n".join(REQUIREMENTS) + "\n")
        project = Project(folder, f"{self.world.registry_host}/team/{folder.name}", self.base)
        way.write(project)
        self.projects[way.name] = project

    def keep(self, way: Way, number: int) -> None:
        """Change nothing."""

    def edit(self, way: Way, number: int) -> None:
        """Change one line of the flow."""
        text = (EXAMPLE / "flow.py").read_text().replace("Hello", f"Hello {number}")
        (self.projects[way.name].folder / "flow.py").write_text(text)

    def require(self, way: Way, number: int) -> None:
        """Add one requirement."""
        with (self.projects[way.name].folder / "requirements.txt").open("a") as file:
            file.write(f"{ADDED[number]}\n")

    def deploy(self, way: Way) -> Cost:
        """Deploy a way's project as it is now."""
        return self.world.deploy(way, self.projects[way.name])

    def run(self, cases: Mapping[str, tuple[int, Prepare]]) -> Costs:
        """Run each case for some rounds, in turns; who begins changes with every round."""
        costs: dict[str, dict[str, list[Cost]]] = {}
        for case, (rounds, prepare) in cases.items():
            by_way = costs[case] = defaultdict(list)
            for number in range(rounds):
                for way in WAYS if number % 2 == 0 else reversed(WAYS):
                    prepare(way, number)
                    cost = self.deploy(way)
                    by_way[way.name].append(cost)
                    self.console.print(f"{case}, {way.name}: {cost.seconds:.2f} s")
        return {
            case: {name: median(all_of) for name, all_of in by_way.items()}
            for case, by_way in costs.items()
        }


def on_known_engine(world: World, folder: Path, console: Console) -> Costs:
    """Run the cases of an engine that has the base and what was built before.

    Each way deploys once before: Python compiles its modules, and files come into memory.
    """
    world.forget_downloads([requirement.partition("==")[0] for requirement in ADDED])
    # As the registry has it, like a team's: to look for another one somewhere else takes no time.
    race = Race(world, folder, console, world.pulled_base)
    for way in reversed(WAYS):
        race.begin(way, 0)
        race.deploy(way)
    return race.run(
        {
            "nothing changed": (3, race.keep),
            "one line changed": (3, race.edit),
            "one requirement added": (len(ADDED), race.require),
        }
    )


def on_fresh_engine(world: FreshWorld, folder: Path, console: Console) -> Costs:
    """Run the cases of an engine that has nothing, wiped before each deploy.

    The line is changed in the projects that were deployed cold, each from a runner that is gone.
    """
    race = Race(world, folder, console, world.pulled_base)

    def wiped(prepare: Prepare) -> Prepare:
        def prepare_and_wipe(way: Way, number: int) -> None:
            prepare(way, number)
            world.wipe()

        return prepare_and_wipe

    return race.run({COLD: (3, wiped(race.begin)), FRESH_RUNNER: (3, wiped(race.edit))})


def median(costs: Sequence[Cost]) -> Cost:
    """Take the median of each figure by itself."""
    figures = [dataclasses.astuple(cost) for cost in costs]
    seconds, *counts = map(statistics.median, zip(*figures, strict=True))
    return Cost(seconds, *map(round, counts))
