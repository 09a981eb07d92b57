"""Which image a base's name means: the registry's, else the engine's, and when that is told."""

from __future__ import annotations

import pytest

from imagebuild.bases import resolve_base
from imagebuild.errors import Denied, ImagebuildError, Unreachable, UsageError
from imagebuild.events import Event, Warned
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

    def resolve(self, text: str = str(PREFECT), pull: bool | None = None) -> Base:
        """The base of that name."""
        return resolve_base(name(text), self.builder, self.registry, self.told.append, pull)


@pytest.mark.parametrize(
    ("local", "remote", "digest", "image_id"),
    [
        (None, DIGEST, DIGEST, None),
        (DIGEST, DIGEST, DIGEST, None),
        (OTHER_DIGEST, DIGEST, DIGEST, None),
        ("", DIGEST, DIGEST, None),
        ("", None, None, IMAGE_ID),
        (DIGEST, None, None, IMAGE_ID),
    ],
)
def test_the_registry_decides_and_the_engine_stands_in(
    local: str | None, remote: str | None, digest: str | None, image_id: str | None
) -> None:
    """What only the engine has is known by its ID: nobody can pull it."""
    world = World(local, remote)

    assert world.resolve() == Base(PREFECT, digest=digest, image_id=image_id)
    assert world.told == []


def test_where_the_registry_tells_the_engine_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """There need not be one."""
    world = World(remote=DIGEST)
    monkeypatch.setattr(world.builder, "base", lambda _: pytest.fail("it was asked"))

    assert world.resolve().digest == DIGEST


@pytest.mark.parametrize("local", [None, DIGEST, OTHER_DIGEST])
def test_a_pinned_base_asks_nobody(local: str | None) -> None:
    """It can only mean the one image; whether that is anywhere, who builds on it will see."""
    world = World(local)
    world.registry.reachable = False
    pinned = name(f"{PREFECT}@{DIGEST}")

    assert world.resolve(str(pinned)) == Base(pinned, digest=DIGEST)
    assert world.told == []


@pytest.mark.parametrize("pull", [None, True, False])
def test_nothing_is_built_on_scratch(pull: bool | None) -> None:
    """There is no Python in it."""
    with pytest.raises(UsageError, match="cannot build on scratch"):
        World().resolve("scratch", pull)


@pytest.mark.parametrize("remote", [OTHER_DIGEST, None])
@pytest.mark.parametrize(("local", "digest"), [(DIGEST, DIGEST), ("", None)])
def test_without_a_pull_the_engines_own_is_taken_unasked(
    local: str, digest: str | None, remote: str | None
) -> None:
    """Not even a registry that is down is noticed."""
    world = World(local, remote)
    world.registry.reachable = False

    assert world.resolve(pull=False) == Base(PREFECT, digest=digest, image_id=IMAGE_ID)
    assert world.told == []


def test_without_a_pull_the_registry_gives_what_the_engine_lacks() -> None:
    """A base has to come from somewhere."""
    assert World(remote=DIGEST).resolve(pull=False) == Base(PREFECT, digest=DIGEST)


def test_with_a_pull_the_registrys_is_taken() -> None:
    """Where the engine has another, too."""
    world = World(OTHER_DIGEST, DIGEST)

    assert world.resolve(pull=True) == Base(PREFECT, digest=DIGEST)


@pytest.mark.parametrize(("fault", "kind"), [("reachable", Unreachable), ("denied", Denied)])
def test_with_a_pull_the_registry_has_to_answer(fault: str, kind: type[ImagebuildError]) -> None:
    """What the engine has is no way out."""
    world = World(DIGEST, DIGEST)
    setattr(world.registry, fault, fault == "denied")
    with pytest.raises(kind, match=f"cannot get the base image {PREFECT}"):
        world.resolve(pull=True)


def test_with_a_pull_a_base_that_only_the_engine_has_is_an_error() -> None:
    """Nobody can pull it."""
    with pytest.raises(UsageError, match=f"cannot pull the base image {PREFECT}") as caught:
        World("").resolve(pull=True)

    assert caught.value.hint == "leave --pull out"


@pytest.mark.parametrize(("local", "digest"), [(DIGEST, DIGEST), ("", None), (IMAGE_ID, None)])
@pytest.mark.parametrize("fault", ["reachable", "denied"])
def test_a_registry_that_does_not_answer_leaves_the_engines_with_a_warning(
    fault: str, local: str, digest: str | None
) -> None:
    """By the digest that a registry gave it, so that the key stays what it was.

    One that is the image's own ID is nothing that a registry gave.
    """
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
