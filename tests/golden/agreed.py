"""Compares what is printed with what was agreed: a change of it is read like code.

`UPDATE_GOLDEN=1 pytest tests/golden` writes the files anew.
"""

from __future__ import annotations

import os
from pathlib import Path

from click.testing import CliRunner

from imagebuild.cli import cli
from imagebuild.cli.errors import Invocation

HERE = Path(__file__).parent
# Which commit of this project the examples are of is another each time: git is to find none.
NO_GIT = {"GIT_CEILING_DIRECTORIES": str(HERE.parents[1] / "examples")}
EXAMPLES = sorted(path.name for path in (HERE.parents[1] / "examples").iterdir())


def example(name: str) -> str:
    """The folder of an example."""
    return str(HERE.parents[1] / "examples" / name)


def stdout(*arguments: str) -> str:
    """What the command prints as its answer, on a terminal of 80 columns."""
    shown = CliRunner().invoke(
        cli,
        arguments,
        obj=Invocation(),
        prog_name="imagebuild",
        catch_exceptions=False,
        env=NO_GIT,
    )
    return shown.stdout


def agreed(kind: str, name: str, shown: str) -> str:
    """The agreed text of a kind (a folder beside this file), brought up to date if asked to."""
    golden = HERE / kind / name
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(shown)
    return golden.read_text()


def names(kind: str) -> list[str]:
    """What was agreed of a kind."""
    return sorted(path.stem for path in (HERE / kind).iterdir())
