"""Opening, adopting and closing a session."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import docker
import pytest

from imagebuild.buildkit import BuildOptions, ConnectionLost, NoBuildkit, Sent, Session, build

from .trees import MemoryTree

if TYPE_CHECKING:
    from .fake_engine import Build, FakeEngine

TREES = {"context": MemoryTree({"a": b"a"}), "dockerfile": MemoryTree({"Dockerfile": b"FROM x"})}


def test_a_hundred_sessions_work(engine: FakeEngine, api: docker.APIClient) -> None:
    """The engine's preface comes with the answer's last byte, where http.client reads it ahead."""
    for number in range(100):
        with Session(api, trees=TREES, shared_key=f"key {number}") as session:
            build(api, session, BuildOptions())
            assert session.sent == {
                "context": Sent(("a",), 1),
                "dockerfile": Sent(("Dockerfile",), 6),
            }


def test_the_session_announces_itself(engine: FakeEngine, api: docker.APIClient) -> None:
    """By id, name, shared key, and each method in a header of its own."""
    with Session(api, trees=TREES, shared_key="the key", name="a name") as session:
        [request] = engine.requests
    assert request.path == "/v1.41/session"
    assert request.header("Upgrade") == ["h2c"]
    assert request.header("Connection") == ["Upgrade"]
    assert request.header("X-Docker-Expose-Session-Uuid") == [session.id]
    assert request.header("X-Docker-Expose-Session-Name") == ["a name"]
    assert request.header("X-Docker-Expose-Session-Sharedkey") == ["the key"]
    assert request.header("X-Docker-Expose-Session-Grpc-Method") == [
        "/grpc.health.v1.Health/Check",
        "/moby.filesync.v1.FileSync/DiffCopy",
        "/moby.filesync.v1.Auth/Credentials",
        "/moby.buildkit.secrets.v1.Secrets/GetSecret",
        "/moby.sshforward.v1.SSH/CheckAgent",
        "/moby.sshforward.v1.SSH/ForwardAgent",
    ]


def test_a_session_may_serve_several_builds(engine: FakeEngine, api: docker.APIClient) -> None:
    """One after the other."""
    with Session(api, trees=TREES, shared_key="k") as session:
        build(api, session, BuildOptions())
        build(api, session, BuildOptions())
        assert session.sent["context"].files == 1


def test_closing_twice_does_no_harm(engine: FakeEngine, api: docker.APIClient) -> None:
    """Nor does closing what never was open."""
    with Session(api, trees=TREES, shared_key="k") as session:
        session.close()
    Session(api, trees=TREES, shared_key="k").close()


def test_an_engine_without_buildkit_is_recognised(
    engine: FakeEngine, api: docker.APIClient
) -> None:
    """Podman's answer: 404; and nothing is built by other means."""
    engine.buildkit = False
    with (
        pytest.raises(NoBuildkit, match="HTTP 404 on POST /session") as caught,
        Session(api, trees=TREES, shared_key="k") as session,
    ):
        build(api, session, BuildOptions())
    assert caught.value.status == 404
    assert [request.path for request in engine.requests] == ["/v1.41/session"]


def test_an_engine_that_is_down_is_a_lost_connection() -> None:
    """And not requests' error."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    client = docker.APIClient(base_url=f"tcp://127.0.0.1:{port}", version="1.41")
    with (
        pytest.raises(ConnectionLost, match="cannot reach the engine's BuildKit"),
        Session(client, trees=TREES, shared_key="k"),
    ):
        pass
    client.close()


def test_a_session_that_the_engine_closed_is_lost(
    engine: FakeEngine, api: docker.APIClient
) -> None:
    """Which tells a failed health check from a failed step."""

    async def script(asked: Build) -> None:
        asked.channel.close()
        await asked.channel.wait_lost()
        await asked.emit(errorDetail={"message": "no active session"})

    engine.script = script
    with (
        Session(api, trees=TREES, shared_key="k") as session,
        pytest.raises(ConnectionLost, match="closed the session: no active session"),
    ):
        build(api, session, BuildOptions())
