"""The build's request, its answer, its errors and its end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from imagebuild.buildkit import (
    BuildCancelled,
    BuildFailed,
    BuildOptions,
    ConnectionLost,
    Session,
    Step,
    StepEvent,
    StepFailed,
    StepLog,
    StepStarted,
    Unauthorized,
    build,
)
from imagebuild.buildkit.messages import (
    StatusResponse,
    Timestamp,
    VertexLogMessage,
    VertexMessage,
)

from .fake_engine import IMAGE, Build, FakeEngine, Request

if TYPE_CHECKING:
    import docker

FAILED = StatusResponse(
    vertexes=[
        VertexMessage(
            digest="v", name="[2/2] RUN make", started=Timestamp(seconds=1), error="exit code: 2",
            completed=Timestamp(seconds=3),
        )
    ],
    logs=[VertexLogMessage(vertex="v", stream=2, msg=b"first\nlast")],
)  # fmt: skip


def run(api: docker.APIClient, options: BuildOptions | None = None) -> str:
    """A build without files."""
    with Session(api, trees={}, shared_key="k") as session:
        return build(api, session, options or BuildOptions())


def fails_with(message: str, trace: StatusResponse | None = None) -> object:
    """A script of a build that fails."""

    async def script(asked: Build) -> None:
        if trace is not None:
            await asked.trace(trace)
        await asked.emit(errorDetail={"message": message}, error=message)

    return script


async def succeed(asked: Build) -> None:
    """A script of a build that succeeds at once."""
    await asked.image()


def asked_for(engine: FakeEngine, path: str) -> list[Request]:
    """The requests for an endpoint."""
    return [request for request in engine.requests if request.path == f"/v1.41{path}"]


def test_build_returns_the_image_id(engine: FakeEngine, api: docker.APIClient) -> None:
    """From the answer's own event."""
    engine.script = succeed
    assert run(api) == IMAGE


def test_the_query_says_what_to_build(engine: FakeEngine, api: docker.APIClient) -> None:
    """Every option under the engine's name; what is not set is not sent."""
    engine.script = succeed
    run(
        api,
        BuildOptions(
            dockerfile="My.Dockerfile",
            tags=("a:1", "b:2"),
            labels={"k": "v é"},
            build_args={"A": "1"},
            platform="linux/arm64",
            target="stage",
            no_cache=True,
            pull=True,
            network="host",
            cache_from=("c:3",),
            extra={"shmsize": "64"},
        ),
    )
    [request] = asked_for(engine, "/build")
    query = request.query
    assert query.pop("session")[0] in engine.sessions
    assert len(query.pop("buildid")[0]) == 32
    assert json.loads(query.pop("labels")[0]) == {"k": "v é"}
    assert query == {
        "version": ["2"],
        "remote": ["client-session"],
        "dockerfile": ["My.Dockerfile"],
        "t": ["a:1", "b:2"],
        "buildargs": ['{"A": "1"}'],
        "platform": ["linux/arm64"],
        "target": ["stage"],
        "nocache": ["1"],
        "pull": ["1"],
        "networkmode": ["host"],
        "cachefrom": ['["c:3"]'],
        "shmsize": ["64"],
    }


def test_an_empty_query_has_what_is_needed(engine: FakeEngine, api: docker.APIClient) -> None:
    """And nothing that would change a default of the engine."""
    engine.script = succeed
    run(api)
    assert set(asked_for(engine, "/build")[0].query) == {
        "version", "remote", "session", "buildid", "dockerfile",
    }  # fmt: skip


def test_what_happens_in_a_step_reaches_the_caller(
    engine: FakeEngine, api: docker.APIClient
) -> None:
    """However the answer is cut into chunks."""

    async def script(asked: Build) -> None:
        await asked.raw(b'{"id": "moby.buildkit')
        await asked.raw(b'.trace", "aux": ""}\r\n\r\n{"stream": "ignored"}\n')
        await asked.trace(FAILED)
        await asked.image()

    engine.script = script
    seen: list[StepEvent] = []
    with Session(api, trees={}, shared_key="k") as session:
        build(api, session, BuildOptions(), seen.append)
    step = Step("v", "[2/2] RUN make", number=2, total=2)
    assert seen == [
        StepStarted(step),
        StepLog(step, "first", 2),
        StepLog(step, "last", 2),
        StepFailed(step, "exit code: 2", 2.0),
    ]


def test_a_failed_step_is_named_with_its_last_lines(
    engine: FakeEngine, api: docker.APIClient
) -> None:
    """So that a message can show them."""
    engine.script = fails_with("process did not complete successfully: 401 unauthorized", FAILED)  # type: ignore[assignment]
    with pytest.raises(BuildFailed) as caught:
        run(api)
    assert type(caught.value) is BuildFailed
    assert caught.value.step == "[2/2] RUN make"
    assert caught.value.log == ("first", "last")


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("unexpected status: 401 Unauthorized", Unauthorized),
        ("failed to authorize: unexpected status code 401", Unauthorized),
        ("pull access denied, repository may require authorization", Unauthorized),
        ("no basic auth credentials", Unauthorized),
        ("failed to fetch anonymous token: 403 Forbidden", Unauthorized),
        ("rpc error: code = Canceled desc = context canceled", BuildCancelled),
        ("executor failed running [/bin/sh -c echo unauthorized]: exit code: 1", BuildFailed),
        ("dockerfile parse error line 1: unknown instruction: FORM", BuildFailed),
        ("docker.io/library/nothing:latest: not found", BuildFailed),
    ],
)  # fmt: skip
def test_errors_are_told_apart(
    engine: FakeEngine, api: docker.APIClient, message: str, kind: type[BuildFailed]
) -> None:
    """By the engine's words, and not by those of a command it ran."""
    engine.script = fails_with(message)  # type: ignore[assignment]
    with pytest.raises(BuildFailed) as caught:
        run(api)
    assert type(caught.value) is kind
    assert caught.value.message == message


def test_an_engine_that_vanishes_is_a_lost_connection(
    engine: FakeEngine, api: docker.APIClient
) -> None:
    """And not a traceback of requests, urllib3 or docker."""

    async def script(asked: Build) -> None:
        await asked.trace(FAILED)
        asked.engine.vanish()

    engine.script = script
    with pytest.raises(ConnectionLost, match="went away during the build"):
        run(api)
    assert asked_for(engine, "/build/cancel") == []


@pytest.mark.parametrize(
    ("rest", "message"),
    [(b'{"id": "moby.', "was cut off"), (b"", "without an image and without an error")],
)
def test_an_answer_that_just_ends_is_a_lost_connection(
    engine: FakeEngine, api: docker.APIClient, rest: bytes, message: str
) -> None:
    """A proxy in between may end it cleanly."""

    async def script(asked: Build) -> None:
        if rest:
            await asked.raw(rest)

    engine.script = script
    with pytest.raises(ConnectionLost, match=message):
        run(api)
