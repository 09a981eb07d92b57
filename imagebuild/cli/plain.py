"""Shows what happens as plain lines, one an event, for CI and pipes."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, TextIO

import click

from imagebuild.cli.text import clean, cut, duration, file_count, size
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

    from imagebuild.cli.tally import Tally
    from imagebuild.outcome import Outcome

PREFECTS_OWN = "Prefect's own image, of its worker's version"


class Plain:
    """One line an event, as it happens; nothing is ever redrawn.

    With `everything`, also the lines that matter only to those who look for something.
    """

    def __init__(self, stream: TextIO | None = None, *, everything: bool = False) -> None:
        self._stream = stream or sys.stderr
        self._everything = everything
        self._lock = threading.Lock()

    def emit(self, event: Event) -> None:
        """Print the event's line; may be called from any thread."""
        lines = [line] if (line := plain_line(event, whole=self._everything)) else []
        if self._everything and isinstance(event, Sent):
            lines += [f"    {clean(path)}" for path in event.paths]
        with self._lock:
            for each in lines:
                click.echo(each, file=self._stream)

    def ask(self, questions: Sequence[str]) -> None:
        """Raise `UsageError` where there is something to ask: nobody is there to answer."""
        if questions:
            raise unanswered(questions)

    def table(self, rows: Sequence[tuple[str, str, str, bool]], after: Sequence[str] = ()) -> None:
        """Say what was done for several deployments, and what to type next."""
        from imagebuild.cli.results import table_lines

        for line in (*table_lines(rows), *after):
            click.echo(line, file=self._stream)

    def summary(self, outcome: Outcome, tally: Tally) -> None:
        """Say what was done, and what to type next."""
        for line in summary_lines(outcome, tally):
            click.echo(line, file=self._stream)


def plain_line(event: Event, *, whole: bool = False) -> str | None:
    """The line that tells an event; None for one that only matters while it lasts.

    A long name is shortened, unless the `whole` of it is wanted.
    """
    match event:
        case StepStarted(name=name) if whole:
            return f"  {clean(name)}"
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
            return f"  sent {file_count(len(paths))}, {size(count)}"
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


def summary_lines(outcome: Outcome, tally: Tally) -> Iterator[str]:
    """What a command came to, for a person."""
    if deployment := outcome.recorded_deployment:
        otherwise = PREFECTS_OWN if outcome.names else "the code that it pulls"
        yield f"{clean(deployment)} runs {outcome.reference or otherwise}"
    else:
        yield outcome.reference or ""
    if more := outcome.names[1:]:
        yield f"  also {', '.join(more)}"
    yield f"  {', '.join(done(outcome))}, in {duration(sum(outcome.seconds.values()))}"
    if len(outcome.seconds) > 1:
        times = (f"{stage} {duration(time)}" for stage, time in outcome.seconds.items())
        yield f"  {', '.join(times)}"
    if outcome.built:
        yield (
            f"  {len(tally.cached)} of {len(tally.steps)} steps from the cache,"
            f" {file_count(tally.files)} sent ({size(tally.bytes)})"
        )
    if deployment and outcome.pool:
        yield f"  start a run:    prefect deployment run {quoted(deployment)}"
        yield f"  start a worker: prefect worker start --pool {quoted(outcome.pool)}"


def done(outcome: Outcome) -> Iterator[str]:
    """What was done and what needed no doing, of what the command is there for."""
    words = {"built": outcome.built, "pushed": outcome.pushed, "recorded": outcome.recorded}
    for word, done in words.items():
        if done is not None:
            yield word if done else f"not {word} (nothing changed)"


def quoted(name: str) -> str:
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
