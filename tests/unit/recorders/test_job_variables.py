"""How job variables are merged and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.errors import UsageError
from imagebuild.recorders import job_variables
from tests.unit.recorders.values import DOCKER, ECS, KUBERNETES, local, record

if TYPE_CHECKING:
    from imagebuild.record import Record
    from imagebuild.state import Pool

IMAGE = record().image
LOCAL = "app:latest"
UNPINNED = "reg.example/app:latest"
POLICY = "image_pull_policy"


@pytest.mark.parametrize(
    ("now", "given", "expected"),
    [
        ({}, {}, {}),
        ({"mem_limit": "1g"}, {}, {"mem_limit": "1g"}),
        ({"image": "old:1"}, {}, {}),
        ({"mem_limit": "1g"}, {"mem_limit": "2g"}, {"mem_limit": "2g"}),
        ({"volumes": ["/a:/a"]}, {"volumes": ["/b:/b"]}, {"volumes": ["/b:/b"]}),
        ({"env": {"A": "1", "B": "2"}}, {"env": {"B": "3"}}, {"env": {"A": "1", "B": "3"}}),
        ({"env": {"A": "1"}}, {"env": {"A": None}}, {"env": {"A": None}}),
        ({"env": {"A": "1"}}, {"env.B": "2"}, {"env": {"A": "1", "B": "2"}}),
        ({}, {"env.B": "2", "env": {"A": "1"}}, {"env": {"A": "1", "B": "2"}}),
        ({"env": None}, {"env": {"A": "1"}}, {"env": {"A": "1"}}),
        ({"env": {"A": "1"}}, {"env": None}, {"env": None}),
    ],
)
def test_a_named_variable_replaces_and_env_is_merged(
    now: dict[str, Any], given: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Everything else stays; the image is always ours."""
    merged, notes = job_variables.merge(now, record(job_variables=given), DOCKER)
    assert merged == {**expected, "image": IMAGE}
    assert notes == ()


@pytest.mark.parametrize(
    ("pool", "now", "what", "expected"),
    [
        (DOCKER, {}, local(), "IfNotPresent"),
        (DOCKER, {POLICY: None}, local(), "IfNotPresent"),
        (DOCKER, {POLICY: "Never"}, local(), "Never"),
        (DOCKER, {}, local(job_variables={POLICY: "Always"}), "Always"),
        (KUBERNETES, {}, local(), None),
        (ECS, {}, local(), None),
        (DOCKER, {}, record(), None),
        (DOCKER, {POLICY: "IfNotPresent"}, record(), "IfNotPresent"),
        (DOCKER, {POLICY: "IfNotPresent"}, record(image=UNPINNED), None),
        (DOCKER, {POLICY: "Always"}, record(image=UNPINNED), "Always"),
        (
            DOCKER,
            {POLICY: "IfNotPresent"},
            record(image=UNPINNED, job_variables={POLICY: "IfNotPresent"}),
            "IfNotPresent",
        ),
    ],
)
def test_a_local_image_is_not_pulled_and_a_pushed_name_is_again(
    pool: Pool, now: dict[str, Any], what: Record, expected: str | None
) -> None:
    """Where nobody set a policy; the template's default counts as set."""
    merged, _ = job_variables.merge(now, what, pool)
    assert merged.get(POLICY) == expected


@pytest.mark.parametrize(
    ("now", "what", "said"),
    [
        ({}, local(), "is now IfNotPresent"),
        ({POLICY: "IfNotPresent"}, record(image=UNPINNED), "is taken back"),
    ],
)
def test_a_policy_that_we_touch_is_said(now: dict[str, Any], what: Record, said: str) -> None:
    """In both directions."""
    assert said in "".join(job_variables.merge(now, what, DOCKER)[1])


def test_merging_leaves_what_it_was_given_as_it_was() -> None:
    """It is pure."""
    now = {"env": {"A": "1"}, POLICY: "IfNotPresent"}
    job_variables.merge(now, record(image=UNPINNED, job_variables={"env": {"B": "2"}}), DOCKER)
    assert now == {"env": {"A": "1"}, POLICY: "IfNotPresent"}


def test_an_unknown_variable_is_named_with_the_likely_one() -> None:
    """Prefect's server takes it, and no worker reads it."""
    assert job_variables.unknown(record(job_variables={"mem_limits": "1g"}), DOCKER) == [
        "the work pool 'dock' knows no job variable 'mem_limits'; did you mean 'mem_limit'?"
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"mem_limit": 5},
        {"env": {"A": 1}},
        {"env": "A=1"},
        {"env.A": True},
        {"volumes": "/a:/a"},
        {"volumes": [1]},
        {"privileged": "yes"},
        {"container_wait_timeout": True},
        {"container_wait_timeout": 1.5},
        {"image_pull_policy": "Sometimes"},
        {"ports": "80"},
    ],
)
def test_a_value_that_the_template_does_not_allow_is_refused(given: dict[str, Any]) -> None:
    """Before the build: Prefect's server would take it on a change, and the run would fail."""
    with pytest.raises(UsageError, match="cannot be") as caught:
        job_variables.check(record(job_variables=given), DOCKER)
    assert "the work pool 'dock' wants" in caught.value.causes[0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"env": {"TOKEN": "canary", "A": 1}}, "'env.A' cannot be an integer"),
        ({"env": {"PIN": 1234567}}, "'env.PIN' cannot be an integer"),
        ({"env": ["TOKEN=canary"]}, "'env' cannot be an array"),
        ({"volumes": ["/canary:/a", True]}, "'volumes[1]' cannot be true"),
        ({"mem_limit": 5}, "'mem_limit' cannot be 5"),
    ],
)
def test_what_is_refused_is_named_and_nothing_beside_it(given: dict[str, Any], said: str) -> None:
    """Beside a number without quotes there may be a block's secret."""
    with pytest.raises(UsageError) as caught:
        job_variables.check(record(job_variables=given), DOCKER)

    assert caught.value.message == f"the job variable {said}"
    assert "canary" not in str(caught.value)
    assert (caught.value.hint == "write it in quotes") is ("array" not in said)


@pytest.mark.parametrize(
    "given",
    [
        {"mem_limit": None},
        {"env": {"A": None, "B": "x"}},
        {"volumes": []},
        {"privileged": True},
        {"container_wait_timeout": 5},
        {"ports": 80},
        {"ports": [80]},
        {"unheard_of": {"a": [1]}},
    ],
)
def test_a_value_that_the_template_allows_passes(given: dict[str, Any]) -> None:
    """A null is a choice too, and an unknown name is only noted."""
    job_variables.check(record(job_variables=given), DOCKER)


@pytest.mark.parametrize(
    "what",
    [
        record(job_variables={"env": {"A": "{{ prefect.blocks.secret.x }}"}}),
        record(job_variables={"{{ a }}": "b"}),
        record(job_variables={"volumes": [["{{a"]]}),
        record(directory="/opt/prefect/{{ a }}"),
    ],
)
def test_no_value_may_become_a_template(what: Record) -> None:
    """A worker would fill in whatever stands there, secrets too."""
    with pytest.raises(UsageError, match="takes for a template"):
        job_variables.check(what, DOCKER)


def test_the_image_is_not_a_job_variable_of_the_user() -> None:
    """Two answers to one question."""
    with pytest.raises(UsageError) as caught:
        job_variables.check(record(job_variables={"image": "other:1"}), DOCKER)
    assert caught.value.hint == "name the image with --image"
