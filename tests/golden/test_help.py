"""What `--help` says."""

from __future__ import annotations

import pytest

from imagebuild.cli import cli
from imagebuild.cli.command import every_command
from tests.golden.agreed import agreed, names, stdout

COMMANDS = ["imagebuild", *sorted(every_command(cli))]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_was_agreed(name: str) -> None:
    """On a terminal of 80 columns."""
    shown = stdout("--help") if name == "imagebuild" else stdout(*name.split(), "--help")

    assert shown == agreed("help", f"{name.replace(' ', '-')}.txt", shown)


def test_there_is_no_golden_help_without_its_command() -> None:
    """What is no longer said is no longer agreed."""
    assert names("help") == sorted(name.replace(" ", "-") for name in COMMANDS)
