"""Azurite, the emulator of Azure's storage: fetched once by npm, as its lock file says."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from tests.support.debian import CACHE
from tests.support.processes import apt_install, run

_HERE = Path(__file__).parent
_FILES = ("package.json", "package-lock.json")


def azurite() -> list[str]:
    """Give the start of the command line of its blob service.

    The lock file has the digest of each package and tells no address: they come from where this
    machine's npm gets its own. None of their scripts is run.
    """
    if not (shutil.which("node") and shutil.which("npm")):
        apt_install("nodejs", "npm")
    locked = hashlib.sha256((_HERE / "package-lock.json").read_bytes()).hexdigest()
    folder = CACHE / f"azurite-{locked[:16]}"
    if not folder.exists():
        print("set-up: fetching Azurite", flush=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as name:
            part = Path(name) / "made"
            part.mkdir()
            for file in _FILES:
                shutil.copy(_HERE / file, part)
            quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--omit=optional")
            run("npm", "ci", f"--prefix={part}", *quiet)
            if not folder.exists():  # another run may have been as fast
                part.rename(folder)
    program = folder / "node_modules/azurite/dist/src/blob/main.js"
    return ["node", str(program)]
