"""Shows what happens: plain lines in CI and pipes, live steps on a terminal. All on stderr."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

from imagebuild.cli.plain import Plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imagebuild.events import Event
    from imagebuild.record import Outcome


class Output(Protocol):
    """What a command shows itself with."""

    def emit(self, event: Event) -> None:
        """Show an event; may be called from any thread."""

    def ask(self, questions: Sequence[str]) -> None:
        """Return where there is nothing to ask or the answer is yes; else raise."""

    def summary(self, outcome: Outcome) -> None:
        """Say what was done, and what to type next."""


@contextmanager
def output(stream: TextIO, env: Mapping[str, str]) -> Iterator[Output]:
    """Live steps where somebody watches a terminal, else plain lines."""
    if stream.isatty() and not env.get("CI") and env.get("TERM") != "dumb":
        from imagebuild.cli.live import Live

        with Live(stream, answers=sys.stdin.isatty()) as live:
            yield live
    else:
        yield Plain(stream)
