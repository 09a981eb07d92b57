"""What the builder asks of BuildKit for a plan."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild import buildkit
from imagebuild.builders.docker import DockerBuilder
from imagebuild.context import read_context
from imagebuild.engine import Engine
from imagebuild.errors import Denied, Unreachable, UsageError
from imagebuild.events import ignore
from imagebuild.plan import Base, Dependencies, OwnDockerfile
from imagebuild.request import Secret
from tests.unit.builders.tiny_engine import TinyEngine, tiny_engine
from tests.unit.values import DIGEST, IMAGE_ID, environment, name, plan, request, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typing_extensions import Self

    from imagebuild.context import ProjectContext
    from imagebuild.plan import Plan

BASE_ID = "sha256:" + "2" * 64
BASE = Base(name("reg.example/base:1"), image_id=BASE_ID)


class Asked:
    """Sessions that nobody needs, and the builds that they were for."""

    def __init__(self) -> None:
        self.sessions: list[dict[str, Any]] = []
        self.builds: list[buildkit.BuildOptions] = []
        self.error: Exception | None = None

    def session(self, api: object, **given: Any) -> Asked:
        """In place of `buildkit.Session`."""
        self.sessions.append(given)
        return self

    def build(self, api: object, session: object, options: Any, on_event: object) -> str:
        """In place of `buildkit.build`."""
        self.builds.append(options)
        if self.error:
            raise self.error
        return IMAGE_ID

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing to end."""

    @property
    def sent(self) -> dict[str, buildkit.Sent]:
        """Nothing."""
        return {"context": buildkit.Sent()}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Keep what is asked of BuildKit."""
    kept = Asked()
    monkeypatch.setattr(buildkit, "Session", kept.session)
    monkeypatch.setattr(buildkit, "build", kept.build)
    return kept


@pytest.fixture
def server() -> Iterator[TinyEngine]:
    """An engine of linux/arm64 with a base and what is built on it."""
    with tiny_engine() as running:
        for image_id, layers in {BASE_ID: ["a"], IMAGE_ID: ["a", "b"]}.items():
            platform = {"Os": "linux", "Architecture": "arm64"}
            described = {"Id": image_id, "RootFS": {"Layers": layers}, **platform}
            running.answers[f"GET /images/{image_id}/json"] = (200, described)
        yield running


@pytest.fixture
def engine(server: TinyEngine) -> Iterator[Engine]:
    """The client of it."""
    with closing(Engine(server.env)) as connected:
        yield connected


@pytest.fixture
def context(tmp_path: Path) -> ProjectContext:
    """A project with one file."""
    return read_context(write(tmp_path / "app", {"flow.py": "pass\n"}))


def planned(**changed: Any) -> Plan:
    """A plan on the base, for the engine's own platform."""
    start = {"base": BASE, "dependencies": Dependencies(), "platform": "linux/arm64"}
    return plan(environment=environment(**{**start, **changed}))


def test_the_engines_own_platform_is_not_said(
    asked: Asked, engine: Engine, context: ProjectContext
) -> None:
    """It knows its variant; and nothing else is asked for that nobody asked for."""
    wanted = planned()
    DockerBuilder(engine, request()).image(wanted, context, ignore)

    assert asked.builds == [buildkit.BuildOptions(labels=wanted.labels)]


def test_another_platform_is_said(
    asked: Asked, engine: Engine, server: TinyEngine, context: ProjectContext
) -> None:
    """The base that the engine has is of its own, so the other one is fetched first."""
    server.answers[f"GET /images/{BASE.name.pinned(DIGEST)}/json"] = server.answers[
        f"GET /images/{BASE_ID}/json"
    ]
    server.answers[f"DELETE /images/{IMAGE_ID}"] = (200, [])
    wanted = planned(platform="linux/arm/v6", base=Base(BASE.name, digest=DIGEST))
    DockerBuilder(engine, request()).image(wanted, context, ignore)

    assert [options.platform for options in asked.builds] == ["linux/arm/v6"] * 2


def test_what_the_user_asked_for_is_asked_of_the_engine(
    asked: Asked, engine: Engine, context: ProjectContext, tmp_path: Path
) -> None:
    """Build arguments, secrets, agents, no cache; the folder is what the engine remembers."""
    wanted = planned(build_args={"A": "1"})
    given = request(
        tmp_path,
        cache=False,
        secrets=(Secret("token", variable="TOKEN"),),
        ssh={"default": (tmp_path / "agent",)},
    )
    engine.env = {**engine.env, "TOKEN": "value"}
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(tmp_path / "agent"))
        DockerBuilder(engine, given).image(wanted, context, ignore)
    [session], [options] = asked.sessions, asked.builds

    assert options.no_cache
    assert options.build_args == {"A": "1"}
    assert dict(session["secrets"]) == {"token": b"value"}
    assert session["ssh"] == {"default": tmp_path / "agent"}


def test_the_plans_build_arguments_come_before_dockers_proxies(
    asked: Asked,
    engine: Engine,
    context: ProjectContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who says it for this build knows better."""
    proxies = {"HTTP_PROXY": "http://docker:1", "NO_PROXY": "x"}
    monkeypatch.setattr(Engine, "proxies", proxies)
    wanted = planned(build_args={"HTTP_PROXY": "http://mine:2"})
    DockerBuilder(engine, request()).image(wanted, context, ignore)

    assert asked.builds[0].build_args == {"HTTP_PROXY": "http://mine:2", "NO_PROXY": "x"}


@pytest.mark.parametrize(
    ("pull", "base", "wanted"),
    [
        (None, Base(name("y:1"), digest=DIGEST), False),
        (True, Base(name("y:1"), digest=DIGEST), True),
        (False, Base(name("y:1"), digest=DIGEST), False),
    ],
)
def test_the_users_own_dockerfile_is_built_as_it_is(
    asked: Asked,
    engine: Engine,
    context: ProjectContext,
    pull: bool | None,
    base: Base,
    wanted: bool,
) -> None:
    """Under its own name, on whatever it names."""
    recipe = OwnDockerfile("docker/Dockerfile.prod", "FROM y:1\n", (base,))
    DockerBuilder(engine, request(pull=pull)).image(planned(recipe=recipe), context, ignore)
    [session], [options] = asked.sessions, asked.builds

    assert (options.dockerfile, options.pull) == ("Dockerfile.prod", wanted)
    with session["trees"]["dockerfile"].open("Dockerfile.prod") as file:
        assert file.read() == b"FROM y:1\n"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (buildkit.ConnectionLost("gone"), Unreachable),
        (buildkit.Unauthorized("401 Unauthorized"), Denied),
    ],
)
def test_buildkits_errors_become_ours(
    asked: Asked, engine: Engine, context: ProjectContext, error: Exception, kind: type[Exception]
) -> None:
    """Each with its exit code."""
    asked.error = error
    with pytest.raises(kind):
        DockerBuilder(engine, request()).image(planned(), context, ignore)


@pytest.mark.parametrize(
    ("wanted", "platform"),
    [(None, "linux/arm64"), ("linux/aarch64", "linux/arm64"), ("linux/x86_64", "linux/amd64")],
)
def test_a_platform_that_buildkit_offers_is_built_for(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, wanted: str | None, platform: str
) -> None:
    """Its own without a question."""
    monkeypatch.setattr(buildkit, "platforms", lambda _: ("linux/arm64", "linux/amd64"))

    assert DockerBuilder(engine, request()).platform_for(wanted) == platform


def test_a_platform_that_buildkit_does_not_offer_is_a_usage_error(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With those that it does."""
    monkeypatch.setattr(buildkit, "platforms", lambda _: ("linux/arm64", "linux/arm/v7"))
    with pytest.raises(UsageError, match="cannot build for linux/s390x") as caught:
        DockerBuilder(engine, request()).platform_for("linux/s390x")

    assert caught.value.causes == ("it can build for linux/arm64, linux/arm/v7",)
