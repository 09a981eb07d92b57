"""What a deployment states, as Prefect's API has it."""

from __future__ import annotations

from typing import Any

import pytest

from imagebuild.prefect.stating import Misfit, on_top, request_of
from imagebuild.record import Schedule
from imagebuild.request import DeploymentRequest

CRON = {"cron": "0 6 * * *"}


@pytest.mark.parametrize(
    ("fields", "stated"),
    [
        ({}, {}),
        ({"tags": None, "description": "", "version": None, "parameters": None}, {}),
        ({"tags": ["a"], "description": "d", "version": "1"}, None),
        ({"tags": []}, None),
        ({"parameters": {}}, None),
        ({"parameters": {"a": {"b": [1]}}}, None),
        ({"paused": True, "enforce_parameter_schema": False}, None),
        ({"paused": "yes"}, {"paused": True}),
        ({"paused": "0"}, {"paused": False}),
        ({"concurrency_limit": 3}, {"concurrency_limit": 3, "concurrency_options": None}),
        ({"concurrency_limit": "3"}, {"concurrency_limit": 3, "concurrency_options": None}),
        (
            {"concurrency_limit": {"limit": 1, "collision_strategy": "CANCEL_NEW"}},
            {"concurrency_limit": 1, "concurrency_options": {"collision_strategy": "CANCEL_NEW"}},
        ),
        (
            {"concurrency_limit": {"limit": 1, "grace_period_seconds": 60}},
            {
                "concurrency_limit": 1,
                "concurrency_options": {
                    "collision_strategy": "ENQUEUE",
                    "grace_period_seconds": 60,
                },
            },
        ),
        ({"work_pool": {"work_queue_name": "q"}}, {"work_queue_name": "q"}),
        ({"schedules": []}, {"schedules": []}),
        ({"schedule": CRON}, {"schedules": [{"schedule": CRON}]}),
        (
            {"schedules": [{**CRON, "timezone": "Europe/Berlin", "day_or": "false", "slug": "s"}]},
            {
                "schedules": [
                    {
                        "schedule": {**CRON, "timezone": "Europe/Berlin", "day_or": False},
                        "slug": "s",
                    }
                ]
            },
        ),
        (
            {"schedules": [{**CRON, "active": False, "parameters": {"a": 1}, "replaces": "old"}]},
            {
                "schedules": [
                    {
                        "schedule": CRON,
                        "active": False,
                        "parameters": {"a": 1},
                        "replaces": "old",
                    }
                ]
            },
        ),
        ({"schedules": [{"interval": 60}]}, {"schedules": [{"schedule": {"interval": 60.0}}]}),
        (
            {"schedules": [{"interval": "PT15M"}]},
            {"schedules": [{"schedule": {"interval": 900.0}}]},
        ),
        (
            {"schedules": [{"interval": "01:30:00"}]},
            {"schedules": [{"schedule": {"interval": 5400.0}}]},
        ),
        (
            {"schedules": [{"rrule": '{"rrule": "FREQ=DAILY", "timezone": "UTC"}'}]},
            {"schedules": [{"schedule": {"rrule": "FREQ=DAILY", "timezone": "UTC"}}]},
        ),
    ],
    ids=str,
)
def test_what_is_stated_is_in_the_form_of_the_api(
    fields: dict[str, Any], stated: dict[str, Any] | None
) -> None:
    """And what is not stated is not there."""
    assert request_of(fields).stated == (fields if stated is None else stated)


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"paused": "maybe"}, ("paused",)),
        ({"concurrency_limit": "many"}, ("concurrency_limit",)),
        ({"concurrency_limit": {"limit": "x"}}, ("concurrency_limit", "limit")),
        ({"schedules": [CRON, {"interval": "soon"}]}, ("schedules", 1, "interval")),
        ({"schedules": [{"interval": 0}]}, ("schedules", 0, "interval")),
        ({"schedules": [{**CRON, "active": "maybe"}]}, ("schedules", 0, "active")),
        ({"tags": "one"}, ("tags",)),
        ({"tags": ["a", 1]}, ("tags", 1)),
        ({"version": 5}, ("version",)),
        ({"work_pool": "docker"}, ("work_pool",)),
    ],
    ids=str,
)
def test_what_was_filled_in_must_fit(fields: dict[str, Any], at: tuple[str | int, ...]) -> None:
    """It says where it does not."""
    with pytest.raises(Misfit) as caught:
        request_of(fields)
    assert caught.value.at == at


def test_the_image_is_not_among_the_job_variables() -> None:
    """It is recorded by whoever knows what it came to."""
    made = request_of(
        {
            "name": "a",
            "work_pool": {"name": "p", "job_variables": {"image": "x", "env": {"A": 1}}},
            "triggers": [{"name": "t"}],
        }
    )

    assert made == DeploymentRequest(
        name="a", pool="p", job_variables={"env": {"A": 1}}, triggers=({"name": "t"},)
    )


def test_what_is_typed_loses_nothing_of_the_file() -> None:
    """Prefect's `--job-variable` takes all others away."""
    filed = request_of(
        {
            "name": "a",
            "tags": ["filed"],
            "work_pool": {"name": "p", "job_variables": {"env": {"A": "1"}, "mem": 1}},
        }
    )
    typed = DeploymentRequest(
        pool="q",
        tags=("typed",),
        job_variables={"env": {"B": "2"}},
        schedules=(Schedule("cron", "0 * * * *"),),
    )

    made = on_top(typed, filed)

    assert (made.name, made.pool) == ("a", "q")
    assert made.job_variables == {"env": {"A": "1", "B": "2"}, "mem": 1}
    assert (made.tags, made.stated["tags"]) == (("typed",), ["filed"])
    assert made.schedules == typed.schedules
