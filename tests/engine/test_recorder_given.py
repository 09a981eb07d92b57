"""What the user gives besides the image, on a real Prefect server: set, kept, changed, let be."""

from __future__ import annotations

import dataclasses
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from urllib3.exceptions import HTTPError

from imagebuild.errors import UsageError
from imagebuild.events import Note
from imagebuild.record import Record, Schedule, Target
from imagebuild.recorders.prefect import PrefectRecorder
from imagebuild.recorders.schedule_checks import check
from tests.support import SetupError
from tests.support.recording import Bench
from tests.support.schedules import BAD_CRON, BAD_RULES, GOOD_CRON, GOOD_RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.prefect_stack import PrefectServer
    from tests.support.proxies import RecordingProxy

FLOW = """
from prefect import flow

@flow
def hello(name: str = "you", number: int = 1): ...
"""
SCHEMA = {
    "title": "Parameters",
    "type": "object",
    "properties": {"name": {"type": "string"}, "number": {"type": "integer"}},
}
SIX, HOURLY = Schedule("cron", "0 6 * * *", "Europe/Berlin"), Schedule("interval", 3600)


@pytest.fixture
def bench(
    prefect_server: PrefectServer,
    recorded_prefect: tuple[RecordingProxy, str],
    docker_pool: str,
    tmp_path: Path,
) -> Iterator[Bench]:
    """A bench whose deployment is not there yet."""
    proxy, url = recorded_prefect
    target = Target("hello", f"given-{uuid.uuid4().hex[:12]}", docker_pool)
    env = {**prefect_server.environment(), "PREFECT_API_URL": url}
    with PrefectRecorder(env, tmp_path) as recorder:
        yield Bench(recorder, prefect_server.api, proxy, target)


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """A record of an image that was not pushed."""
    (tmp_path / "flow.py").write_text(FLOW)
    return Record("app:one", False, "flow.py:hello", "/opt/prefect/app", "1" * 12, str(tmp_path))


@pytest.fixture
def given(bench: Bench, record: Record) -> Callable[..., Record]:
    """A deployment that holds the record, and a way to say what else is wanted of it."""
    step = "prefect.deployments.steps.set_working_directory"
    made = {
        "name": bench.target.name,
        "flow_id": bench.api.request("POST", "/flows/", {"name": bench.target.flow})["id"],
        "work_pool_name": bench.target.pool,
        "entrypoint": record.entrypoint,
        "pull_steps": [{step: {"directory": record.directory}}],
        "version": record.version,
        "job_variables": {"image": record.image, "image_pull_policy": "IfNotPresent"},
        "parameter_openapi_schema": SCHEMA,
    }
    bench.api.request("POST", "/deployments/", made)
    return lambda **wishes: dataclasses.replace(record, **wishes)


def test_schedules_are_set_and_then_left_alone(bench: Bench, given: Callable[..., Record]) -> None:
    """Those of somebody else too; any write would delete the runs that are scheduled."""
    theirs = {"schedule": {"cron": "0 1 * * *"}, "active": True}
    bench.api.request("POST", f"{bench.path}/schedules", [theirs])
    before = bench.held["schedules"]
    bench.deploy(given(schedules=(SIX, HOURLY, Schedule("rrule", "FREQ=DAILY;BYHOUR=3"))))
    assert bench.writes == ["POST schedules"]
    held = {one["slug"]: one["schedule"] for one in bench.held["schedules"]}
    assert held["imagebuild-1"]["cron"] == "0 6 * * *"
    assert held["imagebuild-1"]["timezone"] == "Europe/Berlin"
    assert (held["imagebuild-2"]["interval"], held["imagebuild-2"]["timezone"]) == (3600, "UTC")
    assert held["imagebuild-3"]["rrule"].endswith("FREQ=DAILY;BYHOUR=3")
    assert before[0] in bench.held["schedules"]
    schedules = bench.held["schedules"]
    bench.deploy(given(schedules=(HOURLY, Schedule("rrule", "FREQ=DAILY;BYHOUR=3"), SIX)))
    assert bench.writes == []
    assert bench.held["schedules"] == schedules


def test_another_schedule_takes_the_place_of_ours_and_keeps_what_was_set_there(
    bench: Bench, given: Callable[..., Record]
) -> None:
    """Its pause and its parameters; what is wanted no longer goes."""
    bench.deploy(given(schedules=(SIX, HOURLY)))
    (six,) = (one for one in bench.held["schedules"] if one["slug"] == "imagebuild-1")
    path = f"{bench.path}/schedules/{six['id']}"
    bench.api.request("PATCH", path, {"active": False, "parameters": {"number": 2}})
    seven = Schedule("cron", "0 7 * * *")
    bench.deploy(given(schedules=(seven,)))
    assert [write.partition(" ")[0] for write in bench.writes] == ["PATCH", "DELETE"]
    (after,) = bench.held["schedules"]
    assert after["schedule"] == {"cron": "0 7 * * *", "timezone": "UTC", "day_or": True}
    assert (after["id"], after["active"], after["parameters"]) == (six["id"], False, {"number": 2})
    assert "is paused" in bench.change(given(schedules=(seven,))).notes[-1]
    bench.deploy(given())
    assert bench.held["schedules"] == [after]


@pytest.mark.parametrize("there", [True, False])
def test_a_schedule_that_only_prefect_refuses_leaves_the_image_recorded(
    bench: Bench, record: Record, there: bool
) -> None:
    """In a deployment that is there, and in a new one."""
    if there:
        bench.deploy(record)
    rule = Schedule("rrule", "FREQ=WEEKLY;BYDAY=XX")
    later = dataclasses.replace(record, image="app:two", schedules=(rule,))
    with pytest.raises(UsageError, match="cannot set the schedules of") as caught:
        bench.deploy(later)
    assert "Invalid RRule string" in "".join(caught.value.causes)
    assert caught.value.unchanged == f"the deployment {bench.target} runs app:two"
    assert bench.held["job_variables"]["image"] == "app:two"
    assert bench.held["schedules"] == []


@pytest.mark.parametrize(
    ("kind", "good", "bad"), [("cron", GOOD_CRON, BAD_CRON), ("rrule", GOOD_RULES, BAD_RULES)]
)
def test_prefect_takes_what_we_take_and_refuses_what_we_refuse(
    bench: Bench, given: Callable[..., Record], kind: Any, good: list[str], bad: dict[str, str]
) -> None:
    """Of the forms that the unit tests go through."""
    assert given().version
    path = f"{bench.path}/schedules"
    for text in good:
        bench.api.request("POST", path, [{"schedule": {kind: text}}])
    for text in bad:
        with pytest.raises(UsageError):
            check([Schedule(kind, text)])
        # Some of these rules it does not refuse, but breaks down on.
        with pytest.raises((SetupError, HTTPError), match=r"422|500|Connection"):
            bench.api.request("POST", path, [{"schedule": {kind: text}}])


def test_tags_parameters_and_a_description_go_into_what_is_there(
    bench: Bench, given: Callable[..., Record]
) -> None:
    """In one PATCH, and none the second time."""
    there = {"tags": ["z", "a"], "parameters": {"number": 2}, "description": "theirs"}
    bench.api.request("PATCH", bench.path, there)
    wish = given(tags=("b", "a"), parameters={"name": "me"}, description="ours")
    bench.deploy(wish)
    assert len(bench.writes) == 1
    held = bench.held
    assert held["tags"] == ["z", "a", "b"]
    assert held["parameters"] == {"number": 2, "name": "me"}
    assert held["description"] == "ours"
    bench.deploy(wish)
    assert bench.writes == []
    bench.api.request("PATCH", bench.path, {"tags": ["mine"]})
    bench.deploy(given(image="app:two"))
    assert (bench.held["tags"], bench.held["description"]) == (["mine"], "ours")


def test_a_value_that_the_flow_does_not_take_is_refused_before_it_is_written(
    bench: Bench, given: Callable[..., Record]
) -> None:
    """By its name and by its type."""
    for wrong in ({"nam": "x"}, {"number": "one"}):
        with pytest.raises(UsageError):
            bench.change(given(parameters=wrong))
    bench.deploy(given(parameters={"number": 2}, version="2" * 12))
    assert bench.held["parameters"] == {"number": 2}


def test_a_queue_is_taken_and_one_that_is_new_is_told_of(
    bench: Bench, given: Callable[..., Record]
) -> None:
    """Prefect makes it; a deploy without a queue leaves the deployment where it is."""
    name = f"queue-{uuid.uuid4().hex[:8]}"
    events = bench.deploy(given(queue=name))
    assert [type(event) for event in events] == [Note]
    assert f"made the work queue '{name}'" in str(events[0])
    assert bench.held["work_queue_name"] == name
    assert bench.deploy(given(queue=name)) == []
    assert bench.writes == []
    bench.deploy(given(image="app:two"))
    assert bench.held["work_queue_name"] == name
    assert bench.deploy(given(queue="default")) == []
    assert bench.held["work_queue_name"] == "default"


def test_a_concurrency_limit_is_set_changed_and_left(
    bench: Bench, given: Callable[..., Record]
) -> None:
    """And one that others share is asked about."""
    for limit in (3, 4):
        bench.deploy(given(concurrency_limit=limit))
        assert bench.held["global_concurrency_limit"]["limit"] == limit
        assert bench.change(given(concurrency_limit=limit)).questions == ()
    for wish in (given(concurrency_limit=4), given()):
        bench.deploy(wish)
        assert bench.writes == []
    name = f"shared-{uuid.uuid4().hex[:8]}"
    shared = bench.api.request("POST", "/v2/concurrency_limits/", {"name": name, "limit": 9})
    bench.api.request("PATCH", bench.path, {"global_concurrency_limit_id": shared["id"]})
    assert f"{name!r} changes for all" in bench.change(given(concurrency_limit=4)).questions[0]


def test_a_version_that_was_given_replaces_any(bench: Bench, given: Callable[..., Record]) -> None:
    """And a derived one does not replace it."""
    bench.api.request("PATCH", bench.path, {"version": "theirs"})
    bench.deploy(given(version="1.2.3", version_given=True))
    assert bench.held["version"] == "1.2.3"
    bench.deploy(given(version="3" * 12))
    assert bench.held["version"] == "1.2.3"
    bench.deploy(given(version="1.2.3", version_given=True))
    assert bench.writes == []
