"""Runs the command as a user does: `imagebuild` in a folder, with an environment."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = str(Path(sys.executable).with_name("imagebuild"))


@dataclass(frozen=True)
class Ran:
    """How a command ended: its exit code, the lines of its stdout, and all of its stderr."""

    code: int
    answer: list[str]
    told: str

    @property
    def reference(self) -> str:
        """The one line that a deploy prints on stdout."""
        assert self.code == 0, self.told
        [line] = self.answer
        return line


def imagebuild(*arguments: str, cwd: Path, env: Mapping[str, str]) -> Ran:
    """Run `imagebuild` to its end."""
    done = subprocess.run(
        [PROGRAM, *arguments],
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(done.returncode, done.stdout.splitlines(), done.stderr)


def listing(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Mode, size and time of everything in a folder: equal where nothing was touched."""
    return {
        str(path.relative_to(folder)): (status.st_mode, status.st_size, status.st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        for status in [path.lstat()]
    }
