"""What Prefect's API says of schedules and queues, and of what was set on a deployment."""

from __future__ import annotations

from typing import Any

import pytest

from imagebuild.errors import ImagebuildError
from imagebuild.recorders.prefect_http import WRITING
from tests.unit.recorders.loopback import Said, api_at, serving

ID = "11111111-1111-4111-8111-111111111111"


def of_a_union(kind: str, field: str, message: str) -> list[dict[str, Any]]:
    """What pydantic says of a value that is no member of a union, one of them nearly."""
    others = [name for name in ("IntervalSchedule", "RRuleSchedule") if name != kind]
    noise = [
        {"type": what, "loc": ["body", 0, "schedule", name, "cron"], "msg": what}
        for name in others
        for what in ("missing", "extra_forbidden")
    ]
    zones = {"loc": ["body", 0, "schedule", others[-1], "timezone"], "msg": "a list of all zones"}
    said = {"type": "value_error", "loc": ["body", 0, "schedule", kind, field], "msg": message}
    return [*noise, {"type": "string_pattern_mismatch", **zones}, said]


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        (
            of_a_union("CronSchedule", "cron", 'Invalid cron string: "x"'),
            'Invalid cron string: "x"',
        ),
        (of_a_union("CronSchedule", "cron", "")[:-1], "timezone: a list of all zones"),
        (of_a_union("CronSchedule", "cron", "")[:-2], "cron: extra_forbidden"),
    ],
)
def test_a_refused_schedule_is_explained_without_what_other_kinds_would_want(
    detail: list[dict[str, Any]], said: str
) -> None:
    """Prefect's server tries all three kinds, and tells of each why it is not that."""
    answer = Said(422, {"exception_message": "Invalid", "exception_detail": detail})
    with (
        serving(answer) as server,
        api_at(server.url) as api,
        pytest.raises(ImagebuildError, match="cannot add the schedules") as caught,
    ):
        api.add_schedules(ID, [{"slug": "imagebuild-1", "schedule": {"cron": "x"}}], WRITING)
    assert caught.value.causes[0].count("a list of all zones") == said.count("a list of all zones")
    assert said in caught.value.causes[0]


def test_a_server_older_than_slugs_gets_schedules_without_one() -> None:
    """It refuses a field that it does not know."""
    unknown = {"type": "extra_forbidden", "loc": ["body", 0, "slug"], "msg": "not permitted"}
    refused = Said(422, {"exception_message": "Invalid", "exception_detail": [unknown]})
    schedule = {"active": True, "schedule": {"cron": "@daily"}}
    with serving(refused, Said(201, [])) as server, api_at(server.url) as api:
        assert not api.add_schedules(ID, [{"slug": "imagebuild-1", **schedule}], WRITING)
    assert [asked.body for asked in server.asked] == [
        [{"slug": "imagebuild-1", **schedule}],
        [schedule],
    ]


def test_what_an_earlier_try_did_is_not_an_error() -> None:
    """A slug that is taken, a schedule that is gone: what stands there is read afterwards."""
    taken = Said(409, {"detail": "Data integrity conflict."})
    gone = Said(404, {"detail": "Schedule not found."})
    schedule = {"id": ID, "schedule": {"cron": "@daily"}}
    with serving(taken, gone) as server, api_at(server.url) as api:
        assert api.add_schedules(ID, [{"slug": "imagebuild-1"}], WRITING)
        api.change_schedule(ID, schedule, WRITING)
        api.delete_schedule(ID, ID, WRITING)
    assert [asked.method for asked in server.asked] == ["POST", "PATCH", "DELETE"]


def test_a_changed_schedule_sends_what_is_named_and_not_its_id() -> None:
    """Prefect keeps what is not sent, but for the parameters."""
    schedule = {"id": ID, "schedule": {"cron": "@daily"}}
    with serving(Said(204)) as server, api_at(server.url) as api:
        api.change_schedule(ID, {**schedule, "parameters": {"a": 1}}, WRITING)
        api.change_schedule(ID, schedule, WRITING)
    assert [asked.body for asked in server.asked] == [
        {"schedule": {"cron": "@daily"}, "parameters": {"a": 1}},
        {"schedule": {"cron": "@daily"}},
    ]
    assert server.asked[0].path == f"/api/deployments/{ID}/schedules/{ID}"


def test_a_pools_queues_are_listed() -> None:
    """By their names."""
    with (
        serving(Said(200, [{"name": "default"}, {"name": "fast"}])) as server,
        api_at(server.url) as api,
    ):
        assert api.queues("a pool", WRITING) == ["default", "fast"]
    assert server.asked[0].path == "/api/work_pools/a%20pool/queues/filter"


def test_what_was_set_on_a_deployment_is_read() -> None:
    """A schedule with what the server knows of one, and the limit under either of its names."""
    old = {"id": ID, "active": True, "schedule": {"cron": "@daily"}}
    new = {**old, "slug": None, "parameters": {}}
    held = {"id": ID, "work_queue_name": "fast", "parameters": {"a": 1}, "tags": ["t"]}
    answers = [
        Said(200, {**held, "schedules": [{**new, "created": "x"}, old]}),
        Said(200, {**held, "global_concurrency_limit": {"name": "db", "limit": 3}}),
        Said(200, {**held, "concurrency_limit": 2}),
    ]
    with serving(*answers) as server, api_at(server.url) as api:
        first, second, third = (api.deployment("hello", "prod") for _ in range(3))
    assert first is not None
    assert second is not None
    assert third is not None
    assert first.schedules == (new, old)
    assert (first.queue, first.parameters, first.tags) == ("fast", {"a": 1}, ("t",))
    assert (second.concurrency_limit, second.concurrency_limit_name) == (3, "db")
    assert (third.concurrency_limit, third.concurrency_limit_name) == (2, None)
