"""The classic builder: the tar that it is sent, what it says, and when it is chosen."""

from __future__ import annotations

import base64
import io
import json
import socket
import tarfile
from contextlib import closing
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import parse_qs, urlsplit

import pytest

from imagebuild.builders.classic import ClassicBuilder
from imagebuild.builders.classic_steps import image_id
from imagebuild.builders.docker import DockerBuilder
from imagebuild.builders.packing import Packed
from imagebuild.builders.recipe import Dockerfile
from imagebuild.context import read_context
from imagebuild.engine import Engine
from imagebuild.errors import BuildFailed, Unreachable, UsageError
from imagebuild.events import (
    Event,
    Note,
    Sent,
    StepEnded,
    StepLog,
    StepStarted,
    Transfer,
    Warned,
    ignore,
)
from imagebuild.node import Node
from imagebuild.plan import Base, Dependencies, OwnDockerfile
from imagebuild.request import Secret
from tests.unit.builders.tiny_engine import Handler, TinyEngine, stream, tiny_engine
from tests.unit.values import IMAGE_ID, environment, name, plan, request, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imagebuild.context import ProjectContext

DOCKERFILE = Dockerfile("FROM x\nRUN a\n")
BASE_ID = "sha256:" + "2" * 64
BASE_NAME = name("reg.example/base:1")
CLASSIC_PLAN = plan(
    environment=environment(
        base=Base(BASE_NAME, image_id=BASE_ID), dependencies=Dependencies(), build_args={"A": "1"}
    )
)


def lines(packed: Packed) -> tarfile.TarFile:
    """The tar, read again."""
    return tarfile.open(fileobj=io.BytesIO(b"".join(packed)))


# The tar


@pytest.fixture
def context(tmp_path: Path) -> ProjectContext:
    """A project with one of everything."""
    write(tmp_path, {"flow.py": "pass\n", "sub/é 中.txt": "ü", "none": "", "run.sh": "#!/bin/sh\n"})
    write(tmp_path, {f"{'deep/' * 40}file": "x"})
    (tmp_path / "run.sh").chmod(0o755)
    (tmp_path / "empty").mkdir()
    (tmp_path / "sub" / "link").symlink_to("../flow.py")
    return read_context(tmp_path)


def test_the_tar_holds_each_entry_as_it_was_planned(context: ProjectContext) -> None:
    """In order, with owner 0, the planned mode and content, and times of whole seconds."""
    with lines(Packed(DOCKERFILE, context.nodes, context.open)) as packed:
        entries = packed.getmembers()[: len(context.nodes)]
        contents = {
            entry.name: found.read() for entry in entries if (found := packed.extractfile(entry))
        }

    assert [entry.name for entry in entries] == [node.path for node in context.nodes]
    for entry, node in zip(entries, context.nodes, strict=True):
        assert (entry.uid, entry.gid, entry.uname, entry.gname) == (0, 0, "", "")
        assert (entry.mode, entry.size, entry.linkname) == (node.mode, node.size, node.target)
        assert entry.mtime == node.mtime_ns // 10**9
        assert (entry.isdir(), entry.issym()) == (node.kind == "directory", node.kind == "link")
    assert contents["sub/é 中.txt"] == "ü".encode()


def test_the_dockerfile_is_told_to_be_taken_out_again(context: ProjectContext) -> None:
    """By an ignore file that names both and nothing else."""
    made = Packed(DOCKERFILE, context.nodes, context.open)
    with lines(made) as packed:
        dockerfile, ignored = packed.getmembers()[-2:]
        rules = packed.extractfile(ignored)
        assert rules is not None
        assert rules.read().decode().splitlines() == [made.dockerfile_name, ".dockerignore"]
        text = packed.extractfile(dockerfile)
        assert text is not None
        assert text.read().decode() == DOCKERFILE.text

    assert (dockerfile.name, ignored.name) == (made.dockerfile_name, ".dockerignore")


def test_equal_files_are_an_equal_tar(context: ProjectContext) -> None:
    """Whoever packs them, and when."""
    packed = Packed(DOCKERFILE, context.nodes, context.open)

    assert b"".join(packed) == b"".join(packed)
    assert len(b"".join(packed)) % 512 == 0


def test_the_dockerfiles_name_is_nobody_elses() -> None:
    """Even where somebody has taken it on purpose."""
    taken = Packed(DOCKERFILE).dockerfile_name
    again = Packed(DOCKERFILE, [Node(taken, "file", 0o644)])

    assert again.dockerfile_name not in {taken, Packed(Dockerfile("other")).dockerfile_name}


def test_an_ignore_file_of_the_projects_own_is_left_out() -> None:
    """There can be one alone, and it has to be ours."""
    packed = Packed(DOCKERFILE, [Node(".dockerignore", "file", 0o644)])

    assert packed.left_out == (".dockerignore",)
    with lines(packed) as tar:
        assert tar.getnames() == [packed.dockerfile_name, ".dockerignore"]


class Endless(io.RawIOBase):
    """A file of zeros that counts what was read of it."""

    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, size: int = -1, /) -> bytes:
        self.left -= (given := min(size, self.left))
        return bytes(given)


def test_a_large_file_is_sent_in_pieces() -> None:
    """Never whole in memory: each piece is read when it is asked for."""
    size = 9 << 30
    file = Endless(size)
    pieces = iter(Packed(DOCKERFILE, [Node("a", "file", 0o644, size)], lambda _: file))  # type: ignore[arg-type,return-value] # a raw file will do

    assert tarfile.TarInfo.frombuf(next(pieces)[-512:], "utf-8", "strict").name == "a"
    assert len(next(pieces)) <= 1 << 20
    assert file.left == size - (1 << 20)
    pieces.close()  # type: ignore[attr-defined] # it is a generator


@pytest.mark.parametrize("size", [0, 3, 5, 2000])
def test_a_file_of_another_size_than_planned_ends_the_build(size: int) -> None:
    """A tar with the wrong length in a header would be another tar."""

    def changed(path: str) -> BinaryIO:
        return io.BytesIO(bytes(size))

    with pytest.raises(BuildFailed, match=r"cannot send a.txt") as caught:
        b"".join(Packed(DOCKERFILE, [Node("a.txt", "file", 0o644, 4)], changed))

    assert caught.value.causes == ("it changed since it was read",)


def test_a_file_that_is_gone_ends_the_build() -> None:
    """With the reason."""
    with pytest.raises(BuildFailed, match=r"cannot send a.txt") as caught:
        b"".join(Packed(DOCKERFILE, [Node("a.txt", "file", 0o644, 4)]))

    assert caught.value.causes == ("no such file or directory",)


# What the builder says


def says(*texts: str) -> list[dict[str, Any]]:
    """Messages as they come: each a text of the builder or of a step."""
    return [{"stream": text} for text in texts]


DONE = {"aux": {"ID": IMAGE_ID}}
BUILT = [
    *says("Step 1/3 : FROM x", "\n", " ---> 9d35dd4fc774\n"),
    *says("Step 2/3 : RUN a \\\n  && b", "\n", " ---> Running in 835c425041bf\n"),
    *says("\x1b[91merr\n\x1b[0m", "out\npart", "ial\n", "10%\r20%\r\n", "last"),
    *says("Removing intermediate container 835c425041bf\n", " ---> e72694b66ce7\n"),
    *says("Step 3/3 : COPY . /x", "\n", " ---> Using cache\n", " ---> d8b191862515\n"),
    DONE,
    *says("Successfully built d8b191862515\n"),
]


class Clock:
    """A clock that goes on by a second each time it is looked at."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_the_steps_are_told_with_their_lines() -> None:
    """As BuildKit's are: started, logged, ended, and whether they were cached."""
    told: list[Event] = []

    assert image_id(BUILT, DOCKERFILE, told.append, Clock()) == IMAGE_ID
    assert told == [
        StepStarted("1", "[1/3] FROM x"),
        StepEnded("1", "[1/3] FROM x", 1.0),
        StepStarted("2", "[2/3] RUN a \\ && b"),
        *(StepLog("2", line) for line in ["err", "out", "partial", "20%", "last"]),
        StepEnded("2", "[2/3] RUN a \\ && b", 1.0),
        StepStarted("3", "[3/3] COPY . /x"),
        StepEnded("3", "[3/3] COPY . /x", 0.0, cached=True),
    ]


def test_a_step_that_prints_what_the_builder_says_is_not_believed() -> None:
    """A build can run a build."""
    told: list[Event] = []
    nested = says("Step 1/9 : FROM y", "\n", "Step 3/9 : RUN z", "\n")
    image_id([*BUILT[:6], *nested, *BUILT[-6:]], DOCKERFILE, told.append)

    started = [event.name for event in told if isinstance(event, StepStarted)]
    assert started == ["[1/3] FROM x", "[2/3] RUN a \\ && b", "[3/3] COPY . /x"]
    assert StepLog("2", "Step 1/9 : FROM y") in told


def test_a_pull_is_told_as_a_transfer() -> None:
    """With totals that no count exceeds."""
    told: list[Event] = []
    pull: list[dict[str, Any]] = [
        {"status": "Pulling from team/base", "id": "1"},
        {"status": "Downloading", "id": "a", "progressDetail": {"current": 5, "total": 10}},
        {"status": "Downloading", "id": "a", "progressDetail": {"current": 12, "total": 10}},
        {"status": "Pull complete", "id": "a", "progressDetail": {}},
    ]
    image_id([*pull, DONE], DOCKERFILE, told.append)

    assert told == [Transfer("build", "a", 5, 10), Transfer("build", "a", 12, 12)]


def test_a_step_that_fails_ends_with_the_error_and_its_last_lines() -> None:
    """The Dockerfile's line is told."""
    told: list[Event] = []
    words = "The command '/bin/sh -c a' returned a non-zero code: 3"
    events: list[dict[str, Any]] = [
        *says("Step 1/2 : FROM x", "\n", "Step 2/2 : RUN a", "\n", "why\n", "cut"),
        {"errorDetail": {"code": 3, "message": words}, "error": "short"},
    ]
    with pytest.raises(BuildFailed, match=r"the build failed at \[2/2\] RUN a") as caught:
        image_id(events, DOCKERFILE, told.append, Clock())

    assert caught.value.causes == ("Dockerfile line 2: the command ended with exit code: 3",)
    assert caught.value.body == ("why", "cut")
    assert told[-1] == StepEnded("2", "[2/2] RUN a", 1.0, error=words)


@pytest.mark.parametrize("event", [{"error": "gone"}, {"errorDetail": {"message": "gone"}}])
def test_an_error_before_any_step_is_an_error(event: dict[str, Any]) -> None:
    """However it is put."""
    with pytest.raises(BuildFailed) as caught:
        image_id([event], DOCKERFILE, ignore)

    assert caught.value.message == "the build failed"
    assert caught.value.causes == ("gone",)


@pytest.mark.parametrize("events", [[], BUILT[:9], [{"aux": None}]])
def test_an_end_without_an_image_is_an_engine_that_went_away(events: list[dict[str, Any]]) -> None:
    """Only an image's ID is a success."""
    with pytest.raises(Unreachable, match="went away during the build"):
        image_id(events, DOCKERFILE, ignore)


# The builder


@pytest.fixture
def server() -> Iterator[TinyEngine]:
    """An engine with a base, that builds, and has no BuildKit."""
    with tiny_engine() as running:
        for held, layers in {BASE_ID: ["a"], IMAGE_ID: ["a", "b"]}.items():
            described = {"Id": held, "RootFS": {"Layers": layers}}
            running.answers[f"GET /images/{held}/json"] = (200, described)
        running.answers["POST /build"] = stream(*BUILT)
        yield running


@pytest.fixture
def engine(server: TinyEngine) -> Iterator[Engine]:
    """The client of it."""
    with closing(Engine(server.env)) as connected:
        yield connected


def asked_to_build(server: TinyEngine) -> tuple[dict[str, str], dict[str, str], bytes]:
    """The query, the headers and the body of the only build."""
    [(line, headers, body)] = [
        asked for asked in server.asked if asked[0].startswith("POST /build")
    ]
    query = parse_qs(urlsplit(line).query, strict_parsing=True)
    return {key: value for key, [value] in query.items()}, headers, body


def test_an_engine_without_buildkit_builds_with_what_it_has(
    engine: Engine, server: TinyEngine, context: ProjectContext
) -> None:
    """And says so; what the user asked for is in the image all the same."""
    told: list[Event] = []
    image = DockerBuilder(engine, request()).image(CLASSIC_PLAN, context, told.append)
    query, headers, body = asked_to_build(server)

    assert image.config.id == IMAGE_ID
    assert any(isinstance(event, Warned) and "no BuildKit" in event.text for event in told)
    assert json.loads(query["labels"]) == CLASSIC_PLAN.labels
    assert json.loads(query["buildargs"]) == {"A": "1"}
    assert {"version", "nocache", "pull", "platform"}.isdisjoint(query)
    assert "X-Registry-Config" not in headers
    with tarfile.open(fileobj=io.BytesIO(body)) as packed:
        text = packed.extractfile(query["dockerfile"])
        assert text is not None
        assert f"FROM {BASE_NAME} AS environment\n" in text.read().decode()
        assert "flow.py" in packed.getnames()


def test_all_files_are_told_as_sent(engine: Engine, context: ProjectContext) -> None:
    """The classic builder remembers none; and that is said."""
    told: list[Event] = []
    ClassicBuilder(engine, request()).image(CLASSIC_PLAN, context, told.append)
    [sent] = [event for event in told if isinstance(event, Sent)]

    assert set(sent.paths) == set(context.digests)
    assert sent.size == sum(node.size for node in context.nodes)
    assert any(isinstance(event, Note) and "cache mounts" in event.text for event in told)


def test_no_cache_and_pull_are_asked_for(
    engine: Engine, server: TinyEngine, context: ProjectContext
) -> None:
    """A pull only of bases that registries have."""
    recipe = OwnDockerfile("Dockerfile", "FROM y\n", (Base(name("y:1"), digest=BASE_ID),))
    own = plan(environment=environment(recipe=recipe))
    ClassicBuilder(engine, request(cache=False, pull=True)).image(own, context, ignore)
    query, _, _ = asked_to_build(server)

    assert (query["nocache"], query["pull"]) == ("1", "1")


def test_only_the_bases_credentials_go_along(
    server: TinyEngine, context: ProjectContext, tmp_path: Path
) -> None:
    """Not those of every registry that docker knows."""
    login = {"auth": base64.b64encode(b"me:pass").decode()}
    auths = {"reg.example": login, "other.example": login}
    (tmp_path / "config.json").write_text(json.dumps({"auths": auths}))
    with closing(Engine({**server.env, "DOCKER_CONFIG": str(tmp_path)})) as engine:
        ClassicBuilder(engine, request()).image(CLASSIC_PLAN, context, ignore)
    _, headers, _ = asked_to_build(server)
    sent = json.loads(base64.urlsafe_b64decode(headers["X-Registry-Config"]))

    assert list(sent) == ["reg.example"]
    assert (sent["reg.example"]["username"], sent["reg.example"]["password"]) == ("me", "pass")


def test_docker_hubs_credentials_go_by_its_old_name(
    server: TinyEngine, context: ProjectContext, tmp_path: Path
) -> None:
    """The only one that engines know."""
    login = {"auth": base64.b64encode(b"me:pass").decode()}
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"docker.io": login}}))
    hub = plan(environment=environment(base=Base(name("me/base:1"), image_id=BASE_ID)))
    with closing(Engine({**server.env, "DOCKER_CONFIG": str(tmp_path)})) as engine:
        ClassicBuilder(engine, request()).image(hub, context, ignore)
    _, headers, _ = asked_to_build(server)

    sent = json.loads(base64.urlsafe_b64decode(headers["X-Registry-Config"]))
    assert list(sent) == ["https://index.docker.io/v1/"]


@pytest.mark.parametrize("what", ["secrets", "ssh"])
@pytest.mark.parametrize("kind", [ClassicBuilder, DockerBuilder])
def test_what_it_cannot_mount_is_refused_before_the_build(
    engine: Engine,
    server: TinyEngine,
    context: ProjectContext,
    kind: type[ClassicBuilder | DockerBuilder],
    what: str,
    tmp_path: Path,
) -> None:
    """By name, also where it is only the fallback."""
    engine.env = {**engine.env, "T": "value"}
    place = tmp_path / "agent"
    asked: dict[str, Any] = {
        "secrets": (Secret("token", variable="T"),),
        "ssh": {"token": (place,)},
    }
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(place))
        with pytest.raises(UsageError, match="cannot give a build step token"):
            kind(engine, request(**{what: asked[what]})).image(CLASSIC_PLAN, context, ignore)

    assert not [line for line, _, _ in server.asked if line.startswith("POST /build")]


@pytest.mark.parametrize("end", [b"", b'40\r\n{"stream"', b'9\r\n{"strea\r\n0\r\n\r\n'])
def test_an_engine_that_dies_in_the_middle_is_unreachable(
    engine: Engine, server: TinyEngine, context: ProjectContext, end: bytes
) -> None:
    """Between two messages, or in one."""
    server.answers["POST /build"] = stream(*BUILT[:8], end=end)
    with pytest.raises(Unreachable):
        ClassicBuilder(engine, request()).image(CLASSIC_PLAN, context, ignore)


def test_a_dockerfile_that_the_engine_cannot_read_is_told_with_its_line(
    engine: Engine, server: TinyEngine, context: ProjectContext
) -> None:
    """It says so before any message."""
    words = {"message": "dockerfile parse error line 2: unknown instruction: FOO"}
    server.answers["POST /build"] = (400, words)
    with pytest.raises(BuildFailed, match="the build failed") as caught:
        ClassicBuilder(engine, request()).image(CLASSIC_PLAN, context, ignore)

    assert caught.value.causes == ("Dockerfile line 2: unknown instruction: FOO",)


def test_an_image_that_does_not_begin_with_its_base_is_an_error(
    engine: Engine, server: TinyEngine, context: ProjectContext
) -> None:
    """Somebody changed what the base's name means, during the build."""
    described = {"Id": IMAGE_ID, "RootFS": {"Layers": ["z", "b"]}}
    server.answers[f"GET /images/{IMAGE_ID}/json"] = (200, described)
    with pytest.raises(BuildFailed, match="was not built on"):
        ClassicBuilder(engine, request()).image(CLASSIC_PLAN, context, ignore)


def test_a_file_that_changes_while_it_is_sent_is_named(
    engine: Engine, context: ProjectContext
) -> None:
    """And not mistaken for an engine that went away."""
    (context.root / "flow.py").write_text("something else\n")
    with pytest.raises(BuildFailed, match=r"cannot send flow.py"):
        ClassicBuilder(engine, request()).image(CLASSIC_PLAN, context, ignore)


def test_a_base_that_the_engine_lacks_is_fetched_by_it(
    engine: Engine, server: TinyEngine, context: ProjectContext
) -> None:
    """By a build of nothing else, which leaves it there."""
    pinned = Base(BASE_NAME, digest=BASE_ID)
    fetched = plan(environment=environment(base=pinned, dependencies=Dependencies()))
    ids = iter([BASE_ID, IMAGE_ID])

    def answer(handler: Handler) -> None:
        stream({"aux": {"ID": next(ids)}})(handler)

    server.answers["POST /build"] = answer
    image = ClassicBuilder(engine, request()).image(fetched, context, ignore)

    assert image.config.id == IMAGE_ID
    assert len([line for line, _, _ in server.asked if line.startswith("POST /build")]) == 2


@pytest.mark.parametrize("kind", [ClassicBuilder, DockerBuilder])
def test_without_buildkit_an_engine_builds_for_itself_alone(
    engine: Engine, kind: type[ClassicBuilder | DockerBuilder]
) -> None:
    """However its own platform is written."""
    builder = kind(engine, request())

    assert builder.platform_for(None) == builder.platform_for("linux/aarch64") == "linux/arm64"
    with pytest.raises(UsageError, match="cannot build for linux/s390x") as caught:
        builder.platform_for("linux/s390x")
    assert caught.value.causes == ("it can build for linux/arm64",)
