"""A work pool's default image: what is written for it, and what stays."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.errors import Denied, ImagebuildError, Unreachable, UsageError
from imagebuild.recorders.default_images import applied, change
from imagebuild.recorders.prefect_pools import PrefectPools
from imagebuild.state import DefaultImage
from tests.unit.recorders.loopback import Said, api_at, serving
from tests.unit.recorders.values import DOCKER, ECS, KUBERNETES
from tests.unit.values import name

if TYPE_CHECKING:
    from imagebuild.state import Pool

V1, LOCAL = "reg.example/base:v1", "base:latest"


def having(pool: Pool, **defaults: str) -> Pool:
    """The pool with other defaults."""
    made = {key: {**pool.variables[key], "default": value} for key, value in defaults.items()}
    return dataclasses.replace(pool, variables={**pool.variables, **made})


NOW_LOCAL = having(DOCKER, image=LOCAL, image_pull_policy="IfNotPresent")


@pytest.mark.parametrize(
    ("pool", "image", "expected"),
    [
        (DOCKER, V1, (V1, None, None, None)),
        (having(DOCKER, image="old:v1"), V1, (V1, "old:v1", None, None)),
        (having(DOCKER, image=V1), V1, (V1, V1, None, None)),
        # What only the engine has is used as it is there ...
        (DOCKER, LOCAL, (LOCAL, None, "IfNotPresent", None)),
        (having(DOCKER, image_pull_policy="Always"), LOCAL, (LOCAL, None, "Always", "Always")),
        (ECS, LOCAL, (LOCAL, None, None, None)),
        # ... and with it goes what came with it, but no policy of somebody else's.
        (NOW_LOCAL, V1, (V1, LOCAL, None, "IfNotPresent")),
        (NOW_LOCAL, None, (None, LOCAL, None, "IfNotPresent")),
        (KUBERNETES, V1, (V1, None, "IfNotPresent", "IfNotPresent")),
        (
            having(DOCKER, image=V1, image_pull_policy="IfNotPresent"),
            "reg.example/base:v2",
            ("reg.example/base:v2", V1, "IfNotPresent", "IfNotPresent"),
        ),
        (having(KUBERNETES, image=LOCAL), V1, (V1, LOCAL, "IfNotPresent", "IfNotPresent")),
    ],
)
def test_the_image_and_its_policy(
    pool: Pool, image: str | None, expected: tuple[str | None, ...]
) -> None:
    """As they are to be, and as they were."""
    made = change(pool, image and name(image), pushed=image != LOCAL)  # type: ignore[arg-type]

    assert (made.image, made.before, made.policy, made.policy_before) == expected
    assert made.changed is (expected[:1] + expected[2:3] != expected[1:2] + expected[3:])


def test_a_local_image_for_a_pool_elsewhere_is_warned_of() -> None:
    """As in a deployment."""
    assert "runs elsewhere" in change(ECS, name(LOCAL), pushed=False).warnings[0]
    assert change(ECS, name(V1), pushed=True).warnings == ()


def test_an_image_that_the_template_does_not_allow_is_refused() -> None:
    """Some pools let their users choose among a few."""
    few = dataclasses.replace(DOCKER, variables={"image": {"enum": ["a:1", "b:1"]}})

    with pytest.raises(UsageError) as refused:
        change(few, name(V1), pushed=True)
    assert "a:1, b:1" in refused.value.causes[0]


def test_nothing_else_of_a_template_is_touched() -> None:
    """Not even where a default is taken away that is not there."""
    to = DefaultImage("dock", None, None)

    assert applied(DOCKER.variables, to) == DOCKER.variables
    assert applied(NOW_LOCAL.variables, to) == DOCKER.variables


def test_no_default_is_written_as_it_was() -> None:
    """Pydantic says it with a null where one is allowed."""
    nullable = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
    pool = dataclasses.replace(DOCKER, variables={"image": nullable})
    to = change(pool, name(V1), pushed=True)
    made = dataclasses.replace(pool, variables=applied(pool.variables, to))

    assert made.variables["image"]["default"] == V1
    assert applied(made.variables, change(made, None, pushed=True)) == pool.variables


TEMPLATE: dict[str, Any] = {
    "job_configuration": {"image": "{{ image }}", "mine": [1, None, {"a": "b"}]},
    "variables": {
        "type": "object",
        "description": "theirs",
        "definitions": {"X": {}},
        "properties": {"image": {"type": "string", "title": "Image"}, "env": {"x-mine": 1}},
    },
    "more": True,
}


def answer(image: str | None = None, kind: str = "docker") -> Said:
    """A pool with this default image."""
    properties = dict(TEMPLATE["variables"]["properties"])
    if image:
        properties["image"] = {**properties["image"], "default": image}
    template = {**TEMPLATE, "variables": {**TEMPLATE["variables"], "properties": properties}}
    return Said(200, {"name": "dock", "type": kind, "base_job_template": template, "is_paused": 1})


WROTE = Said(204)


def test_the_template_is_sent_back_to_the_last_key_and_read_again() -> None:
    """With one default more."""
    script = (answer(), answer(), WROTE, answer(V1))
    with serving(*script) as server, api_at(server.url) as api:
        made = PrefectPools(api).set_image("dock", name(V1), pushed=True)

    [sent] = [asked.body for asked in server.asked if asked.method == "PATCH"]
    assert sent == {"base_job_template": answer(V1).value["base_job_template"]}
    assert (made.image, made.before, made.changed) == (V1, None, True)
    assert [asked.method for asked in server.asked] == ["GET", "GET", "PATCH", "GET"]


def test_what_stands_already_is_not_written() -> None:
    """Nobody else's write is undone for nothing."""
    with serving(answer(V1)) as server, api_at(server.url) as api:
        made = PrefectPools(api).set_image("dock", name(V1), pushed=True)

    assert not made.changed
    assert {asked.method for asked in server.asked} == {"GET"}


def test_what_somebody_writes_meanwhile_is_written_over_and_told_of_when_it_does_not_end() -> None:
    """It is asked for three times, and before is what was there at first."""
    once = (answer("old:v1"), answer("old:v1"), WROTE, answer("x:v1"), WROTE, answer(V1))
    with serving(*once) as server, api_at(server.url) as api:
        assert PrefectPools(api).set_image("dock", name(V1), pushed=True).before == "old:v1"

    always = (answer(), *(each for _ in range(3) for each in (answer("x:v1"), WROTE)), answer("x"))
    with (
        serving(*always) as server,
        api_at(server.url) as api,
        pytest.raises(ImagebuildError) as error,
    ):
        PrefectPools(api).set_image("dock", name(V1), pushed=True)
    assert "changed by somebody else" in error.value.causes[0]


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        ((Said(404, {"detail": "Worker pool not found"}), Said(200, [])), UsageError, "no work"),
        ((answer(kind="prefect:managed"), Said(200, [])), UsageError, "takes no image"),
        ((answer(), answer(), Said(403, {"detail": "reserved"})), Denied, "change the work pool"),
        ((answer(), Said(500)), Unreachable, "read the work pool"),
        ((answer(), answer(), Said(422, {"detail": "bad"})), ImagebuildError, "change the work"),
    ],
)
def test_what_prefect_refuses_is_told(
    script: tuple[Said, ...], error: type[ImagebuildError], words: str
) -> None:
    """By what it means."""
    with serving(*script) as server, api_at(server.url) as api, pytest.raises(error) as refused:
        PrefectPools(api).set_image("dock", name(V1), pushed=True)
    assert words in refused.value.message
