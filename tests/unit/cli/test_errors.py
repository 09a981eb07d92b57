"""An error on stderr: what, evidence, why, what to do, and what stands as it stood."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest

from imagebuild.cli.errors import Invocation, error_lines, show_bug, show_error
from imagebuild.errors import BuildFailed, ImagebuildError, UsageError


def lines(error: ImagebuildError) -> list[str]:
    """The lines of an error, without colours."""
    return [click.unstyle(line) for line in error_lines(error)]


def test_an_error_is_told_from_what_to_what_stands() -> None:
    """Each part on lines of its own, in this order."""
    error = BuildFailed(
        "the build failed at [3/4] RUN",
        body=("Resolving", "no such package: emojy"),
        causes=("the command ended with exit code: 1", "a second reason"),
        hint="mend requirements.txt",
        unchanged="the deployment hello/hello still runs app:v1",
    )

    assert lines(error) == [
        "error: the build failed at [3/4] RUN",
        "  | Resolving",
        "  | no such package: emojy",
        "  caused by: the command ended with exit code: 1",
        "  caused by: a second reason",
        "  hint: mend requirements.txt",
        "  the deployment hello/hello still runs app:v1",
    ]


def test_an_error_can_be_a_line_alone() -> None:
    """Nothing is made up."""
    assert lines(ImagebuildError("it failed")) == ["error: it failed"]


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        ("one\ntwo\n  three", ["  caused by: one", "    two", "      three"]),
        ("one\n", ["  caused by: one"]),
        ("", ["  caused by: "]),
    ],
)
def test_a_cause_of_several_lines_is_indented(cause: str, expected: list[str]) -> None:
    """So that it is seen where it ends."""
    assert lines(ImagebuildError("it failed", causes=(cause,)))[1:] == expected


def test_a_very_long_message_is_cut_and_a_cause_is_not() -> None:
    """The message is a headline."""
    message, cause = lines(ImagebuildError("m" * 1000, causes=("c" * 1000,)))

    assert len(message) == len("error: ") + 300
    assert cause == "  caused by: " + "c" * 1000


@pytest.mark.parametrize("part", ["message", "body", "causes", "hint", "unchanged"])
def test_no_part_commands_the_terminal(part: str) -> None:
    """Each of them can hold what a registry, a step or a file name says."""
    evil = "a\x1b]0;title\x07\x1b[2Jb\rc"
    value = (evil,) if part in {"body", "causes"} else evil
    fields: dict[str, Any] = {"message": "it failed", part: value}
    error = ImagebuildError(fields.pop("message"), **fields)

    assert "ab\\x0dc" in "".join(lines(error))


@pytest.mark.parametrize("debug", [True, False])
def test_a_traceback_is_for_who_asked(debug: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is the error's own; stdout stays empty."""
    try:
        message = "no"
        raise UsageError(message, causes=("why",)) from ValueError("inner")
    except UsageError as error:
        code = show_error(error, Invocation(debug=debug))
    out, err = capsys.readouterr()

    assert (code, out) == (2, "")
    assert debug is ("Traceback" in err)
    assert debug is ("ValueError: inner" in err)
    assert err.endswith("error: no\n  caused by: why\n")


@pytest.mark.parametrize("debug", [True, False])
def test_a_bug_is_owned_up_to(debug: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """With an exit code of its own, and how to report it."""
    try:
        key = "\x1b[31mgone"
        raise KeyError(key)
    except KeyError as error:
        code = show_bug(error, Invocation(debug=debug))
    out, err = capsys.readouterr()

    assert (code, out) == (70, "")
    assert "error: imagebuild has a bug: KeyError: '\\x1b[31mgone'\n" in err
    assert debug is ("Traceback" in err)
    assert debug is not ("--debug" in err)


def test_an_error_is_a_document_too_where_json_is_wanted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On stdout, for a program; the prose stays on stderr."""
    error = UsageError("no", causes=("why",), hint="do it", body=("line",), unchanged="all stands")
    code = show_error(error, Invocation(json=True))
    out, err = capsys.readouterr()

    assert json.loads(out) == {
        "error": {
            "exit_code": code,
            "message": "no",
            "causes": ["why"],
            "hint": "do it",
            "body": ["line"],
            "unchanged": "all stands",
        }
    }
    assert err.startswith("error: no\n")
