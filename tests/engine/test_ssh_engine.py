"""An engine behind ssh, for real: a server, the ssh program, and docker's client behind it."""

from __future__ import annotations

import getpass
import shutil
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imagebuild.engine import Engine
from tests.support.command import imagebuild, running
from tests.support.processes import wait_until
from tests.support.sshd import running_sshd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer
    from tests.support.sshd import SshServer

HELLO = Path(__file__).parents[2] / "examples" / "hello"
SLOW = "FROM prefecthq/prefect:3-latest\nRUN sleep 60\n"


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """Give a server that lets us in."""
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def env(prefect_server: PrefectServer, sshd: SshServer) -> dict[str, str]:
    """Give the environment of a user whose engine is behind ssh."""
    host = f"ssh://{getpass.getuser()}@127.0.0.1:{sshd.port}"
    return prefect_server.environment() | {"PATH": sshd.path(), "DOCKER_HOST": host}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a copy of the example, in a folder of the same name."""
    return Path(shutil.copytree(HELLO, tmp_path / "hello"))


def test_an_image_is_built_there(
    project: Path, env: dict[str, str], base_image: str, engine: DockerClient
) -> None:
    """The whole session goes through it; an edit sends one file, and nothing is left running."""
    arguments = ("build", "--image", "hello:over-ssh", "--base", base_image)
    with running(*arguments, cwd=project, env=env) as first:
        assert first.ended().reference == "hello:over-ssh"
        wait_until(lambda: first.left() == [], "the end of all that was started", 10)
    flow = project / "flow.py"
    flow.write_text(flow.read_text().replace("Hello", "Hullo"))

    again = imagebuild(*arguments, cwd=project, env=env)
    engine.images.remove(again.reference, force=True)

    assert "  sent 1 file," in again.told


def test_an_interrupted_build_is_cancelled_there(
    project: Path, env: dict[str, str], base_image: str, engine: DockerClient
) -> None:
    """Ctrl-C reaches the command alone, which still has its way to the engine."""
    (project / "Dockerfile").write_text(SLOW)
    arguments = ("build", "--image", "hello:over-ssh", "--dockerfile", "Dockerfile")
    with running(*arguments, cwd=project, env=env) as command:
        command.wait_for(lambda: " RUN sleep" in command.told)
        command.process.send_signal(2)
        assert command.ended(30).code == 130
        wait_until(lambda: command.left() == [], "the end of all that was started", 10)


@pytest.mark.parametrize(
    ("host", "code", "says"),
    [
        ("ssh://nobody@127.0.0.1:{port}", 3, "Permission denied"),
        ("ssh://127.0.0.1:9", 3, "Connection refused"),
        ("ssh://user:secret@127.0.0.1", 2, "a password in it would be seen by all"),
        ("ssh://", 2, "it names no host"),
    ],
)
def test_what_ssh_said_is_the_reason(
    host: str, code: int, says: str, project: Path, env: dict[str, str], sshd: SshServer
) -> None:
    """An engine that cannot be reached is unreachable, whatever is in between."""
    ran = imagebuild("build", cwd=project, env=env | {"DOCKER_HOST": host.format(port=sshd.port)})

    assert (ran.code, ran.answer) == (code, [])
    assert says in ran.told
    assert "secret" not in ran.told


def test_every_call_may_go_by_a_program_of_its_own(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that was left is no connection that is missed."""
    monkeypatch.setenv("PATH", env["PATH"])
    with closing(Engine(env)) as engine:
        assert {engine.platform, engine.platform} == {engine.platform}
        assert engine.image("nobody/nothing:1") is None
