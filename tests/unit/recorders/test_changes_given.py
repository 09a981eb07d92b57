"""How what the user gave besides the image comes into a deployment."""

from __future__ import annotations

from typing import Any

import pytest

from imagebuild.errors import UsageError
from imagebuild.record import Described, Schedule
from imagebuild.recorders.changes import as_known, change_of, knows, with_description
from imagebuild.state import Recorded
from tests.unit.recorders.values import (
    DESCRIBED,
    DOCKER,
    ECS,
    TARGET,
    deployment,
    held,
    record,
)

OTHER_STEP = {"prefect.deployments.steps.git_clone": {"repository": "https://example.com/r"}}
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}, "size": {"type": "integer"}}}
LATER: dict[str, Any] = {"parameter_schema": SCHEMA, "version": "0" * 12}
DAILY = {"id": "a", "active": True, "slug": "imagebuild-1", "schedule": {"cron": "@daily"}}
WISHES: dict[str, Any] = {
    "queue": "fast",
    "description": "ours",
    "parameters": {"name": "you"},
    "tags": ("b", "a"),
    "schedules": (Schedule("cron", "@daily"),),
    "concurrency_limit": 3,
    "version": "1.2.3",
    "version_given": True,
}
WISHES_NEW = {**WISHES, "parameters": {}}
EXPECTED_NEW = {
    "work_queue_name": "fast",
    "description": "ours",
    "tags": ["b", "a"],
    "schedules": [
        {
            "slug": "imagebuild-1",
            "active": True,
            "schedule": {"cron": "@daily", "timezone": "UTC"},
        }
    ],
    "concurrency_limit": 3,
    "version": "1.2.3",
}


@pytest.mark.parametrize(
    ("now", "given", "expected"),
    [
        ({}, {"queue": "fast"}, {"work_queue_name": "fast"}),
        ({"description": "theirs"}, {"description": "ours"}, {"description": "ours"}),
        (
            {"parameters": {"name": "me", "size": 1}, "parameter_schema": SCHEMA},
            {"parameters": {"name": "you"}},
            {"parameters": {"name": "you", "size": 1}},
        ),
        (
            {"parameters": {"size": 1.0}, "parameter_schema": SCHEMA},
            {"parameters": {"size": 1}},
            {"parameters": {"size": 1}},
        ),
        ({"tags": ("z", "a")}, {"tags": ("b", "a", "b")}, {"tags": ["z", "a", "b"]}),
        ({"concurrency_limit": 2}, {"concurrency_limit": 3}, {"concurrency_limit": 3}),
        ({}, {"version": "1.2.3", "version_given": True}, {"version": "1.2.3"}),
        (
            {"version": "v9"},
            {"version": "1.2.3", "version_given": True},
            {"version": "1.2.3"},
        ),
    ],
)
def test_what_was_given_is_merged_into_what_is_there(
    now: dict[str, Any], given: dict[str, Any], expected: dict[str, Any]
) -> None:
    """One wish, one field."""
    assert change_of(TARGET, held(**now), record(**given)).fields == expected


def test_what_was_given_and_stands_there_already_is_not_written() -> None:
    """Nor is what was not given."""
    there: dict[str, Any] = {
        "queue": "fast",
        "description": "ours",
        "parameters": {"size": 1, "name": "you"},
        "tags": ("a", "c", "b"),
        "schedules": (DAILY,),
        "concurrency_limit": 3,
        "version": "1.2.3",
    }
    assert not change_of(TARGET, held(**there), record(**WISHES)).needed
    assert not change_of(TARGET, held(**there), record()).needed


def test_a_new_deployment_gets_all_that_was_given() -> None:
    """Its description wins over the flow's own."""
    change = change_of(TARGET, Recorded(DOCKER, None), record(described=DESCRIBED, **WISHES_NEW))
    assert {name: change.fields[name] for name in EXPECTED_NEW} == EXPECTED_NEW


def test_the_queue_is_written_with_another_pool_though_its_name_is_the_same() -> None:
    """It is another queue."""
    there = Recorded(ECS, deployment(queue="fast"))
    fields = change_of(TARGET, there, record(queue="fast")).fields
    assert fields == {"work_pool_name": "ecs", "work_queue_name": "fast"}


@pytest.mark.parametrize(
    ("queue", "given", "said"),
    [
        ("fast", {}, "and from the work queue 'fast' to the default one"),
        ("default", {}, "from the work pool 'dock' to 'ecs'"),
        ("fast", {"queue": "slow"}, "from the work pool 'dock' to 'ecs'"),
    ],
)
def test_a_move_says_which_queue_is_left(queue: str, given: dict[str, Any], said: str) -> None:
    """Where it is left unasked."""
    (note,) = change_of(TARGET, Recorded(ECS, deployment(queue=queue)), record(**given)).notes
    assert note.endswith(said)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_concurrency_limit_counts_runs(limit: int) -> None:
    """At least one."""
    with pytest.raises(UsageError, match=f"concurrency limit cannot be {limit}"):
        change_of(TARGET, held(), record(concurrency_limit=limit))


def test_a_limit_that_others_share_is_asked_about() -> None:
    """Prefect would set it for all of them. A deployment's own bears its ID."""
    wish = record(concurrency_limit=3)
    shared = held(concurrency_limit=2, concurrency_limit_name="db")
    assert "'db' changes for all" in change_of(TARGET, shared, wish).questions[0]
    own = held(concurrency_limit=2, concurrency_limit_name=f"deployment:{deployment().id}")
    assert change_of(TARGET, own, wish).questions == ()
    assert change_of(TARGET, shared, record(concurrency_limit=2)).questions == ()


def test_a_wanted_schedule_that_is_paused_is_noted() -> None:
    """And stays so, which is no difference."""
    change = change_of(TARGET, held(schedules=({**DAILY, "active": False},)), record(**WISHES))
    assert "schedules" not in change.fields
    assert "'@daily' is paused" in change.notes[-1]


def test_a_schedule_that_is_none_is_refused() -> None:
    """Before anything is built."""
    with pytest.raises(UsageError, match="no cron expression"):
        change_of(TARGET, held(), record(schedules=(Schedule("cron", "daily"),)))


@pytest.mark.parametrize(
    ("now", "given"),
    [
        ({"parameter_schema": SCHEMA}, {}),
        (LATER, {"described": Described(SCHEMA)}),
        (LATER, {"version": None}),
        (LATER, {"entrypoint": None}),
    ],
)
def test_parameters_are_checked_where_the_schema_is_known(
    now: dict[str, Any], given: dict[str, Any]
) -> None:
    """Of this version, just read, or to stay as it is."""
    with pytest.raises(UsageError, match="no parameter 'naem'"):
        change_of(TARGET, held(**now), record(parameters={"naem": "x"}, **given))


def test_parameters_of_another_version_are_checked_when_it_was_read() -> None:
    """The flow may know them by now."""
    wish = record(parameters={"naem": "x"})
    assert change_of(TARGET, held(**LATER), wish).fields["parameters"] == {"naem": "x"}
    with pytest.raises(UsageError, match="no parameter 'naem'"):
        with_description(wish, Described(SCHEMA))
    fine = record(parameters={"name": "x"})
    assert with_description(fine, Described(SCHEMA)).described == Described(SCHEMA)


def test_values_that_outlived_their_parameter_are_warned_of() -> None:
    """As soon as the flow was read."""
    there = held(parameters={"old": 1}, parameter_schema=SCHEMA)
    change = change_of(TARGET, there, record(described=Described(SCHEMA)))
    assert "sets 'old'" in change.warnings[0]
    assert not change.needed


def test_a_version_that_the_user_gave_does_not_tell_what_is_known() -> None:
    """Two builds may bear it, with other parameters each."""
    assert knows(deployment(), record())
    assert not knows(deployment(version="1.2.3"), record(version="1.2.3", version_given=True))
    assert not knows(deployment(version=None), record(version=None))
    assert not knows(None, record())
    assert knows(deployment(version="other"), record(entrypoint=None))


def test_the_parameters_are_known_of_code_that_tells_the_same() -> None:
    """Where the deployment's version is that of such code, and its entrypoint the same."""
    wish = record(version="1.2.3", version_given=True, alike=("0" * 12, "1" * 12))
    assert knows(deployment(version="1" * 12), wish)
    assert not knows(deployment(version="2" * 12), wish)
    assert not knows(deployment(version="1.2.3"), wish)
    assert not knows(deployment(version="1" * 12, entrypoint="other.py:hello"), wish)


def test_what_is_known_is_written_again_if_somebody_changes_it_meanwhile() -> None:
    """The new version stands for the parameters that were seen, not for what is there by then."""
    there = deployment(version="1" * 12, parameter_schema=SCHEMA)
    known = as_known(there, record(alike=("1" * 12,)))
    assert change_of(TARGET, held(version="1" * 12, parameter_schema=SCHEMA), known).fields == {
        "version": known.version
    }
    meanwhile = change_of(TARGET, held(version="2" * 12, parameter_schema={}), known)
    assert meanwhile.fields["parameter_openapi_schema"] == SCHEMA
    assert as_known(deployment(), record()) == record()
    with pytest.raises(UsageError, match="takes no parameter"):
        as_known(there, record(alike=("1" * 12,), parameters={"gone": 1}))


def test_a_record_without_an_entrypoint_leaves_the_code_as_it_is() -> None:
    """Only the image is another, and what was given."""
    alone = record(entrypoint=None, directory=None, version=None, tags=("t",))
    there = held(
        job_variables={}, entrypoint="other.py:f", pull_steps=(OTHER_STEP,), version="0" * 12
    )
    change = change_of(TARGET, there, alone)
    assert change.fields == {"job_variables": {"image": record().image}, "tags": ["t"]}
    assert change.questions == ()
    given = record(entrypoint=None, directory=None, version="1.2.3", version_given=True)
    assert change_of(TARGET, held(), given).fields == {"version": "1.2.3"}


def test_a_record_without_an_entrypoint_makes_no_deployment() -> None:
    """There is nothing to run."""
    with pytest.raises(UsageError, match="no deployment hello/prod") as caught:
        change_of(TARGET, Recorded(DOCKER, None), record(entrypoint=None))
    assert "entrypoint" in str(caught.value.hint)


def test_an_unknown_directory_leaves_the_pull_steps() -> None:
    """A Dockerfile of the user's own may say none."""
    assert not change_of(TARGET, held(pull_steps=(OTHER_STEP,)), record(directory=None)).needed
