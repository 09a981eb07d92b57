"""How schedules and queues are written: after the image, and never at its cost."""

from __future__ import annotations

from typing import Any

import pytest

from imagebuild.errors import ImagebuildError, Unreachable
from imagebuild.events import Event, Note, Warned
from imagebuild.record import Change, Record, Schedule
from imagebuild.recorders.prefect_apply import Writing
from tests.unit.recorders.loopback import Said, Server, api_at, serving
from tests.unit.recorders.test_prefect_apply import (
    DONE,
    ID,
    LATER,
    MISSING,
    OURS,
    POOL,
    holds,
    methods,
)
from tests.unit.recorders.values import TARGET, record

OLD, NEW = "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"
SIX, SEVEN = Schedule("cron", "0 6 * * *"), Schedule("cron", "0 7 * * *")
MADE = Said(201, [])
REFUSED = Said(422, {"detail": [{"loc": ["body", "cron"], "msg": "Invalid cron string"}]})
RUNS_OURS = f"the deployment hello/prod runs {OURS}"


def cron(name: str, text: str, slug: str | None, **more: Any) -> dict[str, Any]:
    """A schedule as a server tells of it."""
    schedule = {"cron": text, "timezone": "UTC", "day_or": True}
    return {"id": name, "active": True, "slug": slug, "schedule": schedule, **more}


def with_schedules(image: str, *schedules: dict[str, Any], **more: Any) -> Said:
    """The deployment with an image and schedules."""
    return Said(200, {**holds(image).value, "schedules": list(schedules), **more})


def write(
    server: Server, wish: Record, events: list[Event], deployment_id: str | None = ID
) -> tuple[str | ImagebuildError, Writing]:
    """The deployment's ID or the error, and the writing itself."""
    change = Change(TARGET, wish, deployment_id, "dock", {"version": "1"})
    with api_at(server.url) as api:
        writing = Writing(api, change, None, lambda _: ID)
        try:
            return writing.run(events.append), writing
        except ImagebuildError as error:
            return error, writing


def test_the_image_is_written_first_and_then_what_differs_of_the_schedules() -> None:
    """One is changed in place, one is made, and nobody else's is touched."""
    old, theirs = cron(OLD, "0 5 * * *", "imagebuild-1"), cron(NEW, "0 1 * * *", None)
    six, seven = cron(OLD, "0 6 * * *", "imagebuild-1"), cron(ID, "0 7 * * *", "imagebuild-2")
    script = (with_schedules("old:1", old, theirs), POOL, DONE, DONE, MADE)
    with serving(*script, with_schedules(OURS, six, theirs, seven)) as server:
        assert write(server, record(schedules=(SIX, SEVEN)), [])[0] == ID
    assert methods(server) == ["GET", "GET", "PATCH", "PATCH", "POST", "GET"]
    image, changed, added = server.asked[2:5]
    assert image.body == {"job_variables": {"image": OURS}}
    assert changed.path.endswith(f"/schedules/{OLD}")
    assert changed.body["schedule"]["cron"] == "0 6 * * *"
    assert [one["slug"] for one in added.body] == ["imagebuild-2"]


def test_what_is_wanted_no_longer_is_deleted_and_the_deployment_not_patched() -> None:
    """Where the image stands already."""
    old, six = cron(OLD, "0 5 * * *", "imagebuild-2"), cron(NEW, "0 6 * * *", "imagebuild-1")
    with serving(with_schedules(OURS, old, six), POOL, DONE, with_schedules(OURS, six)) as server:
        assert write(server, record(schedules=(SIX,)), [])[0] == ID
    assert methods(server) == ["GET", "GET", "DELETE", "GET"]
    assert server.asked[2].path.endswith(f"/schedules/{OLD}")


def test_a_new_deployment_gets_its_schedules_after_it_was_made() -> None:
    """A schedule that is refused must not keep it from being made."""
    pools = Said(200, [POOL.value])
    six = cron(OLD, "0 6 * * *", "imagebuild-1")
    with serving(MISSING, pools, MADE, with_schedules(OURS, six), POOL) as server:
        assert write(server, record(schedules=(SIX,)), [], None)[0] == ID
    assert methods(server) == ["GET", "POST", "POST", "GET", "GET"]
    assert server.asked[2].path == f"/api/deployments/{ID}/schedules"


def test_a_refused_schedule_leaves_the_image_recorded_and_says_so() -> None:
    """With the server's reason."""
    with serving(with_schedules("old:1"), POOL, DONE, REFUSED) as server:
        failed, writing = write(server, record(schedules=(SIX,)), [])
    assert isinstance(failed, ImagebuildError)
    assert "Invalid cron string" in failed.causes[0]
    assert (writing.unchanged, writing.recorded) == (RUNS_OURS, True)


def test_a_refused_image_is_no_matter_of_schedules() -> None:
    """It comes first, and nothing was written."""
    with serving(with_schedules("old:1"), POOL, REFUSED) as server:
        failed, writing = write(server, record(schedules=(SIX,)), [])
    assert isinstance(failed, ImagebuildError)
    assert not writing.recorded
    assert writing.unchanged == "the deployment hello/prod runs the image that it ran before"
    assert methods(server) == ["GET", "GET", "PATCH"]


@pytest.mark.parametrize("afterwards", [with_schedules(OURS), LATER])
def test_lost_schedules_are_unreachable_and_the_image_stands(afterwards: Said) -> None:
    """Whether or not it can be looked at."""
    with serving(with_schedules("old:1"), POOL, DONE, *[LATER] * 5, afterwards) as server:
        failed, writing = write(server, record(schedules=(SIX,)), [])
    assert isinstance(failed, Unreachable)
    assert (writing.unchanged, writing.recorded) == (RUNS_OURS, True)


def test_schedules_whose_answer_was_lost_are_there() -> None:
    """The second try finds the mark taken."""
    six = cron(OLD, "0 6 * * *", "imagebuild-1")
    taken = Said(409, {"detail": "Data integrity conflict."})
    script = (with_schedules(OURS), POOL, Said(None), taken, with_schedules(OURS, six))
    with serving(*script) as server:
        assert write(server, record(schedules=(SIX,)), [])[0] == ID


def test_a_server_without_marks_is_told_of() -> None:
    """What is said there already is enough for the next deploy."""
    unknown = {"type": "extra_forbidden", "loc": ["body", 0, "slug"], "msg": "not permitted"}
    refused = Said(422, {"exception_message": "Invalid", "exception_detail": [unknown]})
    bare = {name: value for name, value in cron(OLD, "0 6 * * *", None).items() if name != "slug"}
    events: list[Event] = []
    script = (with_schedules(OURS), POOL, refused, MADE, with_schedules(OURS, bare))
    with serving(*script) as server:
        assert write(server, record(schedules=(SIX,)), events)[0] == ID
    (event,) = events
    assert isinstance(event, Warned)
    assert "does not keep who made a schedule" in event.text


@pytest.mark.parametrize(
    ("queues", "notes"),
    [
        (["default", "fast"], []),
        (["default", "fats"], ["Prefect made the work queue 'fast' in 'dock', which had default,"]),
    ],
)
def test_a_queue_goes_with_its_pool_and_a_new_one_is_told_of(
    queues: list[str], notes: list[str]
) -> None:
    """Prefect makes one that is not there, without a word."""
    listed = Said(200, [{"name": name} for name in queues])
    events: list[Event] = []
    before = with_schedules(OURS, work_queue_name="default")
    script = (before, POOL, listed, DONE, with_schedules(OURS, work_queue_name="fast"))
    with serving(*script) as server:
        assert write(server, record(queue="fast"), events)[0] == ID
    assert server.asked[3].body == {"work_queue_name": "fast", "work_pool_name": "dock"}
    assert [type(event) for event in events] == [Note] * len(notes)
    assert all(note in str(event) for note, event in zip(notes, events, strict=True))
