"""What is told of several things at once says of which."""

from __future__ import annotations

import pytest

from imagebuild.events import (
    Event,
    Note,
    Sent,
    StageStarted,
    StepEnded,
    StepLog,
    StepStarted,
    Transfer,
    Warned,
    labelled,
    once,
)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (StepStarted("1", "RUN x"), StepStarted("app 1", "RUN x  (app)")),
        (StepLog("1", "line"), StepLog("app 1", "line")),
        (StepEnded("1", "RUN x", 2.0, cached=True), StepEnded("app 1", "RUN x  (app)", 2.0, True)),
        (Transfer("push", "layer", 1, 2), Transfer("push", "app layer", 1, 2)),
        (Note("n"), Note("app: n")),
        (Warned("w", "c", "h"), Warned("app: w", "c", "h")),
        (StageStarted("build"), StageStarted("build")),
        (Sent(("a",), 1), Sent(("a",), 1)),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_event_says_of_what_it_is(event: Event, told: Event) -> None:
    """Steps of two builds have the same numbers."""
    seen: list[Event] = []
    labelled(seen.append, "app")(event)

    assert seen == [told]


def test_no_note_and_no_warning_is_told_twice() -> None:
    """Log lines may well be the same."""
    seen: list[Event] = []
    emit = once(seen.append)
    for _ in range(2):
        for event in (Note("n"), Warned("w"), StepLog("1", "line")):
            emit(event)

    assert seen == [Note("n"), Warned("w"), StepLog("1", "line"), StepLog("1", "line")]
