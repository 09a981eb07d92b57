"""Scripts of a prefect.yaml, beside Prefect's own step."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.errors import ImagebuildError
from imagebuild.events import Event, StepEnded, StepLog, ignore
from imagebuild.prefect.shell import run_shell_script

if TYPE_CHECKING:
    from pathlib import Path

SCRIPTS: list[dict[str, Any]] = [
    {"script": "echo hello"},
    {"script": "echo one\necho two"},
    {"script": "echo '$HOME'"},
    {"script": "echo $GIVEN", "env": {"GIVEN": "x"}},
    {"script": "echo $GIVEN", "env": {"GIVEN": "x"}, "expand_env_vars": True},
    {"script": "echo $NOT_THERE", "expand_env_vars": True},
    {"script": "printenv GIVEN", "env": {"GIVEN": "x"}},
    {"script": "echo a | tr a b"},
    {"script": "echo a | tr a b", "shell": True},
    {"script": "echo out && echo err >&2", "shell": True},
    {"script": "pwd", "directory": "inner"},
    {"script": "\n  echo indented\n\n"},
    {"script": "X=1 && echo $X\necho $X", "shell": True},
    {"script": "printf 'no end'"},
    {"script": "echo quiet", "stream_output": False},
    {"script": ""},
]


@pytest.mark.parametrize("inputs", SCRIPTS, ids=str)
def test_a_script_gives_what_prefects_step_gives(
    inputs: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line a process of its own, unless a shell reads it."""
    from prefect.deployments.steps.utility import run_shell_script as theirs

    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path)
    mine = run_shell_script(inputs, tmp_path, os.environ, ignore)

    assert mine == asyncio.run(theirs(**inputs))


def test_what_a_script_prints_is_told_as_it_comes(tmp_path: Path) -> None:
    """Unless it is to be quiet."""
    told: list[Event] = []
    run_shell_script({"script": "echo one"}, tmp_path, os.environ, told.append)
    run_shell_script(
        {"script": "echo two", "stream_output": False}, tmp_path, os.environ, told.append
    )

    assert [event.line for event in told if isinstance(event, StepLog)] == ["one"]
    assert len([event for event in told if isinstance(event, StepEnded)]) == 2


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"script": "false"}, "it ended with 1"),
        ({"script": "no-such-command"}, "No such file or directory: no-such-command"),
        ({"script": "pwd", "directory": "nowhere"}, "No such file or directory"),
        ({"script": "echo 'open"}, "No closing quotation"),
        ({"script": 5}, "its script is no text"),
        ({}, "its script is no text"),
        ({"script": "true", "dir": "x"}, "it takes no dir"),
    ],
    ids=str,
)
def test_a_script_that_fails_says_why(inputs: dict[str, Any], says: str, tmp_path: Path) -> None:
    """And where it failed nothing after it is run."""
    if isinstance(inputs.get("script"), str):
        inputs = {**inputs, "script": f"{inputs['script']}\ntouch later"}
    with pytest.raises(ImagebuildError) as caught:
        run_shell_script(inputs, tmp_path, os.environ, ignore)
    assert any(says in cause for cause in caught.value.causes)
    assert not (tmp_path / "later").exists()


def test_a_failed_script_shows_its_last_words(tmp_path: Path) -> None:
    """Both of its streams."""
    script = {"script": "echo out; echo err >&2; exit 3", "shell": True}
    with pytest.raises(ImagebuildError, match="failed") as caught:
        run_shell_script(script, tmp_path, os.environ, ignore)
    assert caught.value.body == ("out", "err")
