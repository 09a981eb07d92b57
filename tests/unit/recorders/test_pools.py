"""Which work pool a deployment runs in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagebuild.errors import UsageError
from imagebuild.record import Target
from imagebuild.recorders import pools
from tests.unit.recorders.values import (
    DOCKER,
    ECS,
    KUBERNETES,
    MANAGED,
    PROCESS,
    TARGET,
    deployment,
)

if TYPE_CHECKING:
    from imagebuild.state import Pool

EVERY = (DOCKER, KUBERNETES, PROCESS, MANAGED)


def choose(
    *every: Pool, named: str | None = None, own: str | None = None, default: str | None = None
) -> Pool:
    """The choice among `every`, as the user, the deployment and Prefect's setting name it."""
    held = deployment(pool=own) if own else None
    return pools.choose(
        Target("hello", "prod", named),
        held,
        default,
        find={pool.name: pool for pool in every}.get,
        every=lambda: every,
    )


@pytest.mark.parametrize(
    ("named", "own", "default", "expected"),
    [
        ("kube", "dock", "dock", KUBERNETES),
        (None, "kube", "dock", KUBERNETES),
        (None, None, "kube", KUBERNETES),
    ],
)
def test_the_named_pool_then_the_deployments_own_then_the_default(
    named: str | None, own: str | None, default: str | None, expected: Pool
) -> None:
    """What the user says now beats what was, which beats a setting."""
    assert choose(*EVERY, named=named, own=own, default=default) == expected


def test_the_only_pool_that_takes_images_needs_no_name() -> None:
    """Pools that take no image do not count."""
    assert choose(PROCESS, MANAGED, DOCKER) == DOCKER


def test_pools_are_listed_only_where_none_is_named() -> None:
    """A named pool costs one request."""

    def never() -> tuple[Pool, ...]:
        pytest.fail("the pools were listed")

    target = Target("hello", "prod", "dock")
    assert pools.choose(target, None, None, find={"dock": DOCKER}.get, every=never) == DOCKER


def test_several_fit_pools_are_listed() -> None:
    """The error names them, sorted, and how to choose."""
    with pytest.raises(UsageError) as caught:
        choose(KUBERNETES, ECS, DOCKER, PROCESS)
    assert caught.value.message == "several work pools take an image: dock, ecs, kube"
    assert "--pool" in str(caught.value.hint)


@pytest.mark.parametrize("every", [(), (PROCESS, MANAGED)])
def test_without_a_fit_pool_the_error_says_how_to_create_one(every: tuple[Pool, ...]) -> None:
    """With none at all, and with none that takes an image."""
    with pytest.raises(UsageError) as caught:
        choose(*every)
    assert "prefect work-pool create my-pool --type docker" in str(caught.value.hint)


def test_a_mistyped_pool_is_answered_with_the_likely_one() -> None:
    """A near miss gets a question, not a list."""
    with pytest.raises(UsageError, match="no work pool 'dcok'") as caught:
        choose(*EVERY, named="dcok")
    assert caught.value.hint == "did you mean 'dock'?"


def test_an_unknown_default_pool_says_where_its_name_comes_from() -> None:
    """Nobody typed it now."""
    with pytest.raises(UsageError, match=r"'nowhere' \(Prefect's default\)") as caught:
        choose(*EVERY, default="nowhere")
    assert caught.value.hint == "pools that take an image: dock, kube"


@pytest.mark.parametrize(
    ("name", "why", "instead"),
    [
        ("proc", "no image variable", "imagebuild deploy --code pulled"),
        ("managed", "its own", "imagebuild deploy --source URL --code pulled"),
    ],
)
def test_a_pool_that_takes_no_image_is_refused_with_what_would_work(
    name: str, why: str, instead: str
) -> None:
    """A process pool would ignore the image, a managed one runs its own."""
    with pytest.raises(UsageError, match="takes no image") as caught:
        choose(*EVERY, named=name)
    assert why in caught.value.causes[0]
    assert str(caught.value.hint).startswith("pools that take an image: dock, kube; ")
    assert str(caught.value.hint).endswith(instead)


@pytest.mark.parametrize("only", [PROCESS, MANAGED])
def test_without_an_image_the_only_pool_is_meant(only: Pool) -> None:
    """Whatever its type; of several, one that takes images comes first."""

    def choose_without(*every: Pool) -> Pool:
        target = Target("hello", "prod")
        return pools.choose(
            target, None, None, find=lambda _: None, every=lambda: every, image=False
        )

    assert choose_without(only) == only
    assert choose_without(only, DOCKER) == DOCKER
    with pytest.raises(UsageError, match="several work pools are there: managed, proc"):
        choose_without(PROCESS, MANAGED)


def test_a_target_reads_as_prefect_names_it() -> None:
    """Flow, slash, deployment."""
    assert str(TARGET) == "hello/prod"
