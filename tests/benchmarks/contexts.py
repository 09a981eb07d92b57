"""The race of the large contexts: imagebuild, docker build with buildx, the SDK's packer, classic.

    python -m tests.benchmarks.contexts [--files 100000] [--within 330]

Every tool builds `FROM scratch` and `COPY . /code/` from the same folder on the same engine: first
cold, then with nothing changed, then with one file changed. A time is that of a whole process, from
its start to its end. The classic builder takes minutes for so many files, so it comes last, and
what has not ended in time is stopped and stands in the table as `> seconds`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from tests.benchmarks import large_context
from tests.benchmarks.measuring import Measured, measure, sent_bytes
from tests.support.debian import buildx_plugin
from tests.support.engine import ensure_engine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TAG: Final = "imagebuild-benchmark"
CASES: Final = ("cold", "nothing changed", "one file changed")


@dataclass(frozen=True)
class Tool:
    """A way to build: how it is called, what its runs need, and which cases it is asked for.

    `{root}`, `{tag}` and `{temperature}` are filled in; `cold` is what is added for the cold case.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cold: Sequence[str] = ()
    cases: Sequence[str] = CASES

    def command(self, case: str, root: Path) -> list[str]:
        """The call for one case."""
        words = {"root": str(root), "tag": f"{TAG}:{self.name}", "temperature": case.split()[0]}
        filled = [word.format(**words) for word in self.argv]
        return [*filled, *(self.cold if case == "cold" else ())]


@dataclass(frozen=True)
class Row:
    """One line of the table; `sent` and `peak` are in bytes, `found` is the time of the reading.

    A run that was `stopped` would have taken longer than `seconds`.
    """

    case: str
    tool: str
    seconds: float
    sent: int | None
    peak: int
    found: float | None = None
    stopped: bool = False


def tools(buildx: Path | None) -> list[Tool]:
    """Who takes part; the classic builder is slow here, so it is asked for less."""
    ours = (sys.executable, "-m", "tests.benchmarks.one_build")
    told = ("{root}", "{tag}", "{temperature}")
    docker = ("docker", "build", "--tag", "{tag}", "{root}")
    classic = {"DOCKER_BUILDKIT": "0"}
    found = [Tool("imagebuild", (*ours, "imagebuild", *told), {})]
    if buildx is not None:
        env = {"DOCKER_CONFIG": str(buildx), "DOCKER_BUILDKIT": "1"}
        plain = (*docker, "--progress", "plain")
        found.append(Tool("buildx", plain, env, ("--no-cache",)))
    return [
        *found,
        Tool("sdk-packer", (*ours, "sdk", *told), {}, cases=("cold", "one file changed")),
        Tool("docker-classic", docker, classic, ("--no-cache",), cases=("cold",)),
    ]


def race(taking_part: Sequence[Tool], root: Path, console: Console, within: float) -> list[Row]:
    """Run every case of every tool, one after the other, for `within` seconds in all."""
    began, rows = time.monotonic(), []
    runs = [(tool, case) for tool in taking_part for case in tool.cases]
    for tool, case in runs:
        left = within - (time.monotonic() - began)
        if left < 1:
            console.print(f"not run, for want of time: {tool.name}, {case}")
            continue
        if case == "one file changed":
            large_context.change(root, uuid.uuid4().hex)
        console.print(f"{tool.name}, {case} …")
        rows.append(row(case, tool.name, measure(tool.command(case, root), tool.env, left)))
    return rows


def row(case: str, tool: str, run: Measured) -> Row:
    """What a run says of itself: JSON where it is ours, else docker's own words."""
    told = json.loads(run.output) if run.output.startswith("{") else {}
    sent = told.get("sent", sent_bytes(run.output))
    return Row(case, tool, run.seconds, sent, run.peak, told.get("found"), run.stopped)


def table(rows: Sequence[Row]) -> Table:
    """The cases in their order, each tool against imagebuild."""
    drawn = Table("case", "tool", "seconds", "ratio", "find+hash", "sent, MB", "memory, MB")
    for case in CASES:
        of_case = [row for row in rows if row.case == case]
        first = next((row.seconds for row in of_case if row.tool == "imagebuild"), None)
        for row in of_case:
            more = "> " if row.stopped else ""
            cells = (
                f"{more}{row.seconds:.1f}",
                f"{more}{row.seconds / first:.2f}" if first else "",
                f"{row.found:.1f}" if row.found is not None else "",
                f"{row.sent / 1e6:.1f}" if row.sent is not None else "",
                f"{row.peak / 1e6:.0f}",
            )
            drawn.add_row(case, row.tool, *cells, end_section=row is of_case[-1])
    return drawn


def main() -> None:
    """Make the folder, run the race, print the table, remove the images."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=100_000, help="how many are sent")
    parser.add_argument("--within", type=float, default=330, help="seconds for all runs together")
    asked = parser.parse_args()
    console = Console(width=100)
    engine = ensure_engine()
    taking_part = tools(buildx_plugin())
    try:
        with tempfile.TemporaryDirectory(prefix="imagebuild-benchmark-") as folder:
            root = Path(folder).resolve()
            console.print(f"{asked.files} files in {root}, on {os.cpu_count()} processors")
            large_context.make(root, asked.files, uuid.uuid4().hex)
            console.print(table(race(taking_part, root, console, asked.within)))
    finally:
        for image in engine.images.list(TAG):
            for tag in image.tags:
                engine.images.remove(tag)
        engine.close()


if __name__ == "__main__":
    main()
