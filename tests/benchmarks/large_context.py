"""A project with very many small files, and with as many that no build should look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_PER_FOLDER: Final = 100
_FOLDERS_PER_AREA: Final = 20
CHANGED: Final = "src/area_000/module_0000/file_000000.py"


def make(root: Path, files: int, salt: str, ignored: int | None = None) -> None:
    """Write `files` of 40 to 2,000 bytes, and a virtual environment and a `.git` beside them.

    The environment has a fifth as many, if nothing else is said. `salt` is in every file, so that
    no engine has seen them before.
    """
    fill(root / "src", files, salt)
    fill(root / ".venv" / "lib", files // 5 if ignored is None else ignored, salt)
    fill(root / ".git" / "objects", files // 20, salt)
    (root / ".venv" / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (root / ".dockerignore").write_text(".git\n.venv\n**/*.log\n")
    (root / "Dockerfile").write_text("FROM scratch\nCOPY . /code/\n")


def change(root: Path, salt: str) -> None:
    """Write another content into one file."""
    (root / CHANGED).write_text(f"changed = {salt!r}\n")


def fill(top: Path, files: int, salt: str) -> None:
    """Write so many files below a folder, a hundred in each."""
    for number in range(files):
        module, inside = divmod(number, _PER_FOLDER)
        folder = top / f"area_{module // _FOLDERS_PER_AREA:03}" / f"module_{module:04}"
        if not inside:
            folder.mkdir(parents=True)
        line = f"value_{number} = {salt!r}  # a line of code\n"
        (folder / f"file_{number:06}.py").write_text(line * (1 + number * 7919 % 48))
