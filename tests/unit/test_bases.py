"""Which image a base's name means: the registry's, else the engine's, and when that is told."""

from __future__ import annotations

import pytest

from imagebuild.bases import resolve_base
from imagebuild.errors import Denied, ImagebuildError, Unreachable
from imagebuild.events import Event, Note, Warned
from imagebuild.plan import Base
from imagebuild.state import ImageConfig
from imagebuild.testing import FakeBuilder, FakeRegistry
from tests.unit.values import DIGEST, IMAGE_ID, OTHER_DIGEST, name

PREFECT = name("prefecthq/prefect:3-latest")


class World:
    """An engine and a registry, and what was told."""

    def __init__(self, local: str | None = None, remote: str | None = None) -> None:
        self.registry, self.told = FakeRegistry(), list[Event]()
        self.builder = FakeBuilder(self.registry)
        if local is not None:
            known = {PREFECT.location: local} if local else {}
            self.builder.hold(PREFECT, ImageConfig(IMAGE_ID, "linux/amd64", digests=known))
        if remote is not None:
            self.registry.digests[f"{PREFECT.location}:3-latest"] = remote

    def resolve(self, text: str = str(PREFECT)) -> Base:
        """The base of that name."""
        return resolve_base(name(text), self.builder, self.registry, self.told.append)


@pytest.mark.parametrize(
    ("local", "remote", "digest", "image_id", "noted"),
    [
        (None, DIGEST, DIGEST, None, False),
        (DIGEST, DIGEST, DIGEST, IMAGE_ID, False),
        (OTHER_DIGEST, DIGEST, DIGEST, IMAGE_ID, True),
        ("", DIGEST, DIGEST, IMAGE_ID, True),
        ("", None, None, IMAGE_ID, False),
        (DIGEST, None, None, IMAGE_ID, False),
    ],
)
def test_the_registry_decides_and_the_engine_stands_in(
    local: str | None, remote: str | None, digest: str | None, image_id: str | None, noted: bool
) -> None:
    """Said where they differ; what only the engine has is known by its ID: nobody can pull it."""
    world = World(local, remote)

    assert world.resolve() == Base(PREFECT, digest=digest, image_id=image_id)
    assert [type(event) for event in world.told] == ([Note] if noted else [])


def test_a_pinned_base_asks_nobody() -> None:
    """It can only mean the one image."""
    world = World()
    world.registry.reachable = False

    assert world.resolve(f"{PREFECT}@{DIGEST}").digest == DIGEST
    assert world.told == []


@pytest.mark.parametrize(("local", "digest"), [(DIGEST, DIGEST), ("", None)])
@pytest.mark.parametrize("fault", ["reachable", "denied"])
def test_a_registry_that_does_not_answer_leaves_the_engines_with_a_warning(
    fault: str, local: str, digest: str | None
) -> None:
    """By the digest that the engine knows it has, so that the key stays what it was."""
    world = World(local, OTHER_DIGEST)
    setattr(world.registry, fault, fault == "denied")

    assert world.resolve() == Base(PREFECT, digest=digest, image_id=IMAGE_ID)
    [warned] = world.told
    assert isinstance(warned, Warned)
    assert warned.text.startswith(
        "docker.io did not tell whether there is a newer prefecthq/prefect"
    )


def test_a_base_that_nobody_has_is_an_error() -> None:
    """That says who was asked."""
    with pytest.raises(ImagebuildError, match=f"there is no base image {PREFECT}") as caught:
        World().resolve()

    assert caught.value.exit_code == 1
    assert caught.value.causes == ("neither docker.io nor the engine has it",)
    assert "--base" in (caught.value.hint or "")


@pytest.mark.parametrize(("fault", "kind"), [("reachable", Unreachable), ("denied", Denied)])
def test_a_base_that_cannot_be_asked_for_is_an_error_of_the_same_kind(
    fault: str, kind: type[ImagebuildError]
) -> None:
    """Where the engine has none to go on with."""
    world = World()
    setattr(world.registry, fault, fault == "denied")
    with pytest.raises(kind, match=f"cannot get the base image {PREFECT}") as caught:
        world.resolve()

    assert len(caught.value.causes) == 2
