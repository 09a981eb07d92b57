"""A repository of 10,000 files, baked from where it is served, beside `git clone` alone.

    python -m tests.benchmarks.far_repository

Each round begins with nothing kept on this machine, and with an image that no registry has seen.
Bytes are those that the server of the repository sent. The median of each case's seconds is told.
"""

from __future__ import annotations

import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from tests.benchmarks import large_context
from tests.support import SetupError
from tests.support.checkout import check_in
from tests.support.command import PROGRAM
from tests.support.engine import ensure_engine
from tests.support.git_http import git_server
from tests.support.images import PREFECT, ensure
from tests.support.registry import running_registry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.support.git_http import GitServer

FILES: Final = 10_000
ROUNDS: Final = 3
CLONE, FIRST, AGAIN, CHANGED = (
    "git clone",
    "baked the first time",
    "again, nothing changed",
    "again, one file changed",
)


@dataclass
class Race:
    """The repository, its server, and where images go; `runs` has seconds and bytes by case."""

    repository: Path
    server: GitServer
    registry: str
    runs: dict[str, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))

    def round(self, folder: Path) -> None:
        """Run each case once."""
        url = self.server.url(self.repository.name)
        image = f"{self.registry}/far/{secrets.token_hex(4)}:v1"
        env = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
        bake = [PROGRAM, "build", "--push", "--source", url, "--image", image]
        bake += ["--base", f"{self.registry}/base:v1"]
        self._run(CLONE, ["git", "clone", "--quiet", url, str(folder / "clone")], env, folder)
        self._run(FIRST, bake, env, folder)
        self._run(AGAIN, bake, env, folder)
        large_context.change(self.repository, secrets.token_hex(4))
        check_in(self.repository, "more")
        self._run(CHANGED, bake, env, folder)

    def table(self) -> Table:
        """The medians."""
        table = Table("case", "seconds", "bytes from the repository")
        for case, runs in self.runs.items():
            seconds = statistics.median(run[0] for run in runs)
            size = statistics.median(run[1] for run in runs)
            table.add_row(case, f"{seconds:.2f}", f"{size:,.0f}")
        return table

    def _run(self, case: str, argv: Sequence[str], env: Mapping[str, str], folder: Path) -> None:
        before, began = self.server.sent, time.monotonic()
        done = subprocess.run(
            argv, cwd=folder, env=env, capture_output=True, text=True, check=False
        )
        if done.returncode:
            message = f"{' '.join(argv)} ended with {done.returncode}:\n{done.stderr}"
            raise RuntimeError(message)
        self.runs[case].append((time.monotonic() - began, self.server.sent - before))


def make(repository: Path) -> None:
    """A flow and 10,000 files beside it."""
    large_context.fill(repository / "src", FILES, secrets.token_hex(8))
    (repository / "flow.py").write_text("from prefect import flow\n\n@flow\ndef hello(): ...\n")
    check_in(repository, "one")


def main() -> int:
    """Set up, race, say what it took; 1 where something could not be set up."""
    console = Console()
    try:
        client = ensure_engine()
        with (
            tempfile.TemporaryDirectory(prefix="imagebuild-benchmark-") as name,
            running_registry(client) as registry,
        ):
            base = f"{registry.address}/base:v1"
            client.images.get(ensure(client, PREFECT)).tag(base)
            client.images.push(base)
            client.images.remove(base)
            repository = Path(name) / "served" / "flows.git"
            make(repository)
            with git_server(repository.parent) as server:
                race = Race(repository, server, registry.address)
                for number in range(ROUNDS):
                    folder = Path(name) / str(number)
                    folder.mkdir()
                    race.round(folder)
            console.print(race.table())
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
