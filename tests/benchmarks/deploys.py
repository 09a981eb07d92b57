"""The race of the deploys: imagebuild against `prefect deploy` with prefect-docker's steps.

    python -m tests.benchmarks.deploys

Both deploy the same flow on the same base, with the same engine, registry and Prefect server, in
turns. A time is that of the whole command, from its start to its end; of several, the median. Cold
is a project that nobody has seen, as if all of it had been removed: no image, no build cache, no
downloaded package, no repository, no deployment; only the base is there, in the engine and in the
registry. Nothing of anybody else's is removed for it.
"""

from __future__ import annotations

import dataclasses
import secrets
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from tests.benchmarks.ways import Imagebuild, PrefectDocker, Project
from tests.benchmarks.world import Cost, World, running_world
from tests.support import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.benchmarks.ways import Way

    Costs = Mapping[str, Mapping[str, Cost]]  # by case, then by way

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "hello"
# None of them is in the base.
REQUIREMENTS: Final = ("emoji==2.14.1", "inflection==0.5.1", "tabulate==0.9.0", "xxhash==3.5.0")
ADDED: Final = ("toolz==1.0.0", "sortedcontainers==2.4.0", "parse==1.20.2")
OURS, RIVAL = Imagebuild.name, PrefectDocker.name
WAYS: Final[Sequence[Way]] = (Imagebuild(), PrefectDocker())


@dataclass(frozen=True)
class Race:
    """The two ways, each with its own project, which one case after the other changes."""

    world: World
    folder: Path
    projects: dict[str, Project] = field(default_factory=dict)

    def begin(self, way: Way, number: int) -> None:
        """Make a project that nobody has seen."""
        names = [requirement.partition("==")[0] for requirement in (*REQUIREMENTS, *ADDED)]
        self.world.forget_downloads(names)
        folder = self.folder / f"hello-{secrets.token_hex(4)}"
        shutil.copytree(EXAMPLE, folder)
        (folder / "requirements.txt").write_text("\n".join(REQUIREMENTS) + "\n")
        project = Project(folder, f"{self.world.registry_host}/team/{folder.name}")
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

    def run(self, console: Console) -> Costs:
        """Run all cases, in turns; who begins changes with every round.

        Each way deploys once before: Python compiles its modules, and files come into memory.
        """
        for way in reversed(WAYS):
            self.begin(way, 0)
            self.world.deploy(way, self.projects[way.name])
        cases: dict[str, tuple[int, Callable[[Way, int], None]]] = {
            "everything cold": (2, self.begin),
            "nothing changed": (3, self.keep),
            "one line changed": (3, self.edit),
            "one requirement added": (len(ADDED), self.require),
        }
        costs: dict[str, dict[str, list[Cost]]] = {}
        for case, (rounds, prepare) in cases.items():
            by_way = costs[case] = defaultdict(list)
            for number in range(rounds):
                for way in WAYS if number % 2 == 0 else reversed(WAYS):
                    prepare(way, number)
                    cost = self.world.deploy(way, self.projects[way.name])
                    by_way[way.name].append(cost)
                    console.print(f"{case}, {way.name}: {cost.seconds:.2f} s")
        return {
            case: {name: median(all_of) for name, all_of in by_way.items()}
            for case, by_way in costs.items()
        }


def median(costs: Sequence[Cost]) -> Cost:
    """Take the median of each figure by itself."""
    figures = [dataclasses.astuple(cost) for cost in costs]
    seconds, *counts = map(statistics.median, zip(*figures, strict=True))
    return Cost(seconds, *map(round, counts))


def table(costs: Costs) -> Table:
    """Draw the cases in their order, both ways in each."""
    drawn = Table(
        title="deploy and push, medians",
        caption="bytes sent, with all heads; steps of the build that the cache did not have;"
        " requests to Prefect that change something; everything cold: a project that engine,"
        " registry and Prefect have never seen, on a base that they have",
    )
    for left in ("case", "command"):
        drawn.add_column(left, no_wrap=True)
    for right in (
        "seconds",
        "ratio",
        "to engine",
        "to registry",
        "requests to it",
        "steps run",
        "changes",
    ):
        drawn.add_column(right, justify="right")
    for case, by_way in costs.items():
        for name, cost in by_way.items():
            drawn.add_row(
                case if name == OURS else "",
                name,
                f"{cost.seconds:.2f}",
                "" if name == OURS else f"{ratio(by_way):.1f}",
                size(cost.to_engine),
                size(cost.to_registry),
                str(cost.registry_requests),
                str(cost.steps_run),
                str(cost.prefect_changes),
                end_section=name == RIVAL,
            )
    return drawn


def ratio(by_way: Mapping[str, Cost]) -> float:
    """Tell how many times as long the rival takes."""
    return by_way[RIVAL].seconds / by_way[OURS].seconds


def size(count: int) -> str:
    """Write a number of bytes for a person."""
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def sentence(costs: Costs) -> str:
    """Say the ratios in plain words."""
    told = [f"with {case} {ratio(by_way):.1f} times" for case, by_way in costs.items()]
    return f"{RIVAL} takes {', '.join(told)} as long as {OURS} deploy."


def main() -> int:
    """Set up, race, print the table; 1 where something could not be set up."""
    began, console = time.monotonic(), Console()
    if not console.is_terminal:
        console.width = 120
    console.print("setting up: engine, base, registry, Prefect server")
    try:
        with (
            tempfile.TemporaryDirectory(prefix="imagebuild-benchmark-") as folder,
            running_world() as world,
        ):
            console.print(f"ready after {time.monotonic() - began:.0f} s")
            costs = Race(world, Path(folder)).run(console)
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    console.print(table(costs), sentence(costs), sep="\n")
    console.print(f"{time.monotonic() - began:.0f} s in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
