"""Live output: what is on the terminal while it lasts, and what stays there."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING

import click
import pytest

from imagebuild.cli.live import Live
from imagebuild.cli.plain import summary_lines
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
from tests.unit.cli.terminal import Terminal
from tests.unit.cli.test_plain import DEPLOYED, tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

RUN = "[3/4] RUN pip install"
BUILD: list[Event] = [
    StageStarted("build"),
    StepStarted("1", "[1/4] FROM x"),
    StepEnded("1", "[1/4] FROM x", 0, cached=True),
    StepStarted("3", RUN),
    *(StepLog("3", f"line {number}") for number in range(5)),
]


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of 80 columns that can do everything."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "40")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def timeless(lines: Iterable[str]) -> list[str]:
    """The lines with every duration, and the spinner's picture, the same."""
    return [re.sub(r"\d+\.\d s$", "T", re.sub(r"[\u2800-\u28ff]", "@", line)) for line in lines]


def shown(*events: Event, awaited: str = "") -> tuple[list[str], list[str]]:
    """The screen when what is awaited is drawn, which rich does in its own time, and at the end."""
    terminal = Terminal()
    during: list[str] = []

    def drawn() -> bool:
        """Twice the same, so that it was not seen half written."""
        before, during[:] = list(during), timeless(terminal.screen)
        return during == before and awaited in "\n".join(during)

    with Live(terminal) as live:
        for event in events:
            live.emit(event)
        wait_until(drawn)
    return during, timeless(terminal.screen)


def wait_until(ready: Callable[[], bool]) -> None:
    """Give a thread the time that it takes."""
    for _ in range(1000):
        if ready():
            return
        time.sleep(0.01)
    pytest.fail("it was never drawn")


def test_what_runs_is_drawn_below_what_is_done() -> None:
    """The stage, each step with its last lines; all of that goes at the end."""
    during, after = shown(*BUILD, Note("left out: .env"), awaited="line 4")

    assert during == [
        "  [1/4] FROM x  cached",
        "· left out: .env",
        "@ build  T",
        f"  {RUN}  T",
        *("    line 2", "    line 3", "    line 4"),
    ]
    assert after == during[:2]


def test_a_stage_that_ended_leaves_one_line() -> None:
    """And its steps one each."""
    _, after = shown(*BUILD, StepEnded("3", RUN, 2.5), StageEnded("build", 3.1, "app:v1"))

    assert after == ["  [1/4] FROM x  cached", f"  {RUN}  T", "✓ build     app:v1  T"]


def test_a_step_that_failed_is_marked() -> None:
    """The error itself follows below."""
    _, after = shown(*BUILD, StepEnded("3", RUN, 2.5, error="exit code: 1"))

    assert after[-1] == "✗ [3/4] failed"


def test_how_far_a_push_came_is_the_sum_of_its_layers() -> None:
    """Of those whose size is known."""
    during, after = shown(
        StageStarted("push"),
        Transfer("push", "a", 500, 1000),
        Transfer("push", "a", 1000, 1000),
        Transfer("push", "b", 500, 3000),
        Transfer("push", "c", 0, 0),
        Note("x"),
        awaited="parts",
    )

    assert during[-1].endswith("1.5 kB of 4.0 kB, 1 of 2 parts")
    assert after == ["· x"]


def test_a_new_stage_starts_without_the_last_ones_transfers() -> None:
    """They were another's."""
    during, _ = shown(
        StageStarted("build"),
        Transfer("build", "a", 1, 2),
        StageEnded("build", 1.0, ""),
        StageStarted("push"),
        awaited="push",
    )

    assert during[-1] == "@ push  T"


def test_notes_warnings_and_what_was_sent_stay() -> None:
    """Each with its sign."""
    _, after = shown(Sent(("a",), 12), Note("a note"), Warned("careful", "why", "do it"))

    assert after == [
        "  sent 1 file, 12 B",
        "· a note",
        "! careful",
        "  caused by: why",
        "  hint: do it",
    ]


def test_a_line_of_a_step_that_is_over_is_dropped() -> None:
    """It has nowhere to stand."""
    assert shown(StepLog("9", "late"), Note("x"))[0] == ["· x"]


def test_foreign_text_neither_commands_nor_styles_the_terminal() -> None:
    """Escapes go, and rich's own markup is text."""
    evil = "[red]a[/red]\x1b[2J\x1b]0;t\x07 [3/4]"
    during, after = shown(
        StepStarted("1", evil), StepLog("1", evil), Note(evil), awaited="    [red]"
    )

    assert after == ["· [red]a[/red] [3/4]"]
    assert during[1:] == ["  [red]a[/red] [3/4]  T", "    [red]a[/red] [3/4]"]


def test_long_names_do_not_wrap_while_they_run() -> None:
    """So that what is redrawn keeps its height."""
    during, _ = shown(StepStarted("1", "x" * 300), StepLog("1", "y" * 300), awaited="yyy")

    assert len(during) == 2
    assert all(len(line) <= 80 for line in during)


def test_printing_keeps_nobody_waiting() -> None:
    """Other threads emit meanwhile; rich's own, which redraws, would wait for ever."""
    waited: list[bool] = []

    class Busy(Terminal):
        def write(self, text: str) -> int:
            if "printed" in text and not waited:
                other = threading.Thread(target=live.emit, args=(StageStarted("push"),))
                other.start()
                other.join(5)
                waited.append(other.is_alive())
            return super().write(text)

    with Live(Busy()) as live:
        live.emit(Note("printed"))

    assert waited == [False]


def test_many_threads_emit_at_once() -> None:
    """Every line is there, whole."""
    terminal = Terminal()
    with Live(terminal) as live:

        def emit(number: int) -> None:
            for line in range(50):
                live.emit(Note(f"{number}-{line}"))

        threads = [threading.Thread(target=emit, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(terminal.screen) == sorted(f"· {n}-{i}" for n in range(4) for i in range(50))


@pytest.mark.parametrize("answer", [True, False])
def test_a_question_is_asked_with_the_drawing_stopped(
    answer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer of no stops everything; none is needed where nothing is asked."""
    terminal, screens = Terminal(), list[list[str]]()

    def confirm(text: str, **_: object) -> bool:
        screens.append([*terminal.screen, text])
        return answer

    monkeypatch.setattr(click, "confirm", confirm)
    with Live(terminal) as live:
        live.emit(StageStarted("preflight"))
        live.ask(())
        if answer:
            live.ask(("its schedule\x1b[2J",))
        else:
            with pytest.raises(ImagebuildError, match="stopped, as you asked"):
                live.ask(("its schedule\x1b[2J",))

    assert screens == [["its schedule", "Go on?"]]


def test_a_question_that_nobody_can_answer_is_refused() -> None:
    """Somebody watches, but stdin is a pipe."""
    with (
        Live(Terminal(), answers=False) as live,
        pytest.raises(UsageError, match="this would replace") as caught,
    ):
        live.ask(("its schedule",))

    assert "--yes" in (caught.value.hint or "")


def test_the_summary_is_the_last_on_the_screen() -> None:
    """Whole, however narrow the terminal is, so that it can be copied."""
    terminal = Terminal()
    with Live(terminal) as live:
        live.emit(StageStarted("record"))
        live.summary(DEPLOYED, tally())

    assert terminal.screen == list(summary_lines(DEPLOYED, tally()))


def test_colours_are_left_out_where_nobody_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR is respected: https://no-color.org"""
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal()
    with Live(terminal) as live:
        live.emit(StageEnded("build", 1.0, "x"))

    assert not re.search(r"\x1b\[(?:[0-9]+;)*(?:3[0-7]|38;[0-9;]+)m", terminal.getvalue())


def test_several_deployments_are_a_table() -> None:
    """What failed stands among them, and below it what to type next."""
    terminal = Terminal()
    rows = [
        ("etl/daily", "reg.example/etl:v1", "built, recorded", True),
        ("etl/weekly", "", "failed: there is no work pool 'x'", False),
    ]
    with Live(terminal, answers=False) as live:
        live.table(rows, ["start a worker: …"])
    head, first, second, after = [line.split() for line in terminal.screen if line]

    assert head == ["deployment", "image", "done"]
    assert first == ["etl/daily", "reg.example/etl:v1", "built,", "recorded"]
    assert second == ["etl/weekly", "failed:", "there", "is", "no", "work", "pool", "'x'"]
    assert after == ["start", "a", "worker:", "…"]
