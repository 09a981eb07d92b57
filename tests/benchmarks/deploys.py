"""The race of the deploys: imagebuild against `prefect deploy` with prefect-docker's steps.

    python -m tests.benchmarks.deploys

Both deploy the same flow on the same base, with the same engine, registry and Prefect server, in
turns. A time is that of the whole command, from its start to its end; of several, the median.

"Everything cold" is a fresh CI runner: an engine of its own without an image or a build cache, an
empty HOME, a project that nobody has seen, and the base in the registry alone. "One line changed,
fresh runner" is the next commit on another such runner: the registry and Prefect know the project.
In all other cases the engine has what was built before. Nothing of anybody else's is removed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from tests.benchmarks.fresh import fresh_world
from tests.benchmarks.race import COLD, FRESH_RUNNER, on_fresh_engine, on_known_engine
from tests.benchmarks.ways import Imagebuild, PrefectDocker
from tests.benchmarks.world import running_world
from tests.support import SetupError, fresh_engine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.benchmarks.race import Costs
    from tests.benchmarks.world import Cost

OURS, RIVAL = Imagebuild.name, PrefectDocker.name


def table(costs: Costs) -> Table:
    """Draw the cases in their order, both ways in each."""
    drawn = Table(
        title="deploy and push, medians",
        caption="bytes, with all heads; steps of the build that the cache did not have;"
        " requests to Prefect that change something; everything cold, fresh runner: engine and"
        " HOME have nothing, and the base is in the registry alone",
    )
    for left in ("case", "command"):
        drawn.add_column(left, no_wrap=True)
    for right in (
        "seconds",
        "ratio",
        "to engine",
        "to registry",
        "from it",
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
                size(cost.from_registry),
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


def race(console: Console) -> Costs:
    """Set up, run all cases, and take everything down; the cold ones come first in what is told."""
    with (
        tempfile.TemporaryDirectory(prefix="ib-", ignore_cleanup_errors=True) as name,
        running_world() as world,
    ):
        console.print("ready")
        folder = Path(name)
        known = on_known_engine(world, folder, console)
        if why := fresh_engine.missing():
            console.print(f"{COLD}; {FRESH_RUNNER}: not run, {why}")
            return known
        with fresh_world(world, folder) as fresh:
            return {**on_fresh_engine(fresh, folder, console), **known}


def main() -> int:
    """Race and print the table; 1 where something could not be set up."""
    began, console = time.monotonic(), Console()
    if not console.is_terminal:
        console.width = 140
    console.print("setting up: engine, base, registry, Prefect server")
    try:
        costs = race(console)
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    console.print(table(costs), sentence(costs), sep="\n")
    console.print(f"{time.monotonic() - began:.0f} s in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
