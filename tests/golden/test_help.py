"""What `--help` says, as it was agreed: a change of it is read like code.

`IMAGEBUILD_UPDATE_GOLDEN=1 pytest tests/golden` writes it anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from imagebuild.cli import cli
from imagebuild.cli.errors import Invocation

GOLDEN = Path(__file__).parent / "help"
UPDATE = "IMAGEBUILD_UPDATE_GOLDEN"
COMMANDS = ["imagebuild", *sorted(cli.commands)]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_was_agreed(name: str) -> None:
    """On a terminal of 80 columns."""
    arguments = ["--help"] if name == "imagebuild" else [name, "--help"]
    shown = CliRunner().invoke(
        cli, arguments, obj=Invocation(), prog_name="imagebuild", catch_exceptions=False
    )
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get(UPDATE):
        golden.write_text(shown.stdout)

    assert shown.stdout == golden.read_text()


def test_there_is_no_golden_help_without_its_command() -> None:
    """What is no longer said is no longer agreed."""
    assert sorted(path.stem for path in GOLDEN.iterdir()) == sorted(COMMANDS)
