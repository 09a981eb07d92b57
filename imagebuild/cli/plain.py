"""Shows what happens as plain lines, one an event, for CI and pipes."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, TextIO

import click

from imagebuild.cli.text import clean, cut, duration, size
from imagebuild.errors import ImagebuildError, UsageError
from imagebuild.events import (
    Event,
    Note,
    Sent,
    StageEnded,
    StageStarted,
    StepEnded,
    StepLog,
    StepStarted,
    Transfer,
    Warned,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagebuild.record import Outcome


class Plain:
    """One line an event, as it happens; nothing is ever redrawn."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._lock = threading.Lock()

    def emit(self, event: Event) -> None:
        """Print the event's line; may be called from any thread."""
        if line := plain_line(event):
            with self._lock:
                click.echo(line, file=self._stream)

    def ask(self, questions: Sequence[str]) -> None:
        """Raise `UsageError` where there is something to ask: nobody is there to answer."""
        if questions:
            raise unanswered(questions)

    def summary(self, outcome: Outcome) -> None:
        """Say what was done, and what to type next."""
        for line in summary_lines(outcome):
            click.echo(line, file=self._stream)


def plain_line(event: Event) -> str | None:
    """The line that tells an event; None for one that only matters while it lasts."""
    match event:
        case StageStarted(stage=stage):
            return f"{stage} …"
        case StageEnded(stage=stage, seconds=seconds, detail=detail):
            return f"{stage} done in {duration(seconds)}" + (f": {clean(detail)}" if detail else "")
        case StepStarted(name=name):
            return f"  {cut(clean(name))}"
        case StepEnded(name=name, error=str(error)):
            return f"  {label(name)} failed: {cut(clean(error))}"
        case StepEnded(name=name, cached=True):
            return f"  {cut(clean(name))}  cached"
        case StepEnded(name=name, seconds=seconds):
            return f"  {label(name)} done in {duration(seconds)}"
        case StepLog(line=line):
            return f"    | {clean(line)}"
        case Sent(paths=paths, size=count):
            return f"  sent {len(paths)} file{'' if len(paths) == 1 else 's'}, {size(count)}"
        case Note(text=text):
            return f"note: {clean(text)}"
        case Warned():
            return "\n".join(["warning: " + clean(event.text), *reasons(event)])
        case Transfer():
            return None


def reasons(warned: Warned) -> Iterator[str]:
    """The lines below a warning."""
    if warned.cause:
        yield f"  caused by: {clean(warned.cause)}"
    if warned.hint:
        yield f"  hint: {clean(warned.hint)}"


def label(name: str) -> str:
    """A step's short name: its number where it has one, else as much as fits."""
    name = clean(name)
    end = name.find("]")
    return name[: end + 1] if name.startswith("[") and end > 0 else cut(name)


def summary_lines(outcome: Outcome) -> Iterator[str]:
    """What a deploy came to, for a person."""
    done = [
        "built" if outcome.built else "not built (nothing changed)",
        *(["pushed"] if outcome.pushed else []),
        "recorded" if outcome.recorded else "not recorded (nothing changed)",
    ]
    total = duration(sum(outcome.seconds.values()))
    yield f"{clean(outcome.deployment)} runs {outcome.reference}"
    yield f"  {', '.join(done)}, in {total}"
    yield f"  start a run:    prefect deployment run {_quoted(outcome.deployment)}"
    yield f"  start a worker: prefect worker start --pool {_quoted(outcome.pool)}"


def _quoted(name: str) -> str:
    """A name for the shell that the line is copied into."""
    return "'" + clean(name).replace("'", "'\\''") + "'"


def stopped() -> ImagebuildError:
    """The answer was no."""
    return ImagebuildError("stopped, as you asked")


def unanswered(questions: Sequence[str]) -> UsageError:
    """Nobody can be asked here."""
    message = "this would replace what the deployment has"
    hint = "give --yes to do it; nobody can be asked here"
    return UsageError(message, causes=tuple(questions), hint=hint)
