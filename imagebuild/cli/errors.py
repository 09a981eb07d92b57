"""Prints an error as prose: what, why, what to do, and what stands as it stood."""

from __future__ import annotations

import os
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from imagebuild.cli.text import clean, cut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagebuild.errors import ImagebuildError

BUG = 70


@dataclass
class Invocation:
    """What holds for the whole command, whichever it is."""

    debug: bool = False


def show_error(error: ImagebuildError, *, debug: bool) -> int:
    """Tell an error on stderr; its exit code."""
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    for line in error_lines(error):
        click.echo(line, err=True, color=_colour())
    return error.exit_code


def _colour() -> bool | None:
    """Never where NO_COLOR is set, else as click decides. https://no-color.org"""
    return False if os.environ.get("NO_COLOR") else None


def error_lines(error: ImagebuildError) -> Iterator[str]:
    """The error as lines, styled where the output is a terminal."""
    yield f"{click.style('error:', fg='red', bold=True)} {cut(clean(error.message), 300)}"
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


def show_bug(error: Exception, *, debug: bool) -> int:
    """Own up to an error that nobody expected; its exit code."""
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    name = type(error).__name__
    click.echo(
        f"{click.style('error:', fg='red', bold=True)} imagebuild has a bug:"
        f" {name}: {clean(str(error))}",
        err=True,
        color=_colour(),
    )
    if not debug:
        click.echo("  hint: run it again with --debug, and report what it prints", err=True)
    return BUG
