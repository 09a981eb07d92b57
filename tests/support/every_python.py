"""`make unit`: the unit tests on every Python that the project declares."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path
from shutil import which

from uv import find_uv_bin

from tests.support import SetupError

# A test that hangs shows where, and ends the run.
NO_HANGING = ["-o", "faulthandler_timeout=60", "-o", "faulthandler_exit_on_timeout=true"]
ROOT = Path(__file__).parents[2]
THIS = "{}.{}".format(*sys.version_info)


def main() -> int:
    """Run them all, then tell the outcome of each; a missing Python is a failure in CI only."""
    outcome: dict[str, str] = {}
    pythons: dict[str, str] = {}
    for version in declared((ROOT / "pyproject.toml").read_text()):
        found = Path(sys.executable) if version == THIS else find(version)
        if found is None:
            outcome[version] = "not found on this machine"
        else:
            pythons[version] = environment(version, found)
    for version, python in pythons.items():
        print(f"\n== unit tests on Python {version}", flush=True)
        outcome[version] = "failed" if _tests(python) else ""
    for version, failure in outcome.items():
        print(f"unit tests on Python {version}: {failure or 'passed'}")
    return int(any(decisive(failure) for failure in outcome.values()))


def _tests(python: str) -> int:
    """Run them on every core; the exit status."""
    command = [python, "-m", "pytest", "tests/unit", "--numprocesses", "auto", *NO_HANGING]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def declared(pyproject: str) -> list[str]:
    """Give the versions that the classifiers name."""
    return re.findall(r'"Programming Language :: Python :: (3\.\d+)"', pyproject)


def decisive(failure: str) -> bool:
    """Tell whether this outcome fails the whole: on a laptop, a Python may be missing."""
    return failure == "failed" or bool(failure and os.environ.get("CI"))


def find(version: str) -> Path | None:
    """Look for an interpreter among pyenv's (its shims on PATH may refuse), then on PATH."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for python in sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}")):
        return python
    on_path = which(f"python{version}")
    return Path(on_path) if on_path else None


def environment(version: str, python: Path) -> str:
    """Have an environment made from the lock, and give its Python; `.venv` is made by `make`."""
    if version == THIS:
        return sys.executable
    folder = ROOT / f".venv-{version}"
    made_from = folder / "made-from"
    inputs = b"".join(
        (ROOT / name).read_bytes() for name in ("pyproject.toml", "requirements.lock")
    )
    key = hashlib.sha256(inputs).hexdigest()
    inside = str(folder / "bin" / "python")
    if not made_from.exists() or made_from.read_text() != key:
        _uv("venv", "--quiet", "--clear", "--python", str(python), str(folder))
        target = ["--quiet", "--python", inside]
        _uv("pip", "sync", *target, "--require-hashes", "requirements.lock")
        # With the lock's own build backend: nothing that is not locked comes in.
        _uv("pip", "install", *target, "--no-deps", "--no-build-isolation", "--editable", ".")
        made_from.write_text(key)
    return inside


def _uv(*arguments: str) -> None:
    if subprocess.run([find_uv_bin(), *arguments], cwd=ROOT, check=False).returncode:
        message = f"uv {' '.join(arguments)} failed"
        raise SetupError(message)


if __name__ == "__main__":
    sys.exit(main())
