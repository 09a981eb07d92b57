"""ssh agents, as a step of the build uses them."""

from __future__ import annotations

import asyncio
import socket
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from grpclib.client import StreamStreamMethod, UnaryUnaryMethod
from grpclib.exceptions import StreamTerminatedError

from imagebuild.buildkit import BuildFailed, BuildOptions, Session, build
from imagebuild.buildkit.messages import BytesMessage, CheckAgentRequest, CheckAgentResponse

from .fake_agent import (
    FAILURE,
    REQUEST_IDENTITIES,
    SIGN_REQUEST,
    FakeAgent,
    packet,
    running_agent,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import docker

    from .fake_engine import Build, FakeEngine

CHECK = "/moby.sshforward.v1.SSH/CheckAgent"
FORWARD = "/moby.sshforward.v1.SSH/ForwardAgent"
LIST = packet(REQUEST_IDENTITIES)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, for sockets."""
    with tempfile.TemporaryDirectory(prefix="ib-") as made:
        yield Path(made)


@pytest.fixture
def agent(folder: Path) -> Iterator[FakeAgent]:
    """An agent that runs."""
    with running_agent(folder / "agent", "mine") as running:
        yield running


def serve(engine: FakeEngine, api: docker.APIClient, ssh: Mapping[str, Path]) -> Session:
    """Run the engine's script with these agents; the session, after its end."""
    with Session(api, trees={}, ssh=ssh, shared_key="k") as session:
        build(api, session, BuildOptions())
    return session


def forward(engine: FakeEngine, api: docker.APIClient, agent: FakeAgent, *sent: bytes) -> bytes:
    """What a step receives that sends these bytes in these pieces and closes its side."""
    received: list[bytes] = []

    async def script(asked: Build) -> None:
        method = StreamStreamMethod(asked.channel, FORWARD, BytesMessage, BytesMessage)
        messages = [BytesMessage(data=data) for data in sent]
        received.extend(message.data for message in await method(messages))
        await asked.image()

    engine.script = script
    serve(engine, api, {"default": agent.path})
    return b"".join(received)


@pytest.mark.parametrize(
    "cut",
    [[LIST], [LIST[:2], LIST[2:]], [LIST[:4], LIST[4:]], [bytes([one]) for one in LIST]],
    ids=["whole", "in its length", "after its length", "each byte"],
)
def test_a_request_reaches_the_agent_however_it_is_cut(
    engine: FakeEngine, api: docker.APIClient, agent: FakeAgent, cut: Sequence[bytes]
) -> None:
    """And its answer comes back."""
    assert forward(engine, api, agent, *cut) == agent.identities
    assert agent.asked == [REQUEST_IDENTITIES]


def test_requests_are_answered_in_their_order(
    engine: FakeEngine, api: docker.APIClient, agent: FakeAgent
) -> None:
    """Several in one piece, long answers among them."""
    sign = packet(SIGN_REQUEST, b"key and data")
    answers = forward(engine, api, agent, LIST + sign + LIST[:3], LIST[3:])
    assert answers == agent.identities + agent.signature + agent.identities


def test_a_step_cannot_change_the_agent(
    engine: FakeEngine, api: docker.APIClient, agent: FakeAgent
) -> None:
    """Adding, removing, locking and extensions fail, and the agent hears nothing of them."""
    changes = [packet(kind, b"whatever") for kind in range(256) if kind not in {11, 13}]
    assert forward(engine, api, agent, *changes, LIST) == (
        packet(FAILURE) * len(changes) + agent.identities
    )
    assert agent.asked == [REQUEST_IDENTITIES]


def test_ids_lead_to_their_agents(
    engine: FakeEngine, api: docker.APIClient, folder: Path, agent: FakeAgent
) -> None:
    """A step without an id means `default`."""
    received: list[bytes] = []

    async def script(asked: Build) -> None:
        method = StreamStreamMethod(asked.channel, FORWARD, BytesMessage, BytesMessage)
        for metadata in ({"buildkit.ssh.id": "work"}, {"buildkit.ssh.id": "default"}, {}):
            [answer] = await method([BytesMessage(data=LIST)], metadata=metadata)
            received.append(answer.data)
        for name in ("work", "default", ""):
            check = UnaryUnaryMethod(asked.channel, CHECK, CheckAgentRequest, CheckAgentResponse)
            await check(CheckAgentRequest(id=name))
        await asked.image()

    engine.script = script
    with running_agent(folder / "work", "the other") as other:
        session = serve(engine, api, {"default": agent.path, "work": other.path})
        assert received == [other.identities, agent.identities, agent.identities]
    assert session.refused == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("work", "no ssh agent 'work' was given"),
        ("", "cannot connect to the ssh agent 'default' at .*/closed: .*refused"),
        ("absent", "cannot connect to the ssh agent 'absent' at .*/absent: .*No such file"),
    ],
)
def test_an_agent_that_is_not_there_is_named(
    engine: FakeEngine, api: docker.APIClient, folder: Path, name: str, text: str
) -> None:
    """By its id, before the step runs."""
    with socket.socket(socket.AF_UNIX) as closed:
        closed.bind(str(folder / "closed"))

    async def script(asked: Build) -> None:
        check = UnaryUnaryMethod(asked.channel, CHECK, CheckAgentRequest, CheckAgentResponse)
        await check(CheckAgentRequest(id=name))

    engine.script = script
    with pytest.raises(BuildFailed, match=text):
        serve(engine, api, {"default": folder / "closed", "absent": folder / "absent"})


def test_a_request_that_is_cut_off_reaches_no_agent(
    engine: FakeEngine, api: docker.APIClient, agent: FakeAgent
) -> None:
    """The step has gone away in the middle."""
    assert forward(engine, api, agent, LIST, LIST[:-1]) == agent.identities
    assert agent.asked == [REQUEST_IDENTITIES]


@pytest.mark.parametrize("length", [0, 256 * 1024 + 1, 2**32 - 1])
def test_what_is_no_request_ends_the_connection(
    engine: FakeEngine, api: docker.APIClient, agent: FakeAgent, length: int
) -> None:
    """So a step cannot make us keep what it sends."""
    with pytest.raises(BuildFailed, match=f"'default' at .* ended: a message of {length} bytes"):
        forward(engine, api, agent, length.to_bytes(4, "big") + b"\x0b")
    assert agent.asked == []


def test_an_agent_that_hangs_up_ends_the_connection(
    engine: FakeEngine, api: docker.APIClient, agent: FakeAgent
) -> None:
    """And the step is not left waiting."""
    agent.answers.clear()
    with pytest.raises(BuildFailed, match=r"forwarding to the ssh agent 'default' at .* ended"):
        forward(engine, api, agent, LIST)


def test_a_session_ends_while_an_agent_thinks(
    engine: FakeEngine, api: docker.APIClient, agent: FakeAgent
) -> None:
    """It may be waiting for its user, who has pressed Ctrl-C in the meantime."""
    agent.answers[REQUEST_IDENTITIES] = b""
    ended: list[bool] = []

    async def script(asked: Build) -> None:
        method = StreamStreamMethod(asked.channel, FORWARD, BytesMessage, BytesMessage)
        waiting = asyncio.ensure_future(method([BytesMessage(data=LIST)]))
        while not agent.asked:
            await asyncio.sleep(0.001)
        await asked.emit(errorDetail={"message": "no"})
        with pytest.raises(StreamTerminatedError):
            await waiting
        ended.append(True)

    engine.script = script
    with pytest.raises(BuildFailed, match="no"):
        serve(engine, api, {"default": agent.path})
    while not ended:
        time.sleep(0.001)


def test_an_optional_agent_that_was_not_given_is_told_with_the_failure(
    engine: FakeEngine, api: docker.APIClient
) -> None:
    """The engine runs the step without it, and the step fails for a reason of its own."""

    async def script(asked: Build) -> None:
        check = UnaryUnaryMethod(asked.channel, CHECK, CheckAgentRequest, CheckAgentResponse)
        for _ in range(2):
            with pytest.raises(Exception, match="no ssh agent 'default'"):
                await check(CheckAgentRequest())
        await asked.emit(errorDetail={"message": "git clone: exit code: 128"})

    engine.script = script
    with pytest.raises(BuildFailed) as caught:
        serve(engine, api, {})
    assert caught.value.message == "git clone: exit code: 128"
    assert caught.value.refused == ("no ssh agent 'default' was given",)
