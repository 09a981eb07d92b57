"""The classic builder makes of a project what BuildKit makes of it, and ends as it should."""

from __future__ import annotations

import dataclasses
import os
import shutil
import uuid
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.builders.classic import ClassicBuilder
from imagebuild.builders.docker import DockerBuilder
from imagebuild.context import read_context
from imagebuild.dependencies import find_dependencies
from imagebuild.engine import Engine
from imagebuild.errors import BuildFailed, Unreachable, UsageError
from imagebuild.events import Event, Note, StepEnded, StepLog, StepStarted, ignore
from imagebuild.names import ImageName
from imagebuild.plan import Base, Dependencies, OwnDockerfile, Plan, Template
from imagebuild.planning import make_plan
from imagebuild.request import BuildRequest, Secret
from imagebuild.state import State
from imagebuild.survey import Project
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from docker import DockerClient

    from imagebuild.context import ProjectContext
    from tests.support.registry import Registry

    Made = tuple[Plan, ProjectContext]

HELLO = Path(__file__).parents[2] / "examples" / "hello"
# Whole seconds: a layer holds no more of a time, whatever the engine's own disk holds. BuildKit
# gives a directory with something in it the time of the build.
LISTING = (
    "cd /opt/prefect && find hello -type d -printf '%P|%y|%m|%U:%G\\n'"
    " -o -printf '%P|%y|%m|%U:%G|%s|%T@|%l\\n' | sed -E 's/([|][0-9]+)[.][0-9]+[|]/\\1|/' | sort;"
    " find hello -type f -exec sha256sum {} + | sort; uv pip freeze"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give the example with a link, a program, an empty folder and names of every kind."""
    root = Path(shutil.copytree(HELLO, tmp_path / "hello"))
    (root / "empty").mkdir()
    (root / "sub" / "deeper").mkdir(parents=True)
    (root / "sub" / "deeper" / ("long-" * 40 + ".txt")).write_text("long\n")
    (root / "sub" / "run.sh").write_text("#!/bin/sh\n")
    (root / "sub" / "run.sh").chmod(0o755)
    (root / "sub" / "link").symlink_to("../flow.py")
    (root / "dangling").symlink_to("nothing")
    (root / "größe 中.txt").write_text("ü\n")
    (root / "none").write_bytes(b"")
    (root / "big.bin").write_bytes(os.urandom(3 << 20))
    return root


@pytest.fixture
def docker(base_image: str) -> Iterator[Engine]:
    """Give the engine as the builders see it."""
    with closing(Engine(os.environ)) as connected:
        yield connected


@pytest.fixture
def planned(docker: Engine, base_image: str, project: Path) -> Callable[[str | None], Made]:
    """Plan the project, by the default template or by a Dockerfile that follows the base."""

    def plan(instructions: str | None = None) -> Made:
        name = ImageName.parse(base_image)
        context, found = read_context(project), docker.image(base_image)
        assert found is not None
        base = Base(name, image_id=found.id)
        recipe: Template | OwnDockerfile = Template("default", "0" * 64)
        if instructions is not None:
            recipe = OwnDockerfile("Dockerfile", f"FROM {name}\n{instructions}")
        dependencies = Dependencies() if instructions else find_dependencies(context, None, project)
        request = BuildRequest(project, project, env={"GREETING": "a b=c"}, labels={"team": "x y"})
        state = State(docker.platform, base, (base,) if instructions else ())
        seen = Project("hello", context, dependencies, recipe, name)
        return make_plan(request, seen, state, name=ImageName.parse("hello:classic")), context

    return plan


@pytest.fixture
def made(engine: DockerClient) -> Iterator[list[str]]:
    """Take the images away whose IDs a test puts into the list."""
    ids: list[str] = []
    yield ids
    for image_id in ids:
        engine.images.remove(image_id, force=True)


def _inside(engine: DockerClient, image_id: str) -> tuple[str, dict[str, Any]]:
    """What is in an image's project folder and environment, and how it is started."""
    config = engine.images.get(image_id).attrs["Config"]
    shown = ("Env", "WorkingDir", "Entrypoint", "Cmd", "User", "Labels", "ExposedPorts")
    listing = engine.containers.run(
        image_id, ["-c", LISTING], entrypoint="/bin/sh", remove=True
    ).decode()
    return listing, {key: config.get(key) for key in shown}


def test_both_builders_make_the_same_image_of_a_project(
    docker: Engine,
    engine: DockerClient,
    project: Path,
    planned: Callable[..., Made],
    made: list[str],
) -> None:
    """Path, kind, mode, owner, size, time, link and content of each file; packages and settings."""
    plan, context = planned()
    request = BuildRequest(project, project)
    told: list[Event] = []
    made.append(DockerBuilder(docker, request).image(plan, context, ignore).config.id)
    made.append(ClassicBuilder(docker, request).image(plan, context, told.append).config.id)

    (files, config), (classic_files, classic_config) = (_inside(engine, each) for each in made)

    assert classic_files == files
    assert classic_config == config
    assert "emoji==2.14.1" in files
    assert config["Labels"]["team"] == "x y"
    assert "GREETING=a b=c" in config["Env"]
    assert {line.partition("|")[0] for line in files.splitlines() if "|" in line} == {
        "",
        *(str(path.relative_to(project)) for path in project.rglob("*")),
    }
    assert any(isinstance(event, Note) and "cache mounts" in event.text for event in told)


def test_a_second_build_takes_every_step_from_the_cache(
    docker: Engine, project: Path, planned: Callable[..., Made], made: list[str]
) -> None:
    """Equal files are equal to the engine, whenever they are sent."""
    plan, context = planned("COPY . /app\n")
    builder = ClassicBuilder(docker, BuildRequest(project, project))
    told: list[Event] = []

    made.append(builder.image(plan, context, ignore).config.id)
    again = builder.image(plan, context, told.append)

    assert again.config.id == made[0]
    ended = [event for event in told if isinstance(event, StepEnded)]
    assert ended[1].name.endswith("COPY . /app")
    assert all(event.cached for event in ended[1:])


@pytest.mark.parametrize("kind", [DockerBuilder, ClassicBuilder])
@pytest.mark.parametrize(
    ("instructions", "at", "cause", "body"),
    [
        (
            "RUN echo first; \\\n    echo second >&2; \\\n    exit 3\n",
            "RUN echo first;",
            "Dockerfile line 2: the command ended with exit code: 3",
            {"first", "second"},
        ),
        ("\n\nCOPY none-such /x\n", "COPY none-such /x", "none-such is not in the build", set()),
        ("FOO bar\n", "", "Dockerfile line 2: unknown instruction: FOO", set()),
        (
            'COPY flow.py /x\nRUN ["/bin/sh", "-c", "chmod +x /x"]\nRUN ["/x"]\n',
            'RUN ["/x"]',
            "exec format error",
            set(),
        ),
    ],
)
def test_a_step_that_fails_is_named_with_its_line_and_its_last_words(
    docker: Engine,
    project: Path,
    planned: Callable[..., Made],
    kind: type[DockerBuilder | ClassicBuilder],
    instructions: str,
    at: str,
    cause: str,
    body: set[str],
) -> None:
    """The same by both builders, however they put it."""
    plan, context = planned(instructions)
    builder = kind(docker, BuildRequest(project, project))
    with pytest.raises(BuildFailed) as caught:
        builder.image(plan, context, ignore)

    assert caught.value.message.startswith("the build failed")
    assert at in " ".join(caught.value.message.split())
    assert cause in caught.value.causes[0]
    assert body <= set(caught.value.body)


def test_an_interrupted_build_is_cancelled_in_the_engine(
    docker: Engine, engine: DockerClient, project: Path, planned: Callable[..., Made]
) -> None:
    """The step's container is gone soon after."""
    mark = uuid.uuid4().hex
    plan, context = planned(f"RUN echo running; sleep 300; echo {mark}\n")

    def interrupt(event: Event) -> None:
        if isinstance(event, StepLog) and event.line == "running":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ClassicBuilder(docker, BuildRequest(project, project)).image(plan, context, interrupt)

    def is_gone() -> bool:
        return all(mark not in str(each["Command"]) for each in engine.api.containers(all=True))

    wait_until(is_gone, "the end of the build's container", 30)


def test_an_ignore_file_of_the_project_is_left_out_with_a_warning(
    docker: Engine,
    engine: DockerClient,
    project: Path,
    planned: Callable[..., Made],
    made: list[str],
) -> None:
    """The classic builder would take it for its own; nothing of ours is in the image either."""
    (project / ".dockerignore").write_text("*.bin\n!.dockerignore\n")
    plan, context = planned()
    told: list[Event] = []
    assert ".dockerignore" in context.digests

    image = ClassicBuilder(docker, BuildRequest(project, project)).image(plan, context, told.append)
    made.append(image.config.id)

    files, _ = _inside(engine, made[0])
    assert "ockerfile" not in files
    assert ".dockerignore" not in files
    assert any(".dockerignore" in getattr(event, "text", "") for event in told)


@pytest.mark.parametrize(
    "asked", [{"secrets": (Secret("token", variable="TOKEN"),)}, {"ssh": {"default": Path("/x")}}]
)
def test_what_only_buildkit_can_mount_is_refused_before_the_build(
    docker: Engine, project: Path, planned: Callable[..., Made], asked: dict[str, Any]
) -> None:
    """A build without it would fail late, or worse, pass."""
    plan, context = planned()
    told: list[Event] = []
    with pytest.raises(UsageError, match="the classic builder cannot give a build step"):
        ClassicBuilder(docker, BuildRequest(project, project, **asked)).image(
            plan, context, told.append
        )

    assert not [event for event in told if isinstance(event, StepStarted)]


def test_buildkit_gives_a_step_the_secret_that_it_asks_for(
    docker: Engine, engine: DockerClient, project: Path, planned: Callable[..., Made]
) -> None:
    """Where nobody gave it, the error says how to; the value is in no layer."""
    step = "RUN --mount=type=secret,id=token cat /run/secrets/token; exit 9\n"
    plan, context = planned(step)
    given = BuildRequest(project, project, secrets=(Secret("token", variable="TOKEN"),))
    docker.env = {**docker.env, "TOKEN": "the value"}
    with pytest.raises(BuildFailed) as with_secret:
        DockerBuilder(docker, given).image(plan, context, ignore)
    plan, context = planned(step.replace("9", "8"))
    with pytest.raises(BuildFailed) as without:
        DockerBuilder(docker, BuildRequest(project, project)).image(plan, context, ignore)

    assert with_secret.value.body == ("the value",)
    assert without.value.causes == (
        "Dockerfile line 2: the command ended with exit code: 8",
        "no secret 'token' was given",
    )
    assert "--secret id=token,src=FILE" in (without.value.hint or "")


@pytest.mark.parametrize("kind", [DockerBuilder, ClassicBuilder])
def test_a_users_dockerfile_builds_on_what_its_base_means_now(
    docker: Engine,
    engine: DockerClient,
    registry: Registry,
    project: Path,
    planned: Callable[..., Made],
    made: list[str],
    kind: type[DockerBuilder | ClassicBuilder],
) -> None:
    """The engine has an older one under the name, and asks the registry."""
    text = f"{registry.address}/bases/{uuid.uuid4().hex}:1"
    name, context = ImageName.parse(text), planned()[1]
    builder = kind(docker, BuildRequest(project, project))
    for number in "12":
        plan, _ = planned(f"RUN echo {uuid.uuid4().hex} > /base-{number}\n")
        image = builder.image(plan, context, ignore)
        made.append(image.config.id)
        image.tag(name)
        digest = image.push(name, ignore)
    builder.get(made[0]).tag(name)
    own = OwnDockerfile("Dockerfile", f"FROM {name}\nRUN ls /\n", (Base(name, digest=digest),))
    plan = dataclasses.replace(plan, environment=dataclasses.replace(plan.environment, recipe=own))

    image = builder.image(plan, context, ignore)
    made.insert(0, image.config.id)

    shown = engine.containers.run(
        image.config.id, ["-c", "ls /base-*"], entrypoint="/bin/sh", remove=True
    )
    assert shown.decode().split() == ["/base-2"]


def test_a_base_that_cannot_be_reached_is_unreachable(
    docker: Engine, project: Path, planned: Callable[..., Made]
) -> None:
    """By both builders: the same call may work later."""
    plan, context = planned("COPY --from=localhost:1/team/tools:1 /x /x\n")
    request = BuildRequest(project, project)
    with pytest.raises(Unreachable, match="cannot get the base image localhost:1/team/tools:1"):
        ClassicBuilder(docker, request).image(plan, context, ignore)
    with pytest.raises(Unreachable, match="cannot get the base image localhost:1/team/tools:1"):
        DockerBuilder(docker, request).image(plan, context, ignore)
