"""What every builder, image and registry keeps to: the engine's, and those in memory."""

from __future__ import annotations

import json
import os
import uuid
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from docker.errors import ImageNotFound

from imagebuild.builders.classic import ClassicBuilder
from imagebuild.builders.docker import DockerBuilder
from imagebuild.context import read_context
from imagebuild.engine import Engine
from imagebuild.errors import Denied, ImagebuildError, Unreachable, UsageError
from imagebuild.events import Event, StepEnded, StepStarted, Transfer, ignore
from imagebuild.names import ImageName
from imagebuild.oci.cache import Cache
from imagebuild.oci.client import Registries
from imagebuild.oci.credentials import Logins
from imagebuild.oci.remote import Remote
from imagebuild.plan import Base, Dependencies, Plan, Template
from imagebuild.planning import make_plan
from imagebuild.registries.engine import EngineRegistry
from imagebuild.registries.http import HttpRegistry
from imagebuild.request import BuildRequest
from imagebuild.state import State
from imagebuild.survey import Project
from imagebuild.testing import FakeBuilder, FakeRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

    from imagebuild.context import ProjectContext
    from imagebuild.events import Emit
    from imagebuild.protocols import Builder, Image, Registry

NOWHERE = ImageName.parse("localhost:1/team/app:v1")


@dataclass
class World:
    """A builder, the registry that its images go to, and a project with a base to build it on."""

    builder: Builder
    registry: Registry
    host: str
    base: Base
    root: Path
    made: list[str] = field(default_factory=list)

    def name(self, tag: str = "v1") -> ImageName:
        """A name that nobody used yet."""
        name = ImageName.parse(f"{self.host}/contract/{uuid.uuid4().hex}:{tag}")
        self.made.append(str(name))
        return name

    def context(self, **files: str) -> ProjectContext:
        """The project, with these files changed."""
        for stem, text in files.items():
            (self.root / f"{stem}.py").write_text(text)
        return read_context(self.root)

    def plan(self, name: ImageName, context: ProjectContext) -> Plan:
        """The plan of the project under a name."""
        recipe = Template("default", "0" * 64)
        project = Project("contract", context, Dependencies(), recipe, self.base.name)
        state = State(self.builder.platform_for(None), self.base)
        return make_plan(BuildRequest(self.root, self.root), project, state, name=name)

    def build(self, name: ImageName | None = None) -> Plan:
        """Build the project as it is, and tell nobody."""
        context = self.context()
        plan = self.plan(name or self.name(), context)
        self.image(plan, context).tag(plan.name)
        return plan

    def image(self, plan: Plan, context: ProjectContext, emit: Emit = ignore) -> Image:
        """Build what is planned; it has no name yet."""
        image = self.builder.image(plan, context, emit)
        self.made.append(image.config.id)
        return image


@pytest.fixture(params=["memory", "engine", "classic"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Each pair of builder and registry; the images are taken away afterwards."""
    (tmp_path / "flow.py").write_text("pass\n")
    if request.param == "memory":
        registry = FakeRegistry()
        builder = FakeBuilder(registry)
        base = builder.hold(ImageName.parse("base:1"))
        yield World(
            builder,
            registry,
            "reg.example",
            Base(ImageName.parse("base:1"), image_id=base.id),
            tmp_path,
        )
        return
    client: DockerClient = request.getfixturevalue("engine")
    base_name = ImageName.parse(request.getfixturevalue("base_image"))
    host = request.getfixturevalue("registry").address
    with closing(Engine(os.environ)) as engine:
        kind = DockerBuilder if request.param == "engine" else ClassicBuilder
        real = kind(engine, BuildRequest(tmp_path, tmp_path))
        found = real.find(base_name)
        assert found is not None
        world = World(
            real, EngineRegistry(engine), host, Base(base_name, image_id=found.id), tmp_path
        )
        yield world
    for name in world.made:
        with suppress(ImageNotFound):
            client.images.remove(name, force=True)


@pytest.fixture(params=["memory", "engine", "http"])
def closed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Registry, ImageName]]:
    """A registry that refuses who comes, and a name in it."""
    if request.param == "memory":
        fake = FakeRegistry()
        fake.denied = True
        yield fake, ImageName.parse("reg.example/app:v1")
        return
    request.getfixturevalue("engine")
    host = request.getfixturevalue("private_registry").address
    wrong = {"auths": {host: {"auth": "bWU6d3Jvbmc="}}}
    (tmp_path / "config.json").write_text(json.dumps(wrong))
    env, name = {**os.environ, "DOCKER_CONFIG": str(tmp_path)}, ImageName.parse(f"{host}/app:v1")
    if request.param == "http":
        with closing(Registries(env, Logins(env))) as registries:
            yield HttpRegistry(Remote(registries, Cache(None))), name
        return
    with closing(Engine(env)) as engine:
        yield EngineRegistry(engine), name


@pytest.fixture(params=["memory", "engine", "http"])
def absent(request: pytest.FixtureRequest) -> Iterator[Registry]:
    """A registry that does not answer, at least under `NOWHERE`."""
    if request.param == "memory":
        fake = FakeRegistry()
        fake.reachable = False
        yield fake
        return
    if request.param == "http":
        with closing(Registries(os.environ, Logins(os.environ))) as registries:
            yield HttpRegistry(Remote(registries, Cache(None)))
        return
    request.getfixturevalue("engine")
    with closing(Engine(os.environ)) as engine:
        yield EngineRegistry(engine)


def test_the_platform_is_the_base_images(world: World) -> None:
    """As `os/architecture`, however it is asked for."""
    found = world.builder.find(world.base.name)
    platform = world.builder.platform_for(None)

    assert found is not None
    assert platform == found.platform
    assert len(platform.split("/")) == 2
    assert world.builder.platform_for(platform) == platform


@pytest.mark.parametrize("asked", ["plan9/mips", "linux/amd64,linux/arm64", "linux", ""])
def test_a_platform_that_nobody_builds_for_is_a_usage_error(world: World, asked: str) -> None:
    """Nor are several at once, or what is none."""
    with pytest.raises(UsageError):
        world.builder.platform_for(asked)


def test_an_image_is_found_once_it_is_named(world: World) -> None:
    """By its ID at once, and by each name that it was given; not before."""
    name, other = world.name(), world.name()
    context = world.context()
    image = world.image(world.plan(name, context), context)
    assert world.builder.get(image.config.id).config == image.config
    assert world.builder.find(name) is None

    image.tag(name)
    image.tag(other)

    assert world.builder.find(name) == world.builder.find(other) == image.config


def test_an_image_has_the_labels_of_its_plan(world: World) -> None:
    """So it is known as made from it, by whoever finds it."""
    plan = world.build()
    found = world.builder.find(plan.name)

    assert found is not None
    assert plan.labels.items() <= found.labels.items()
    assert plan.outdated(found.labels) is None


def test_an_image_stands_on_its_base(world: World) -> None:
    """Its layers begin with the base's, and there is at least one more."""
    base, found = world.builder.find(world.base.name), world.builder.find(world.build().name)

    assert base is not None
    assert found is not None
    assert found.diff_ids[: len(base.diff_ids)] == base.diff_ids
    assert len(found.diff_ids) > len(base.diff_ids)


def test_an_equal_plan_is_made_and_another_is_not(world: World) -> None:
    """What a second deploy goes by."""
    plan = world.build()
    found = world.builder.find(plan.name)
    assert found is not None

    assert world.plan(plan.name, world.context()).outdated(found.labels) is None
    assert world.plan(plan.name, world.context(flow="other\n")).outdated(found.labels)


def test_a_name_means_the_last_that_it_was_given_to(world: World) -> None:
    """The one before is no longer found by it; a build by itself changes no name."""
    plan = world.build()
    first = world.builder.find(plan.name)
    context = world.context(flow="other\n")
    newer = world.plan(plan.name, context)
    image = world.image(newer, context)
    assert world.builder.find(plan.name) == first

    image.tag(plan.name)
    second = world.builder.find(plan.name)

    assert first is not None
    assert second is not None
    assert first.id != second.id
    assert newer.outdated(second.labels) is None


def test_a_build_tells_its_steps(world: World) -> None:
    """Each that starts comes to an end."""
    told: list[Event] = []
    context = world.context(flow=f"{uuid.uuid4()}\n")
    world.image(world.plan(world.name(), context), context, told.append)
    started = {event.step for event in told if isinstance(event, StepStarted)}
    ended = {event.step for event in told if isinstance(event, StepEnded)}

    assert started
    assert started <= ended


def test_an_image_that_is_not_there_cannot_be_got(world: World) -> None:
    """Somebody may have removed it in between."""
    with pytest.raises(ImagebuildError, match=r"sha256:0{64}"):
        world.builder.get(f"sha256:{'0' * 64}")


def test_a_push_gives_the_digest_that_the_registry_has(world: World) -> None:
    """By the tag and by the digest; and before it the registry knows neither."""
    plan = world.build()
    found = world.builder.find(plan.name)
    assert found is not None
    assert world.registry.find(plan.name) is None

    world.registry.check_push(plan.name)
    digest = world.builder.get(found.id).push(plan.name, ignore)

    assert world.registry.find(plan.name) == digest
    assert world.registry.find(plan.name.pinned(digest)) == digest
    assert world.registry.find(plan.name.with_tag("other")) is None


def test_a_builder_knows_what_it_pushed(world: World) -> None:
    """By the digest in that repository, and in no other."""
    plan = world.build()
    found = world.builder.find(plan.name)
    assert found is not None
    assert found.digest_in(plan.name) is None

    digest = world.builder.get(found.id).push(plan.name, ignore)
    after = world.builder.find(plan.name)

    assert after is not None
    assert after.id == found.id
    assert after.digest_in(plan.name) == digest
    assert after.digest_in(world.name()) is None


def test_a_push_tells_how_far_it_came(world: World) -> None:
    """And a second one, of what is there, gives the same digest."""
    plan, told = world.build(), list[Event]()
    found = world.builder.find(plan.name)
    assert found is not None
    image = world.builder.get(found.id)
    first = image.push(plan.name, told.append)
    last = {event.what: event for event in told if isinstance(event, Transfer)}

    assert last
    assert all(transfer.current == transfer.total for transfer in last.values())
    assert image.push(plan.name, ignore) == first


def test_a_registry_that_refuses_says_so_before_and_at_the_question(
    closed: tuple[Registry, ImageName],
) -> None:
    """With an exit code of its own. Over HTTP the question itself is the check."""
    registry, name = closed
    if not isinstance(registry, HttpRegistry):
        with pytest.raises(Denied, match=name.host):
            registry.check_push(name)
    with pytest.raises(Denied, match=name.host):
        registry.find(name)


def test_a_registry_that_does_not_answer_is_unreachable(absent: Registry) -> None:
    """Which is something else than having none."""
    with pytest.raises(Unreachable, match=NOWHERE.host):
        absent.find(NOWHERE)


def test_a_push_to_a_registry_that_does_not_answer_fails(world: World) -> None:
    """With no digest to go on with."""
    if isinstance(world.registry, FakeRegistry):
        world.registry.reachable = False
    world.made.append(str(NOWHERE))
    found = world.builder.find(world.build(NOWHERE).name)
    assert found is not None
    with pytest.raises(Unreachable, match=str(NOWHERE)):
        world.builder.get(found.id).push(NOWHERE, ignore)
