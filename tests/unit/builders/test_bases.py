"""When the engine has to ask registries for the bases of a user's own Dockerfile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagebuild.builders.bases import bases_of, check_base, is_newer_wanted
from imagebuild.errors import BuildFailed, UsageError
from imagebuild.plan import Base, OwnDockerfile
from imagebuild.state import ImageConfig
from tests.unit.values import DIGEST, IMAGE_ID, OTHER_DIGEST, base, environment, name, plan

if TYPE_CHECKING:
    from imagebuild.names import ImageName
    from imagebuild.plan import Plan

PYTHON = name("python:3.12")


def own(*bases: Base) -> Plan:
    """The plan of a Dockerfile that builds on these."""
    return plan(environment=environment(recipe=OwnDockerfile("Dockerfile", "FROM x\n", bases)))


def held(digest: str | None) -> ImageConfig | None:
    """What the engine has under the base's name, as it was pulled."""
    return ImageConfig(IMAGE_ID, "linux/amd64", digests={PYTHON.location: digest or ""})


@pytest.mark.parametrize(
    ("pull", "local", "wanted"),
    [
        (None, held(DIGEST), False),
        (None, held(OTHER_DIGEST), True),
        (None, held(None), True),
        (None, None, False),
        (True, held(DIGEST), True),
        (True, None, True),
        (False, held(OTHER_DIGEST), False),
    ],
)
def test_registries_are_asked_where_the_engine_has_another_base(
    pull: bool | None, local: ImageConfig | None, wanted: bool
) -> None:
    """Or where the user says so; never where the user says not to."""
    found = own(Base(PYTHON, digest=DIGEST))

    assert is_newer_wanted(found, pull, lambda _: local) is wanted


@pytest.mark.parametrize("pull", [None, True, False])
def test_a_templates_base_is_pinned(pull: bool | None) -> None:
    """So nobody has to be asked."""
    assert not is_newer_wanted(plan(), pull, lambda _: held(OTHER_DIGEST))


def test_a_base_that_only_the_engine_has_is_taken_as_it_is() -> None:
    """Nobody could pull it."""
    assert not is_newer_wanted(own(Base(PYTHON, image_id=IMAGE_ID)), None, lambda _: held(None))


def test_a_base_that_is_named_by_digest_cannot_be_outdated() -> None:
    """Whatever the engine knows of it."""
    pinned = Base(PYTHON.pinned(DIGEST), digest=DIGEST)

    assert not is_newer_wanted(own(pinned), None, lambda _: held(None))


def test_a_newer_base_beside_one_that_nobody_can_pull_is_a_usage_error() -> None:
    """An engine asks for all of them, or for none."""

    def find(asked: ImageName) -> ImageConfig | None:
        return held(OTHER_DIGEST)

    mixed = own(Base(PYTHON, digest=DIGEST), Base(name("ours:1"), image_id=IMAGE_ID))
    with pytest.raises(UsageError, match="ours:1 is in the engine alone") as caught:
        is_newer_wanted(mixed, None, find)

    assert caught.value.hint == "docker pull python:3.12"


def test_the_bases_are_those_that_the_dockerfile_names() -> None:
    """A template names one."""
    assert bases_of(own(base(), Base(PYTHON))) == (base(), Base(PYTHON))
    assert bases_of(plan()) == (base(),)


def test_an_image_has_to_begin_with_its_base() -> None:
    """Its layers tell."""
    found = ImageConfig(IMAGE_ID, "linux/amd64", diff_ids=("a", "b", "c"))
    check_base(plan(), found, ImageConfig("x", "y", diff_ids=("a", "b")))
    with pytest.raises(BuildFailed, match="was not built on"):
        check_base(plan(), found, ImageConfig("x", "y", diff_ids=("b",)))
