"""The race of the large contexts: imagebuild, docker build with buildx, the SDK's packer, classic.

    python -m tests.benchmarks.contexts [--files 100000] [--within 390]

Every tool builds `FROM scratch` and `COPY . /code/` from the same files on the same engine: first
cold, then with nothing changed, then with one file changed. A time is that of a whole process, from
its start to its end; imagebuild is measured as the command and as the library alone. The folder has
another name for each tool, so none finds what another has sent. The classic builder takes minutes
for so many files, so it comes last, and what has not ended in time is stopped and stands in the
table as `> seconds`; what was not run stands there too, with the reason.
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

from tests.benchmarks import large_context
from tests.benchmarks.figures import (
    BUILDX,
    CASES,
    CLASSIC,
    COMMAND,
    LIBRARY,
    PACKER,
    Row,
    goals_table,
    table,
)
from tests.benchmarks.measuring import Measured, measure, sent_bytes
from tests.support.command import PROGRAM
from tests.support.debian import buildx_plugin
from tests.support.engine import ensure_engine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TAG: Final = "imagebuild-benchmark"


@dataclass(frozen=True)
class Tool:
    """A way to build: how it is called, what its runs need, and which cases it is asked for.

    `{root}`, `{tag}` and `{temperature}` are filled in; `cold` is what is added for the cold case.
    One that `lacks` something here is not run at all.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cold: Sequence[str] = ()
    cases: Sequence[str] = CASES
    lacks: str = ""

    def command(self, case: str, root: Path) -> list[str]:
        """The call for one case."""
        words = {
            "root": str(root),
            "tag": f"{TAG}:{self.name.replace(' ', '-')}",
            "temperature": case.split()[0],
        }
        filled = [word.format(**words) for word in self.argv]
        return [*filled, *(self.cold if case == "cold" else ())]


def tools(buildx: Path | None) -> list[Tool]:
    """Who takes part; the classic builder is slow here, so it is asked for less."""
    ours = (sys.executable, "-m", "tests.benchmarks.one_build")
    told = ("{root}", "{tag}", "{temperature}")
    command = (PROGRAM, "build", "--context", "{root}", "--dockerfile", "{root}/Dockerfile")
    docker = ("docker", "build", "--tag", "{tag}", "{root}")
    with_buildx = {"DOCKER_CONFIG": str(buildx), "DOCKER_BUILDKIT": "1"}
    plain = (*docker, "--progress", "plain")
    classic = {"DOCKER_BUILDKIT": "0"}
    cold = ("--no-cache",)
    return [
        Tool(COMMAND, (*command, "--image", "{tag}", "--no-push"), {}, cold),
        Tool(LIBRARY, (*ours, "imagebuild", *told), {}),
        Tool(BUILDX, plain, with_buildx, cold, lacks="" if buildx else "there is no buildx here"),
        Tool(PACKER, (*ours, "sdk", *told), {}, cases=("cold", "one file changed")),
        Tool(CLASSIC, docker, classic, cold, cases=("cold",)),
    ]


def race(taking_part: Sequence[Tool], root: Path, console: Console, within: float) -> list[Row]:
    """Run every case of every tool, one after the other, for `within` seconds in all."""
    began, rows = time.monotonic(), []
    for tool in taking_part:
        root = root.rename(root.with_name(tool.name.replace(" ", "-")))
        for case in CASES:
            left = within - (time.monotonic() - began)
            why = tool.lacks or ("" if case in tool.cases else "as slow as cold, so not asked for")
            if why or left < 1:
                rows.append(Row(case, tool.name, why=why or "no time was left"))
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


def main() -> None:
    """Make the folder, run the race, print the table, remove the images."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=100_000, help="how many are sent")
    parser.add_argument("--within", type=float, default=390, help="seconds for all runs together")
    asked = parser.parse_args()
    console = Console(width=100)
    engine = ensure_engine()
    taking_part = tools(buildx_plugin())
    try:
        with tempfile.TemporaryDirectory(prefix="imagebuild-benchmark-") as folder:
            root = Path(folder).resolve() / "project"
            root.mkdir()
            console.print(f"{asked.files} files in {root}, on {os.cpu_count()} processors")
            large_context.make(root, asked.files, uuid.uuid4().hex)
            rows = race(taking_part, root, console, asked.within)
            console.print(table(rows), goals_table(rows))
    finally:
        for image in engine.images.list(TAG):
            for tag in image.tags:
                engine.images.remove(tag)
        engine.close()


if __name__ == "__main__":
    main()
