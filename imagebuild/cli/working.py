"""What every command that does something does around it: parts, output, and the answer."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from imagebuild.cli.ci import tell_outcomes
from imagebuild.cli.handing import check_reports, hand_on
from imagebuild.cli.output import output
from imagebuild.cli.tally import Tally
from imagebuild.cli.text import print_json
from imagebuild.errors import UsageError
from imagebuild.handing import document
from imagebuild.wiring import wired

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagebuild.cli.output import Output
    from imagebuild.outcome import Outcome
    from imagebuild.protocols import Parts
    from imagebuild.record import Change
    from imagebuild.request import BuildRequest


@dataclass(frozen=True)
class Working:
    """A command at work: who does it, who shows it, and what it counts."""

    parts: Parts
    shown: Output
    tally: Tally
    options: Mapping[str, Any]

    def confirm(self, change: Change) -> None:
        """Ask where a deployment would lose something, unless the answer is given already."""
        if not self.options.get("yes"):
            self.shown.ask(change.questions)

    def finish(self, outcome: Outcome) -> None:
        """Sum up for the person, and answer on stdout."""
        self.shown.summary(outcome, self.tally)
        made = {**document(outcome), "build": self.tally.document()}
        if self.options["json"]:
            print_json(made)
        elif outcome.reference is not None:
            click.echo(outcome.reference)
        tell_outcomes([outcome], os.environ)
        hand_on([outcome], made, self.options)


@contextmanager
def working(
    request: BuildRequest,
    options: Mapping[str, Any],
    *,
    plain: bool = False,
    builder: str = "docker",
) -> Iterator[Working]:
    """The command's work; what was started for it is ended with the block.

    `plain` leaves a terminal to whoever asks something there; `builder` is whose images a command
    without that option works on.
    """
    loud, env = loudness(options), os.environ
    check_reports(options)
    with (
        wired(request, env, options.get("builder", builder)) as parts,
        output(sys.stderr, env, plain=plain, **loud) as shown,
    ):
        yield Working(parts, shown, Tally(shown.emit), options)


def loudness(options: Mapping[str, Any]) -> dict[str, bool]:
    """How much is to be said. Raises `UsageError` where that is everything and nothing."""
    loud = {"verbose": options.get("verbose", False), "quiet": options.get("quiet", False)}
    if all(loud.values()):
        message = "cannot use --verbose with --quiet"
        raise UsageError(message, hint="leave one of them out")
    return loud
