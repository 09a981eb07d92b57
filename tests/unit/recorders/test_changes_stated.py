"""How what a file states of a deployment comes into it, and what runs where it names no image."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from imagebuild.errors import UsageError
from imagebuild.record import Schedule
from imagebuild.recorders.changes import change_of
from imagebuild.state import Pool, Recorded
from tests.unit.recorders.values import DESCRIBED, DOCKER, STEP, TARGET, held, record

CLONE = {"prefect.deployments.steps.git_clone": {"repository": "https://example.com/r"}}
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}}
HELD: dict[str, Any] = {
    "tags": ("b", "a"),
    "parameters": {"name": "x"},
    "description": "old",
    "concurrency_options": {"collision_strategy": "ENQUEUE", "grace_period_seconds": None},
    "concurrency_limit": 2,
    "queue": "fast",
    "parameter_schema": SCHEMA,
}


@pytest.mark.parametrize(
    ("stated", "fields"),
    [
        ({}, {}),
        ({"tags": ["a", "b", "a"]}, {}),  # the same tags in another order
        ({"tags": ["a"]}, {"tags": ["a"]}),
        ({"parameters": {}}, {"parameters": {}}),
        ({"description": None}, {"description": None}),
        ({"paused": False, "enforce_parameter_schema": True}, {}),
        ({"paused": True}, {"paused": True}),
        ({"enforce_parameter_schema": False}, {"enforce_parameter_schema": False}),
        ({"concurrency_limit": 2}, {}),
        ({"concurrency_limit": None}, {"concurrency_limit": None}),
        ({"concurrency_options": {"collision_strategy": "ENQUEUE"}}, {}),
        ({"concurrency_options": None}, {"concurrency_options": None}),
        ({"work_queue_name": None}, {}),
        ({"work_queue_name": "slow"}, {"work_queue_name": "slow"}),
        ({"pull_steps": [STEP]}, {}),
        ({"pull_steps": []}, {"pull_steps": []}),
    ],
)
def test_what_is_stated_stands_and_the_rest_stays(
    stated: dict[str, Any], fields: dict[str, Any]
) -> None:
    """Only what differs is written."""
    assert change_of(TARGET, held(**HELD), record(stated=stated)).fields == fields


def test_what_is_given_comes_on_top_of_what_is_stated() -> None:
    """Options beat the file, and add to its lists."""
    stated = {
        "tags": ["a"],
        "parameters": {"name": "file"},
        "description": "file",
        "work_queue_name": "file",
        "concurrency_limit": 5,
        "schedules": [{"schedule": {"cron": "@daily"}}],
    }
    given = {
        "tags": ("c",),
        "parameters": {"name": "option"},
        "description": "option",
        "queue": "option",
        "concurrency_limit": 6,
        "schedules": (Schedule("cron", "@hourly"),),
    }
    fields = change_of(TARGET, held(**HELD), record(stated=stated, **given)).fields
    schedules = [(one.get("slug"), one["schedule"]["cron"]) for one in fields["schedules"]]
    assert schedules == [(None, "@daily"), ("imagebuild-1", "@hourly")]
    assert {key: value for key, value in fields.items() if key != "schedules"} == {
        "tags": ["a", "c"],
        "parameters": {"name": "option"},
        "description": "option",
        "work_queue_name": "option",
        "concurrency_limit": 6,
    }


def test_stated_pull_steps_replace_ours_and_those_of_others_with_a_question() -> None:
    """With the code in the image, a run needs none; a file may say otherwise."""
    change = change_of(TARGET, held(pull_steps=(CLONE,)), record(stated={"pull_steps": [STEP]}))
    assert change.fields == {"pull_steps": [STEP]}
    assert change.questions == (
        f"its pull steps ({next(iter(CLONE))}) give way to those of the file",
    )


@pytest.mark.parametrize(
    "stated",
    [
        {"parameters": {"naem": 1}},
        {"parameters": {"name": 1}},
        {"schedules": [{"schedule": {"cron": "@daily"}, "parameters": {"naem": 1}}]},
        {"tags": 5},
    ],
)
def test_what_cannot_stand_is_refused(stated: dict[str, Any]) -> None:
    """Before anything is built; but not what Prefect itself looks up, or does not check."""
    with pytest.raises(UsageError):
        change_of(TARGET, held(**HELD), record(stated=stated))
    block = {"$ref": {"block_document_id": "x"}}
    for good in (
        {"parameters": {"name": block}},
        {"parameters": {"name": 1}, "enforce_parameter_schema": False},
    ):
        change_of(TARGET, held(**HELD), record(stated=good))


RUN = {"type": "run-deployment"}
MADE = {"name": "a", "trigger": {"type": "event"}, "actions": [RUN]}


def test_triggers_are_compared_only_where_they_are_known() -> None:
    """Prefect's code has to translate them first; a server without automations gets a warning."""
    wish = record(triggers=({},), automations=(MADE,))
    assert change_of(TARGET, held(triggers=()), wish).fields == {"triggers": [MADE]}
    assert not change_of(TARGET, held(triggers=({**MADE, "id": "x"},)), wish).needed
    assert not change_of(TARGET, held(triggers=()), record(triggers=({},))).needed
    none = change_of(TARGET, held(triggers=None), wish)
    assert not none.needed
    assert any("no automations" in warning for warning in none.warnings)
    new = change_of(TARGET, Recorded(DOCKER, None), dataclasses.replace(wish, described=DESCRIBED))
    assert new.fields["triggers"] == [MADE]


DEFAULT = Pool(
    "dock",
    "docker",
    {**DOCKER.variables, "image": {"type": "string", "default": "reg.example/d:1"}},
)


@pytest.mark.parametrize(
    ("pool", "variables", "runs", "said"),
    [
        (DOCKER, {"image": "own:1"}, "own:1", "runs its own: own:1"),
        (DEFAULT, {"image": "own:1"}, "own:1", "runs its own: own:1"),
        (DEFAULT, {}, "reg.example/d:1", "'dock' runs its default: reg.example/d:1"),
        (DOCKER, {}, None, "Prefect's own image"),
    ],
)
def test_without_an_image_it_is_said_which_one_runs(
    pool: Pool, variables: dict[str, Any], runs: str | None, said: str
) -> None:
    """Neither the image nor a pull policy is written."""
    change = change_of(
        TARGET, held(pool, job_variables=variables), record(image=None, pushed=False)
    )
    assert not change.needed
    assert change.runs == runs
    assert [note for note in change.notes if said in note]
    assert change.warnings == ()
