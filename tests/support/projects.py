"""Projects to be built where only the way matters."""

from __future__ import annotations

import shutil
from pathlib import Path

GREETER = """
from prefect import flow

@flow(log_prints=True)
def greet(name: str = "world"):
    from flows.words import GREETING
    print(f"{GREETING}, {name}!")
"""
_FLOW = Path(__file__).parents[2] / "examples" / "hello" / "flow.py"


def every_kind(root: Path) -> Path:
    """Write a project that needs nothing installed, with every kind of entry."""
    (root / "pkg" / "empty").mkdir(parents=True)
    shutil.copy(_FLOW, root / "flow.py")
    (root / "pkg" / "run.sh").write_text("#!/bin/sh\n")
    (root / "pkg" / "run.sh").chmod(0o700)
    (root / "pkg" / ("n" * 120)).write_text("long\n")
    (root / "pkg" / "to").symlink_to("run.sh")
    return root


def greeter(root: Path, greeting: str) -> Path:
    """Write a project of two modules."""
    (root / "flows").mkdir(parents=True, exist_ok=True)
    (root / "flows" / "greet.py").write_text(GREETER)
    (root / "flows" / "words.py").write_text(f"GREETING = {greeting!r}\n")
    (root / "requirements.txt").write_text("emoji==2.14.1\n")
    return root
