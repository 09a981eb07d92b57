"""Runs Python as a user does: a script, or a module, in a folder."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def python(
    *argv: str | Path,
    cwd: Path,
    env: Mapping[str, str],
    code: int = 0,
    interpreter: str | Path = sys.executable,
) -> str:
    """What it printed, on both streams; fails where it does not end with `code`."""
    ran = subprocess.run(
        [interpreter, *argv],
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ran.returncode == code, ran.stdout
    return ran.stdout
