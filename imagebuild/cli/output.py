"""Shows what happens: plain lines in CI and pipes, live steps on a terminal. All on stderr."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

from imagebuild.cli.plain import Plain
from imagebuild.events import Warned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imagebuild.cli.tally import Tally
    from imagebuild.events import Event
    from imagebuild.outcome import Outcome


class Output(Protocol):
    """What a command shows itself with."""

    def emit(self, event: Event) -> None:
        """Show an event; may be called from any thread."""

    def ask(self, questions: Sequence[str]) -> None:
        """Return where there is nothing to ask or the answer is yes; else raise."""

    def summary(self, outcome: Outcome, tally: Tally) -> None:
        """Say what was done, and what to type next."""

    def table(self, rows: Sequence[tuple[str, str, str, bool]], after: Sequence[str] = ()) -> None:
        """Say what was done for several deployments, and what to type next.

        A row is a deployment, its image, what was done for it, and whether all went well.
        """


class Quiet(Plain):
    """Nothing but what somebody may have to act on."""

    def emit(self, event: Event) -> None:
        """Print a warning."""
        if isinstance(event, Warned):
            super().emit(event)

    def summary(self, outcome: Outcome, tally: Tally) -> None:
        """Nothing: what there is now stands on stdout."""

    def table(self, rows: Sequence[tuple[str, str, str, bool]], after: Sequence[str] = ()) -> None:
        """Nothing: what failed is told as an error."""


@contextmanager
def output(
    stream: TextIO,
    env: Mapping[str, str],
    *,
    verbose: bool = False,
    quiet: bool = False,
    plain: bool = False,
) -> Iterator[Output]:
    """Live steps where somebody watches a terminal, else plain lines; `verbose` ones are all."""
    if quiet:
        yield Quiet(stream)
    elif verbose:
        yield Plain(stream, everything=True)
    elif not plain and stream.isatty() and not env.get("CI") and env.get("TERM") != "dumb":
        from imagebuild.cli.live import Live

        with Live(stream, answers=sys.stdin.isatty()) as live:
            yield live
    else:
        yield Plain(stream)
