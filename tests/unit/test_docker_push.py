"""What an engine says while it pushes: a digest is a success, anything else is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.builders.docker_push import pushed_digest
from imagebuild.errors import Denied, ImagebuildError, PushFailed, Unreachable
from imagebuild.events import Event, Transfer, ignore
from tests.unit.values import DIGEST, OTHER_DIGEST, name

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = name("reg.example/team/app:v1")
FIRST = {"status": "The push refers to repository [reg.example/team/app]"}
LINE = {"status": f"v1: digest: {DIGEST} size: 1234"}
AUX = {"progressDetail": {}, "aux": {"Tag": "v1", "Digest": DIGEST, "Size": 1234}}


@pytest.mark.parametrize(
    "events",
    [
        [FIRST, AUX],
        [FIRST, LINE],
        [FIRST, LINE, AUX],
        [FIRST, {"status": f"v1: digest: {DIGEST} size: 1234\n"}],
        [{"status": f"v1: digest: {OTHER_DIGEST} size: 1"}, LINE],
        [FIRST, LINE, {"status": "done"}],
        [FIRST, LINE, {"aux": None}],
    ],
)
def test_the_digest_is_in_an_aux_event_or_in_a_line(events: list[dict[str, Any]]) -> None:
    """The classic store sends both, the containerd store the line alone."""
    assert pushed_digest(APP, events, ignore) == DIGEST


@pytest.mark.parametrize(
    "events",
    [
        [],
        [FIRST],
        [FIRST, {"id": "a", "status": "Pushed"}],
        [FIRST, {"status": "v1: digest: sha256:abc size: 1"}],
        [FIRST, {"status": f"digest: {DIGEST}"}],
        [FIRST, {"aux": {"Tag": "v1"}}],
    ],
)
def test_a_quiet_end_without_a_digest_is_a_failure(events: list[dict[str, Any]]) -> None:
    """An engine that is stopped in the middle ends just so."""
    with pytest.raises(PushFailed, match=f"cannot tell whether {APP} was pushed") as caught:
        pushed_digest(APP, events, ignore)

    assert caught.value.hint == "see whether the engine was stopped, and push again"


@pytest.mark.parametrize(
    ("event", "kind", "cause"),
    [
        ({"error": "denied: no"}, Denied, "denied: no"),
        ({"error": "short", "errorDetail": {"message": "denied: long"}}, Denied, "denied: long"),
        ({"error": "EOF", "errorDetail": {}}, Unreachable, "EOF"),
        ({"error": "EOF", "errorDetail": None}, Unreachable, "EOF"),
        ({"error": "manifest invalid"}, PushFailed, "manifest invalid"),
    ],
)
def test_an_error_event_is_an_error_even_after_a_digest(
    event: dict[str, Any], kind: type[ImagebuildError], cause: str
) -> None:
    """With the registry's own words."""
    with pytest.raises(kind, match=f"cannot push {APP}") as caught:
        pushed_digest(APP, [FIRST, LINE, event], ignore)

    assert caught.value.causes == (cause,)


def test_events_are_read_as_they_come() -> None:
    """Progress is told before the push ends."""
    told: list[Event] = []

    def events() -> Iterator[dict[str, Any]]:
        yield {"id": "a", "status": "Layer already exists"}
        assert told == [Transfer("push", "a", 0, 0)]
        yield LINE

    assert pushed_digest(APP, events(), told.append) == DIGEST


def test_progress_is_told_layer_by_layer() -> None:
    """With totals that no count exceeds, each layer ending at its total."""
    told: list[Event] = []
    events: list[dict[str, Any]] = [
        FIRST,
        {"id": "a", "status": "Preparing", "progressDetail": {}},
        {"id": "b", "status": "Waiting", "progressDetail": {}},
        {"id": "a", "status": "Pushing", "progressDetail": {"current": 10, "total": 100}},
        {"id": "b", "status": "Layer already exists", "progressDetail": {}},
        {"id": "a", "status": "Pushing", "progressDetail": {"current": 130, "total": 100}},
        {"id": "c", "status": "Pushing", "progressDetail": {"current": 7}},
        {"id": "a", "status": "Pushed", "progressDetail": {}},
        {"id": "c", "status": "Mounted from team/other", "progressDetail": {}},
        LINE,
    ]
    pushed_digest(APP, events, told.append)

    assert told == [
        Transfer("push", "a", 10, 100),
        Transfer("push", "b", 0, 0),
        Transfer("push", "a", 130, 130),
        Transfer("push", "c", 7, 7),
        Transfer("push", "a", 130, 130),
        Transfer("push", "c", 7, 7),
    ]
