"""Plain output: each event is the line that was agreed."""

from __future__ import annotations

import dataclasses
import io

import pytest

from imagebuild.cli.output import output
from imagebuild.cli.plain import Plain, label, plain_line, summary_lines
from imagebuild.cli.tally import Tally
from imagebuild.errors import UsageError
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
    ignore,
)
from imagebuild.outcome import Outcome
from tests.unit.cli.terminal import Terminal

RUN = "[3/4] RUN pip install"
DEPLOYED = Outcome(
    "reg.example/app:v1@sha256:00",
    ("reg.example/app:v1", "reg.example/app:latest"),
    built=True,
    pushed=True,
    recorded=True,
    deployment="my flow/prod",
    deployment_id="id",
    pool="docker",
    seconds={"build": 62.0, "push": 1.5},
)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (StageStarted("build"), "build …"),
        (StageEnded("build", 1.26, "app:v1"), "build done in 1.3 s: app:v1"),
        (StageEnded("build", 75, ""), "build done in 1 min 15 s"),
        (StepStarted("sha256:1", RUN), "  [3/4] RUN pip install"),
        (StepStarted("1", "x" * 200), "  " + "x" * 99 + "…"),
        (StepEnded("1", RUN, 2.0), "  [3/4] done in 2.0 s"),
        (StepEnded("1", "exporting", 2.0), "  exporting done in 2.0 s"),
        (StepEnded("1", RUN, 0, cached=True), "  [3/4] RUN pip install  cached"),
        (StepEnded("1", RUN, 2.0, error="exit code: 1"), "  [3/4] failed: exit code: 1"),
        (StepLog("1", "Resolved 3 packages"), "    | Resolved 3 packages"),
        (StepLog("1", "50%\r\x1b[32m100%\x1b[0m"), "    | 50%\\x0d100%"),
        (Sent((), 0), "  sent 0 files, 0 B"),
        (Sent(("a",), 12), "  sent 1 file, 12 B"),
        (Sent(("a", "b"), 1200), "  sent 2 files, 1.2 kB"),
        (Note("left out: .env"), "note: left out: .env"),
        (Note("left out: \x1b[2J.env"), "note: left out: .env"),
        (Warned("careful"), "warning: careful"),
        (Warned("careful", "why"), "warning: careful\n  caused by: why"),
        (
            Warned("careful", "why", "do it"),
            "warning: careful\n  caused by: why\n  hint: do it",
        ),
        (Warned("careful", hint="do it"), "warning: careful\n  hint: do it"),
        (Transfer("push", "layer", 1, 2), None),
    ],
)
def test_an_event_is_a_line(event: Event, expected: str | None) -> None:
    """Or a few; how far a transfer came matters only while it lasts."""
    stream = io.StringIO()
    Plain(stream).emit(event)

    assert plain_line(event) == expected
    assert stream.getvalue() == (f"{expected}\n" if expected else "")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (RUN, "[3/4]"),
        ("[base 1/2] FROM x", "[base 1/2]"),
        ("exporting to image", "exporting to image"),
        ("[unclosed", "[unclosed"),
        ("[]x", "[]"),
        ("\x1b[31m[1/2] x", "[1/2]"),
    ],
)
def test_a_steps_short_name_is_its_number(name: str, expected: str) -> None:
    """Where it has one."""
    assert label(name) == expected


def tally() -> Tally:
    """Three steps, one of them from the cache, and one file sent."""
    counted = Tally(ignore)
    for number, cached in enumerate([True, False, False]):
        counted.emit(StepEnded(str(number), "RUN", 0.1, cached=cached))
    counted.emit(StepEnded("4", "RUN", 0.1, error="it failed"))
    counted.emit(Sent(("flow.py",), 1200))
    return counted


def test_the_summary_says_what_was_done_and_what_to_type() -> None:
    """With the reference that the deployment runs."""
    assert list(summary_lines(DEPLOYED, tally())) == [
        "my flow/prod runs reg.example/app:v1@sha256:00",
        "  also reg.example/app:latest",
        "  built, pushed, recorded, in 1 min 4 s",
        "  build 1 min 2 s, push 1.5 s",
        "  1 of 3 steps from the cache, 1 file sent (1.2 kB)",
        "  start a run:    prefect deployment run 'my flow/prod'",
        "  start a worker: prefect worker start --pool 'docker'",
    ]


def test_the_summary_says_what_was_not_done() -> None:
    """Because there was nothing to do; and nothing of what the command is not there for."""
    idle = dataclasses.replace(DEPLOYED, built=False, pushed=None, recorded=False, seconds={})
    image = Outcome("app:v1", ("app:v1",), built=False)

    assert list(summary_lines(idle, tally()))[2] == (
        "  not built (nothing changed), not recorded (nothing changed), in 0.0 s"
    )
    assert list(summary_lines(image, tally())) == [
        "app:v1",
        "  not built (nothing changed), in 0.0 s",
    ]


def test_the_summary_names_no_image_where_none_is_meant() -> None:
    """As in a pool of processes."""
    bare = dataclasses.replace(DEPLOYED, reference=None, names=(), built=None, pushed=None)

    assert next(iter(summary_lines(bare, tally()))) == "my flow/prod runs the code that it pulls"


def test_the_commands_of_the_summary_can_be_copied() -> None:
    """Whatever the flow and the pool are called."""
    odd = dataclasses.replace(DEPLOYED, deployment="it's\x1b[2J/x", pool="a'b")
    first, *_, run, worker = summary_lines(odd, tally())

    assert first == "it's/x runs reg.example/app:v1@sha256:00"
    assert run.endswith(r"prefect deployment run 'it'\''s/x'")
    assert worker.endswith(r"--pool 'a'\''b'")


def test_verbose_lines_are_whole_and_name_each_file() -> None:
    """For who looks for something."""
    stream, name = io.StringIO(), "[1/2] RUN " + "x" * 200
    shown = Plain(stream, everything=True)
    shown.emit(StepStarted("1", name))
    shown.emit(Sent(("a.py", "b\x1b[2J.py"), 2))

    assert stream.getvalue().splitlines() == [
        f"  {name}",
        "  sent 2 files, 2 B",
        "    a.py",
        "    b.py",
    ]


def test_quiet_is_all_but_warnings() -> None:
    """What there is now stands on stdout."""
    stream = io.StringIO()
    with output(stream, {}, quiet=True) as shown:
        shown.emit(StepStarted("1", "RUN"))
        shown.emit(Note("by the way"))
        shown.emit(Warned("mind this"))
        shown.summary(DEPLOYED, tally())

    assert stream.getvalue() == "warning: mind this\n"


def test_nobody_is_asked_where_nobody_watches() -> None:
    """No question is no error; a question needs --yes."""
    Plain(io.StringIO()).ask(())
    with pytest.raises(UsageError, match="this would replace what the deployment has") as caught:
        Plain(io.StringIO()).ask(("its schedule", "its tags"))

    assert caught.value.causes == ("its schedule", "its tags")
    assert "--yes" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("stream", "env", "plain"),
    [
        (io.StringIO(), {"TERM": "xterm"}, True),
        (Terminal(), {"TERM": "xterm", "CI": "true"}, True),
        (Terminal(), {"TERM": "dumb"}, True),
        (Terminal(), {"TERM": "xterm"}, False),
        (Terminal(), {"TERM": "xterm", "CI": ""}, False),
    ],
)
def test_lines_are_plain_but_on_a_terminal(
    stream: io.StringIO, env: dict[str, str], plain: bool
) -> None:
    """That somebody watches, and that can redraw."""
    with output(stream, env) as shown:
        assert plain is isinstance(shown, Plain)
