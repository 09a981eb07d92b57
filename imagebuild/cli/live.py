"""Live steps on a terminal: what runs is redrawn, what is done scrolls away above it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

import click
from rich.console import Console, Group
from rich.live import Live as Region
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from imagebuild.cli.plain import label, plain_line, reasons, stopped, summary_lines, unanswered
from imagebuild.cli.text import clean, cut, duration, size
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
    from collections.abc import Sequence
    from types import TracebackType

    from rich.console import ConsoleRenderable
    from typing_extensions import Self

    from imagebuild.cli.tally import Tally
    from imagebuild.outcome import Outcome

_BAR = 24
_LAST_LINES = 3


@dataclass
class _Running:
    """A step that runs: its name, since when, and the last that it said."""

    name: str
    since: float = field(default_factory=time.monotonic)
    lines: list[str] = field(default_factory=list)


class Live:
    """Shows a run on a terminal, from `__enter__` to `__exit__`.

    `answers` says whether somebody can answer a question.
    """

    def __init__(self, stream: TextIO, *, answers: bool = True) -> None:
        self._answers = answers
        self._console = Console(file=stream, highlight=False)
        self._lock = threading.RLock()
        self._stage: _Running | None = None
        self._steps: dict[str, _Running] = {}
        self._transfers: dict[str, Transfer] = {}
        self._said: list[Text] = []
        self._spinner = Spinner("dots", style="cyan")
        self._region = Region(
            console=self._console, get_renderable=self._draw, transient=True, refresh_per_second=10
        )

    def __enter__(self) -> Self:
        self._region.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._region.stop()

    def emit(self, event: Event) -> None:
        """Show an event; may be called from any thread.

        Nothing is printed under the lock: rich's own thread holds rich's lock when it wants ours to
        draw, and printing wants rich's.
        """
        with self._lock:
            self._take(event)
            lines, self._said = self._said, []
        for line in lines:
            self._console.print(line)

    def ask(self, questions: Sequence[str]) -> None:
        """Ask on the terminal; raises `ImagebuildError` where the answer is no.

        Ctrl-C and Ctrl-D are what Ctrl-C is anywhere else: a KeyboardInterrupt.
        """
        if not questions:
            return
        if not self._answers:
            raise unanswered(questions)
        self._region.stop()
        for question in questions:
            self._console.print(Text(clean(question)))
        try:
            answer = click.confirm("Go on?", err=True)
        except click.Abort as interrupted:
            click.echo(err=True)  # off the line of the question
            raise KeyboardInterrupt from interrupted
        if not answer:
            raise stopped()
        self._region.start()

    def summary(self, outcome: Outcome, tally: Tally) -> None:
        """Say what was done, and what to type next."""
        self._region.stop()
        first, *rest = summary_lines(outcome, tally)
        self._console.print(Text(first, style="bold green"), soft_wrap=True)
        for line in rest:
            self._console.print(Text(line, style="dim"), soft_wrap=True)

    def table(self, rows: Sequence[tuple[str, str, str, bool]], after: Sequence[str] = ()) -> None:
        """Say what was done for several deployments, and what to type next."""
        self._region.stop()
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for title in ("deployment", "image", "done"):
            table.add_column(title, overflow="fold")
        for name, image, what, well in rows:
            table.add_row(
                Text(name, style="bold"), Text(image), Text(what, "green" if well else "red")
            )
        self._console.print(table)
        for line in after:
            self._console.print(Text(line, style="dim"), soft_wrap=True)

    def _take(self, event: Event) -> None:
        match event:
            case StageStarted(stage=stage):
                self._stage = _Running(stage)
            case StageEnded(stage=stage, seconds=seconds, detail=detail):
                self._stage = None
                self._steps.clear()
                self._transfers.clear()
                self._say("✓", "green", f"{stage:<10}{clean(detail)}", seconds)
            case StepStarted(step=step, name=name):
                self._steps[step] = _Running(name)
            case StepLog(step=step, line=line) if step in self._steps:
                self._steps[step].lines = [*self._steps[step].lines, clean(line)][-_LAST_LINES:]
            case StepEnded(step=step, name=name, seconds=seconds, cached=cached, error=error):
                self._steps.pop(step, None)
                self._ended(name, seconds, cached=cached, error=error)
            case Transfer(what=what):
                self._transfers[what] = event
            case Sent():
                self._say(" ", "dim", (plain_line(event) or "").strip())
            case Note(text=text):
                self._say("·", "dim", clean(text))
            case Warned(text=text):
                self._say("!", "yellow", clean(text))
                for line in reasons(event):
                    self._say(" ", "yellow", line.strip())
            case StepLog():
                pass

    def _ended(self, name: str, seconds: float, *, cached: bool, error: str | None) -> None:
        if error:
            self._say("✗", "red", f"{label(name)} failed")
        elif cached:
            self._say(" ", "dim", f"{cut(clean(name))}  cached")
        else:
            self._say(" ", "", cut(clean(name)), seconds)

    def _say(self, sign: str, style: str, text: str, seconds: float | None = None) -> None:
        line = Text.assemble((sign, style), " ", (text, "dim" if style == "dim" else ""))
        if seconds is not None:
            line.append(f"  {duration(seconds)}", style="dim")
        self._said.append(line)

    def _draw(self) -> ConsoleRenderable:
        with self._lock:
            parts: list[ConsoleRenderable] = []
            if self._stage is not None:
                self._spinner.update(text=Text(f"{self._stage.name}  {_since(self._stage)}"))
                parts.append(self._spinner)
            for step in self._steps.values():
                parts.append(Text(f"  {clean(step.name)}  {_since(step)}", no_wrap=True))
                parts += [Text(f"    {line}", style="dim", no_wrap=True) for line in step.lines]
            if moving := self._moving():
                parts.append(moving)
            return Group(*parts)

    def _moving(self) -> ConsoleRenderable | None:
        known = [transfer for transfer in self._transfers.values() if transfer.total]
        if not known:
            return None
        current = sum(transfer.current for transfer in known)
        total = sum(transfer.total for transfer in known)
        table = Table.grid(padding=(0, 1))
        done = sum(transfer.current >= transfer.total for transfer in known)
        table.add_row(
            " ",
            ProgressBar(total=total, completed=current, width=_BAR),
            f"{size(current)} of {size(total)}, {done} of {len(known)} parts",
        )
        return table


def _since(running: _Running) -> str:
    return duration(time.monotonic() - running.since)
