"""Prints an error as prose: what, why, what to do, and what stands as it stood."""

from __future__ import annotations

import os
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from imagebuild.cli.ci import tell_error
from imagebuild.cli.handing import write_error
from imagebuild.cli.text import clean, cut, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagebuild.errors import ImagebuildError

BUG = 70


@dataclass
class Invocation:
    """What holds for the whole command, whichever it is."""

    debug: bool = False
    json: bool = False
    json_file: str | None = None

    def ended(self, exit_code: int, message: str, details: str = "", **more: Any) -> int:
        """Answer where JSON is wanted, as all else is told on stderr; the exit code.

        A CI system is told too; `details` is how the error reads as a whole.
        """
        tell_error(message, details)
        document = {"error": {"exit_code": exit_code, "message": message, **more}}
        if self.json:
            print_json(document)
        if self.json_file:
            write_error(self.json_file, document)
        return exit_code

    def answered(self) -> None:
        """What went wrong stands in the answer already, and nothing holds two documents."""
        self.json, self.json_file = False, None


def show_error(error: ImagebuildError, invocation: Invocation) -> int:
    """Tell an error on stderr, and where JSON is wanted also there; its exit code."""
    if invocation.debug:
        traceback.print_exception(error, file=sys.stderr)
    lines = list(error_lines(error))
    for line in lines:
        click.echo(line, err=True, color=_colour())
    return invocation.ended(details=click.unstyle("\n".join(lines)), **error_document(error))


def error_document(error: ImagebuildError) -> dict[str, Any]:
    """The error as JSON: its prose as it is, and its exit code."""
    return {
        "exit_code": error.exit_code,
        "message": error.message,
        "causes": list(error.causes),
        "hint": error.hint,
        "body": list(error.body),
        "unchanged": error.unchanged,
    }


def _colour() -> bool | None:
    """Never where NO_COLOR is set, else as click decides. https://no-color.org"""
    return False if os.environ.get("NO_COLOR") else None


def error_lines(error: ImagebuildError) -> Iterator[str]:
    """The error as lines, styled where the output is a terminal."""
    yield f"{click.style('error:', fg='red', bold=True)} {cut(_on_one_line(error.message), 300)}"
    for line in error.body:
        yield f"  {click.style('|', dim=True)} {clean(line)}"
    for cause in error.causes:
        first, *rest = clean(cause).splitlines() or [""]
        yield f"  caused by: {first}"
        yield from (f"    {line}" for line in rest)
    if error.hint:
        yield f"  {click.style('hint:', fg='cyan')} {clean(error.hint)}"
    if error.unchanged:
        yield f"  {clean(error.unchanged)}"


def _on_one_line(message: str) -> str:
    return clean(message).replace("\n", "\\n")


def show_bug(error: Exception, invocation: Invocation) -> int:
    """Own up to an error that nobody expected; its exit code."""
    if invocation.debug:
        traceback.print_exception(error, file=sys.stderr)
    message = f"imagebuild has a bug: {type(error).__name__}: {clean(str(error))}"
    click.echo(f"{click.style('error:', fg='red', bold=True)} {message}", err=True, color=_colour())
    if not invocation.debug:
        click.echo("  hint: run it again with --debug, and report what it prints", err=True)
    return invocation.ended(BUG, message)
