"""The Dockerfile of every example, as it is rendered: a change of it is read like code.

`IMAGEBUILD_UPDATE_GOLDEN=1 pytest tests/golden` writes them anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from imagebuild.cli import cli
from imagebuild.cli.errors import Invocation

EXAMPLES = Path(__file__).parents[2] / "examples"
GOLDEN = Path(__file__).parent / "dockerfiles"
UPDATE = "IMAGEBUILD_UPDATE_GOLDEN"


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.iterdir()))
def test_an_example_renders_as_it_was_agreed(name: str) -> None:
    """The command's stdout is the golden file, to the byte."""
    shown = CliRunner().invoke(
        cli, ["render", "--context", str(EXAMPLES / name)], obj=Invocation(), catch_exceptions=False
    )
    golden = GOLDEN / f"{name}.Dockerfile"
    if os.environ.get(UPDATE):
        golden.write_text(shown.stdout)

    assert shown.stdout == golden.read_text()


def test_there_is_no_golden_file_without_its_example() -> None:
    """What is no longer rendered is no longer agreed."""
    assert sorted(path.stem for path in GOLDEN.iterdir()) == sorted(
        path.name for path in EXAMPLES.iterdir()
    )
