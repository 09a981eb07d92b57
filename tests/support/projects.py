"""Projects to be built where only the way matters."""

from __future__ import annotations

import shutil
from pathlib import Path

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
