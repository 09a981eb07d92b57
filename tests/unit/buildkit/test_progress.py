"""The fold from traces to steps; the traces were recorded from an engine 20.10.24.

A `.trace` file has one base64 StatusResponse a line, as the engine's answer has them.
"""

from __future__ import annotations

import base64
from dataclasses import FrozenInstanceError, is_dataclass
from pathlib import Path

import pytest

from imagebuild.buildkit import (
    Step,
    StepCached,
    StepCompleted,
    StepEvent,
    StepFailed,
    StepLog,
    StepStarted,
    StepTransfer,
    StepWarning,
)
from imagebuild.buildkit.progress import Progress
from imagebuild.buildkit.status import Log, Status, Transfer, Vertex, VertexWarning

TRACES = Path(__file__).parent / "traces"
SECOND = 10**9
RUN = "[stage-1 2/2] RUN printf 'a\\rb\\n'; echo problem >&2; "


def recorded(name: str) -> list[StepEvent]:
    """All events of a recorded build."""
    lines = (TRACES / f"{name}.trace").read_text().split()
    return fold(*(Status.decode(base64.b64decode(line)) for line in lines))


def fold(*statuses: Status) -> list[StepEvent]:
    """All events of some messages."""
    progress = Progress()
    events: list[StepEvent] = []
    for status in statuses:
        progress, new = progress.after(status)
        events += new
    return events


def story(events: list[StepEvent]) -> list[tuple[str, str]]:
    """The Dockerfile's own steps in short."""
    return [
        (type(event).__name__.removeprefix("Step"), event.step.name)
        for event in events
        if event.step.number is not None and not isinstance(event, StepLog)
    ]


def test_a_build_runs_its_steps_in_order() -> None:
    """Each is started and completed; a base that is there is cached."""
    assert story(recorded("success")) == [
        ("Cached", "[base 1/2] FROM docker.io/prefecthq/prefect:3-latest"),
        ("Started", "[base 2/2] RUN echo first; printf 'no end'"),
        ("Completed", "[base 2/2] RUN echo first; printf 'no end'"),
        ("Started", "[stage-1 1/2] COPY . /app"),
        ("Completed", "[stage-1 1/2] COPY . /app"),
        ("Started", RUN + "true"),
        ("Completed", RUN + "true"),
    ]


def test_a_build_without_change_is_cached() -> None:
    """And no step of it is said to have started."""
    assert story(recorded("cached"))[2:] == [
        ("Cached", "[base 2/2] RUN echo first; printf 'no end'"),
        ("Cached", "[stage-1 1/2] COPY . /app"),
        ("Cached", RUN + "true"),
    ]


def test_a_failed_build_ends_with_the_failed_step() -> None:
    """In the engine's words, after the step's lines."""
    *_, one, other, last = recorded("failure")
    assert isinstance(one, StepLog)
    assert isinstance(other, StepLog)
    assert {(one.line, one.stream), (other.line, other.stream)} == {("b", 1), ("problem", 2)}
    assert isinstance(last, StepFailed)
    assert last.step.name == RUN + "exit 3"
    assert last.message.endswith("exit code: 3")
    assert 0 < last.seconds < 10


def test_log_lines_are_whole() -> None:
    """A line without an end is told before the step's end."""
    logs = [event for event in recorded("success") if isinstance(event, StepLog)]
    assert [event.line for event in logs if event.step.stage == "base"] == ["first", "no end"]


def test_internal_steps_are_marked() -> None:
    """They are BuildKit's, not the Dockerfile's."""
    internal = {event.step.name for event in recorded("success") if event.step.internal}
    assert internal == {
        "[internal] load build definition from Dockerfile",
        "[internal] load .dockerignore",
        "[internal] load metadata for docker.io/prefecthq/prefect:3-latest",
        "[internal] load build context",
    }


def test_the_transfer_of_the_context_is_counted() -> None:
    """Up to its end."""
    transfers = [
        (event.current, event.done)
        for event in recorded("success")
        if isinstance(event, StepTransfer) and event.step.name == "[internal] load build context"
    ]
    assert transfers == [(0, False), (26, False), (38, True)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("[2/5] RUN x", ("", 2, 5, False)),
        ("[ 2/15] RUN x", ("", 2, 15, False)),
        ("[builder 12/15] COPY a b", ("builder", 12, 15, False)),
        ("[linux/arm64 builder 1/2] RUN x", ("linux/arm64 builder", 1, 2, False)),
        ("[internal] load build context", ("", None, None, True)),
        ("exporting to image", ("", None, None, False)),
        ("[auth] library/python:pull token for registry-1.docker.io", ("", None, None, False)),
    ],
)
def test_a_name_says_where_a_step_stands(
    name: str, expected: tuple[str, int | None, int | None, bool]
) -> None:
    """By the frontend's brackets."""
    step = Step.from_vertex(Vertex("d", name))
    assert (step.stage, step.number, step.total, step.internal) == expected


STARTED = Vertex("d", "step", started=1 * SECOND)
DONE = Vertex("d", "step", started=1 * SECOND, completed=3 * SECOND)
STEP = Step("d", "step")


@pytest.mark.parametrize(
    ("statuses", "events"),
    [
        ([Status((STARTED,)), Status((STARTED,))], [StepStarted(STEP)]),
        ([Status((STARTED,)), Status((DONE,)), Status((DONE,))],
         [StepStarted(STEP), StepCompleted(STEP, 2.0)]),
        ([Status((Vertex("d", "step", cached=True, started=1, completed=1),))], [StepCached(STEP)]),
        ([Status((DONE,)), Status((Vertex("d", "step", started=9 * SECOND),))],
         [StepStarted(STEP), StepCompleted(STEP, 2.0), StepStarted(STEP)]),
        ([Status(logs=(Log("d", b"a"),)), Status(logs=(Log("d", b"b\nc\r\n"),))],
         [StepLog(Step("d", "d"), "ab"), StepLog(Step("d", "d"), "c")]),
        ([Status((STARTED,), logs=(Log("d", b"\xff 10%\r 20%"), Log("d", b"err\n", 2))),
          Status((DONE,))],
         [StepStarted(STEP), StepLog(STEP, "err", 2), StepLog(STEP, " 20%"),
          StepCompleted(STEP, 2.0)]),
        ([Status((STARTED,), (Transfer("t", "d", current=1, total=2),))] * 2,
         [StepStarted(STEP), StepTransfer(STEP, "t", 1, 2, done=False)]),
        ([Status((STARTED,), warnings=(VertexWarning("d", "w", ("more",), "url"),))],
         [StepStarted(STEP), StepWarning(STEP, "w", ("more",), "url")]),
    ],
    ids=["once", "end once", "cached", "again", "lines", "rest", "transfer once", "warning"],
)  # fmt: skip
def test_messages_become_events(statuses: list[Status], events: list[StepEvent]) -> None:
    """What is repeated is told once."""
    assert fold(*statuses) == events


def test_the_fold_changes_nothing() -> None:
    """A progress that is kept stays as it was."""
    before, _ = Progress().after(Status((STARTED,)))
    _, once = before.after(Status((DONE,)))
    _, twice = before.after(Status((DONE,)))
    assert once == twice == (StepCompleted(STEP, 2.0),)
    assert is_dataclass(before)
    with pytest.raises(FrozenInstanceError):
        before.vertexes = {}  # type: ignore[misc]
