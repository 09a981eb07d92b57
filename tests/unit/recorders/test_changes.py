"""What has to be written into a deployment."""

from __future__ import annotations

from typing import Any

import pytest

from imagebuild.errors import UsageError
from imagebuild.record import Target
from imagebuild.recorders.changes import change_of, check_names
from imagebuild.state import Recorded
from tests.unit.recorders.values import (
    DESCRIBED,
    DOCKER,
    ECS,
    PARAMETERS,
    STEP,
    TARGET,
    deployment,
    held,
    local,
    record,
)

OTHER_STEP = {"prefect.deployments.steps.git_clone": {"repository": "https://example.com/r"}}
OLD_STEP = {"prefect.deployments.steps.set_working_directory": {"directory": "/opt/old"}}


def test_nothing_differs_so_nothing_is_needed() -> None:
    """Every PATCH would delete the runs that are scheduled."""
    change = change_of(TARGET, held(), record())
    assert (change.fields, change.needed, change.notes) == ({}, False, ())


@pytest.mark.parametrize(
    ("field", "now", "expected"),
    [
        ("job_variables", {"job_variables": {}}, {"image": record().image}),
        (
            "job_variables",
            {"job_variables": {"image": "old:1", "mem_limit": "1g"}},
            {"image": record().image, "mem_limit": "1g"},
        ),
        ("entrypoint", {"entrypoint": "old.py:hello"}, "flow.py:hello"),
        ("version", {"version": None}, "0123456789ab"),
        ("pull_steps", {"pull_steps": ()}, [STEP]),
        ("pull_steps", {"pull_steps": (OLD_STEP,)}, [STEP]),
        ("work_pool_name", {"pool": "kube"}, "dock"),
        ("work_pool_name", {"pool": None}, "dock"),
    ],
)
def test_only_the_field_that_differs_is_written(
    field: str, now: dict[str, Any], expected: object
) -> None:
    """One difference, one field."""
    change = change_of(TARGET, held(**now), record())
    assert change.fields == {field: expected}
    assert change.deployment_id == deployment().id


def test_steps_around_ours_are_kept() -> None:
    """Whoever added one beside exactly our step meant it."""
    change = change_of(TARGET, held(pull_steps=(OTHER_STEP, STEP)), record())
    assert not change.needed


def test_steps_that_give_way_are_said() -> None:
    """They fetched the code that is in the image now."""
    change = change_of(TARGET, held(pull_steps=(OTHER_STEP,)), record())
    assert change.fields == {"pull_steps": [STEP]}
    assert "git_clone) give way" in change.questions[0]


@pytest.mark.parametrize(
    ("steps", "asks"), [((OTHER_STEP,), True), ((OTHER_STEP, STEP), False), ((STEP,), False)]
)
def test_they_are_said_also_where_only_the_built_image_tells_the_place(
    steps: tuple[dict[str, Any], ...], asks: bool
) -> None:
    """With a Dockerfile of the user's own; a step to some place is taken for the one to come."""
    change = change_of(TARGET, held(pull_steps=steps), record(directory=None))
    assert change.fields == {}
    assert ["git_clone) give way" in question for question in change.questions] == [True] * asks


def test_a_place_can_be_given_alone() -> None:
    """The flow stays the one that it is."""
    change = change_of(TARGET, held(), record(entrypoint=None, directory="/srv/app"))
    [step] = change.fields["pull_steps"]
    assert step == {"prefect.deployments.steps.set_working_directory": {"directory": "/srv/app"}}


def test_a_move_to_another_pool_is_said() -> None:
    """The queue changes with it."""
    change = change_of(TARGET, held(), record())
    assert change.notes == ()
    moved = change_of(TARGET, Recorded(ECS, deployment()), record())
    assert moved.fields == {"work_pool_name": "ecs"}
    assert "moves from the work pool 'dock' to 'ecs'" in moved.notes[0]


def test_the_parameters_are_written_only_where_they_were_read_and_differ() -> None:
    """A record that says nothing of the flow leaves the form as it is."""
    other = {"type": "object", "properties": {"a": {}}}
    assert not change_of(TARGET, held(parameter_schema=other), record()).needed
    assert not change_of(TARGET, held(), record(described=DESCRIBED)).needed
    change = change_of(TARGET, held(parameter_schema=other), record(described=DESCRIBED))
    assert change.fields == {"parameter_openapi_schema": PARAMETERS}


@pytest.mark.parametrize("version", ["1.2.3", "v9", "2026-11"])
def test_a_version_that_somebody_gave_is_kept(version: str) -> None:
    """Only ours and Prefect's own, which are digests, give way."""
    assert not change_of(TARGET, held(version=version), record()).needed
    assert change_of(TARGET, held(version="0" * 32), record()).fields == {"version": "0123456789ab"}


def test_a_version_is_not_written_where_its_parameters_could_not_be_read() -> None:
    """The next deploy finds the old one, and tries again."""
    assert not change_of(TARGET, held(version="0" * 12), record(version=None)).needed


@pytest.mark.parametrize("name", ["", " ", "a/b", "50%", "a&b", "<a>"])
def test_a_name_that_prefect_refuses_is_refused_before_anything_is_done(name: str) -> None:
    """Flows' names and deployments' alike."""
    with pytest.raises(UsageError, match="cannot be the name of a deployment"):
        check_names(Target("flow", name))
    with pytest.raises(UsageError, match="cannot be the name of a flow"):
        check_names(Target(name, "deployment"))


def test_a_new_deployment_gets_every_field() -> None:
    """The description too, which a later deploy leaves to whoever edits it."""
    change = change_of(TARGET, Recorded(DOCKER, None), record(described=DESCRIBED))
    assert change.deployment_id is None
    assert change.needed
    assert change.fields == {
        "job_variables": {"image": record().image},
        "entrypoint": "flow.py:hello",
        "pull_steps": [STEP],
        "version": "0123456789ab",
        "work_pool_name": "dock",
        "parameter_openapi_schema": PARAMETERS,
        "description": "says hello",
    }


def test_a_local_image_in_a_pool_that_runs_elsewhere_is_warned_of() -> None:
    """Nobody else can pull it."""
    change = change_of(TARGET, Recorded(ECS, None), local())
    assert "app:latest is only on this machine" in change.warnings[0]
    assert change_of(TARGET, held(), local()).warnings == ()


def test_a_record_that_cannot_stand_is_refused() -> None:
    """So a change asked for before the build is the check of the job variables."""
    with pytest.raises(UsageError):
        change_of(TARGET, held(), record(job_variables={"mem_limit": 1}))
