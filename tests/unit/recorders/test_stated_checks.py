"""What a file cannot state of a deployment is refused, each with its reason."""

from __future__ import annotations

from typing import Any

import pytest

from imagebuild.errors import UsageError
from imagebuild.recorders.stated_checks import check

CRON = {"cron": "0 6 * * *"}
GOOD: list[dict[str, Any]] = [
    {},
    {"description": None, "work_queue_name": None, "version": None, "concurrency_limit": None},
    {"tags": ["a"], "parameters": {"x": None}, "paused": False, "concurrency_options": None},
    {"concurrency_options": {"collision_strategy": "ENQUEUE", "grace_period_seconds": 60}},
    {"pull_steps": [], "enforce_parameter_schema": True},
    {"schedules": [{"schedule": CRON, "active": None, "slug": "a", "replaces": "b"}]},
    {"schedules": [{"schedule": {"interval": value}} for value in (60, 0.5, "PT1H", "P1M", "90")]},
    {"schedules": [{"schedule": {"interval": 60, "anchor_date": "2025-01-01T00:00:00Z"}}]},
    {"schedules": [{"schedule": {"rrule": "FREQ=DAILY", "timezone": "UTC"}}]},
]
BAD: list[tuple[dict[str, Any], str]] = [
    ({"tag": ["a"]}, "no field 'tag'"),
    ({"tags": "a"}, "'tags' of the deployment cannot be \"a\""),
    ({"tags": [1]}, "'tags'"),
    ({"tags": [" "]}, "tag of the deployment cannot be empty"),
    ({"parameters": ["a"]}, "'parameters'"),
    ({"paused": "yes"}, "'paused'"),
    ({"paused": None}, "'paused'"),
    ({"concurrency_limit": 0}, "concurrency limit cannot be 0"),
    ({"concurrency_limit": True}, "'concurrency_limit'"),
    ({"concurrency_options": {}}, "no collision_strategy"),
    ({"concurrency_options": {"collision_strategy": "WAIT"}}, "'collision_strategy'"),
    ({"concurrency_options": {"collision_strategie": "ENQUEUE"}}, "no field 'collision_strategie'"),
    (
        {"concurrency_options": {"collision_strategy": "ENQUEUE", "grace_period_seconds": 59}},
        "grace_period_seconds cannot be 59",
    ),
    ({"pull_steps": [{}]}, "a pull step is one function"),
    ({"pull_steps": [{"a": {}, "b": {}}]}, "a pull step is one function"),
    ({"schedules": [CRON]}, "no field 'cron'"),
    ({"schedules": [{"schedule": {}}]}, "one of cron, interval, rrule"),
    ({"schedules": [{"schedule": {**CRON, "interval": 5}}]}, "one of cron, interval, rrule"),
    ({"schedules": [{"schedule": {**CRON, "dayor": True}}]}, "no field 'dayor'"),
    (
        {"schedules": [{"schedule": {**CRON, "anchor_date": "2025-01-01"}}]},
        "no field 'anchor_date'",
    ),
    ({"schedules": [{"schedule": {"cron": "0 25 * * *"}}]}, "no cron expression"),
    ({"schedules": [{"schedule": {**CRON, "timezone": "Europe/Berlni"}}]}, "no time zone"),
    ({"schedules": [{"schedule": {"interval": "soon"}}]}, "an interval cannot be"),
    ({"schedules": [{"schedule": {"interval": 0}}]}, "an interval cannot be 0"),
    ({"schedules": [{"schedule": {"interval": 9, "anchor_date": "May"}}]}, "an anchor_date cannot"),
    ({"schedules": [{"schedule": {"rrule": "every day"}}]}, "no recurrence rule"),
    ({"schedules": [{"schedule": CRON, "max_scheduled_runs": 0}]}, "max_scheduled_runs cannot be"),
    ({"schedules": [{"schedule": CRON, "slug": "a"}] * 2}, "two schedules say slug: a"),
    ({"schedules": [{"schedule": CRON, "replaces": "a"}]}, "has no slug itself"),
]


@pytest.mark.parametrize("stated", GOOD)
def test_what_prefect_takes_is_taken(stated: dict[str, Any]) -> None:
    """Nulls too, where Prefect has them."""
    check(stated)


@pytest.mark.parametrize(("stated", "said"), BAD)
def test_what_cannot_be_is_refused(stated: dict[str, Any], said: str) -> None:
    """And the message names it."""
    with pytest.raises(UsageError) as caught:
        check(stated)
    assert said in caught.value.message
