"""A step of a real build uses ssh agents of this machine."""

from __future__ import annotations

import contextlib
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import pytest

from imagebuild.buildkit import BuildFailed
from tests.unit.buildkit.fake_agent import REQUEST_IDENTITIES, SIGN_REQUEST, running_agent

from .test_buildkit_build import BASE, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Sends the request that its arguments name, and prints the answer's type, and the comment of the
# only key: https://datatracker.ietf.org/doc/html/draft-miller-ssh-agent
CLIENT = r"""
import os, socket, sys

def read(connection, size):
    data = b""
    while len(data) < size:
        data += connection.recv(size - len(data))
    return data

def string(data):
    end = 4 + int.from_bytes(data[:4], "big")
    return data[4:end], data[end:]

with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(os.environ["SSH_AUTH_SOCK"])
    for kind in map(int, sys.argv[1:]):
        connection.sendall(b"\0\0\0\1" + bytes([kind]))
        answer = read(connection, int.from_bytes(read(connection, 4), "big"))
        print("answer", answer[0], "of", len(answer), "bytes")
        if answer[0] == 12:
            key, rest = string(answer[5:])
            print("keys", int.from_bytes(answer[1:5], "big"), string(rest)[0].decode())
"""


@pytest.fixture
def api() -> Iterator[docker.APIClient]:
    """The engine that docker finds."""
    with contextlib.closing(docker.from_env()) as client:
        yield client.api


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, for sockets."""
    with tempfile.TemporaryDirectory(prefix="ib-") as made:
        yield Path(made)


def build(api: docker.APIClient, ssh: Mapping[str, Path], *steps: str) -> list[str]:
    """Run steps (`MOUNT; COMMAND`), and tell the lines that they printed."""
    runs = [
        f"RUN --mount=type=bind,target=/c --mount=type=ssh{step.replace(';', '', 1)}"
        for step in steps
    ]
    # A step that is in the cache would print nothing.
    dockerfile = "\n".join([f"FROM {BASE}", f"ENV ONCE={uuid.uuid4().hex}", *runs, ""])
    image, _, lines = run(api, dockerfile, {"ask.py": CLIENT.encode()}, "ssh", ssh=ssh)
    api.remove_image(image, force=True)
    return lines


def test_a_step_asks_the_agent_of_its_id(api: docker.APIClient, folder: Path) -> None:
    """Two agents in one build."""
    with (
        running_agent(folder / "one", "mine@home") as mine,
        running_agent(folder / "two", "work@office") as work,
    ):
        lines = build(
            api,
            {"default": mine.path, "work": work.path},
            "; python3 /c/ask.py 11",
            ",id=work; python3 /c/ask.py 11",
        )
    keys = [line for line in lines if line.startswith("keys")]
    assert keys == ["keys 1 mine@home", "keys 1 work@office"]
    assert mine.asked == work.asked == [REQUEST_IDENTITIES]


def test_one_connection_asks_several_times(api: docker.APIClient, folder: Path) -> None:
    """Long answers come whole, and what would change the agent does not reach it."""
    with running_agent(folder / "one", "mine@home") as agent:
        lines = build(api, {"default": agent.path}, "; python3 /c/ask.py 13 19 11")
    assert lines == [
        f"answer 14 of {5 + 10_000 * len('mine@home')} bytes",
        "answer 5 of 1 bytes",
        "answer 12 of 27 bytes",
        "keys 1 mine@home",
    ]
    assert agent.asked == [SIGN_REQUEST, REQUEST_IDENTITIES]


@pytest.mark.parametrize(
    ("mount", "text"),
    [
        (",id=work,required=true", "no ssh agent 'work' was given"),
        (",required=true", r"cannot connect to the ssh agent 'default' at .*/gone"),
    ],
)
def test_a_required_agent_that_is_not_there_ends_the_build(
    api: docker.APIClient, folder: Path, mount: str, text: str
) -> None:
    """In our words."""
    with pytest.raises(BuildFailed, match=text) as caught:
        build(api, {"default": folder / "gone"}, f"{mount}; true")
    assert caught.value.refused == ()


def test_an_agent_that_was_not_given_is_told_when_its_step_fails(api: docker.APIClient) -> None:
    """An ssh mount is optional unless it says otherwise, so the step runs without an agent."""
    with pytest.raises(BuildFailed) as caught:
        build(api, {}, ",id=work; python3 /c/ask.py 11")
    assert "No such file or directory" in caught.value.log[-1]
    assert caught.value.refused == ("no ssh agent 'work' was given",)
