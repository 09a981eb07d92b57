"""Tells the CI system that the command runs in what it came to, in that system's own form."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from imagebuild.cli.ci import github
from imagebuild.cli.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imagebuild.outcome import Outcome


def tell_outcomes(outcomes: Sequence[Outcome], env: Mapping[str, str]) -> None:
    """On GitHub: a summary of each, and outputs for the steps to come; elsewhere nothing.

    Outputs are of one image, so of several there are none. What cannot be written there is a
    warning: what was asked for is done by now.
    """
    if not github.runs(env):
        return
    of_one = len({outcome.reference for outcome in outcomes}) == 1
    for variable, text in (
        (github.OUTPUT, github.outputs(outcomes[0]) if of_one else ""),
        (github.SUMMARY, "".join(map(github.summary, outcomes))),
    ):
        place = env.get(variable)
        if not place or not text:
            continue
        try:
            with open(place, "a", encoding="utf-8") as file:  # noqa: PTH123 - as the runner names it
                file.write(text)
        except OSError as error:
            why = error.strerror or str(error)
            click.echo(f"warning: cannot write to {variable}: {clean(why)}", err=True)


def tell_error(message: str, details: str = "") -> None:
    """On GitHub: an annotation; elsewhere nothing.

    It is a line on stderr, which the runner reads as it reads stdout, where the answer stands.
    """
    if github.runs(os.environ):
        click.echo(github.annotation(clean(message), clean(details)), file=sys.stderr)
