"""A repository behind ssh, for real: a server, the ssh program, and git on both sides."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import pytest

from imagebuild.errors import Denied, Unreachable, UsageError
from tests.support.processes import SYSTEM_PATH, free_port
from tests.support.sshd import running_sshd
from tests.unit.sources.repositories import FILES, checked_out, files, made

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.sshd import SshServer

ME = getpass.getuser()


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """Give a server that lets us in."""
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """Give a repository that it can read."""
    return made(tmp_path / "flows")


def test_a_repository_is_fetched(origin: Path, sshd: SshServer) -> None:
    """With the user's own ssh and key; its commit is told without the user."""
    address = f"ssh://{ME}@127.0.0.1:{sshd.port}{origin}"
    with checked_out(address, env={"PATH": sshd.path()}) as checkout:
        assert files(checkout.root) == FILES | {"flow.py": "two\n"}
        assert checkout.commit is not None
        assert checkout.commit.url == f"ssh://127.0.0.1:{sshd.port}{origin}"
    with checked_out(f"{address}@v1.0#jobs/etl", env={"PATH": sshd.path()}) as checkout:
        assert files(checkout.root) == {"flow.py": "etl\n"}


def test_the_short_form_is_fetched_by_the_users_own_command(origin: Path, sshd: SshServer) -> None:
    """Which knows the port, say, and in whose place none of ours is put."""
    env = {"PATH": SYSTEM_PATH, "GIT_SSH_COMMAND": f"{sshd.programs}/ssh -p {sshd.port}"}
    with checked_out(f"git+ssh://{ME}@127.0.0.1{origin}", env=env) as checkout:
        assert (checkout.root / "flow.py").is_file()
    with checked_out(f"{ME}@127.0.0.1:{origin}@feature/x", env=env) as checkout:
        assert (checkout.root / "flow.py").read_text() == "x\n"


def test_a_host_that_nobody_knows_is_denied(origin: Path, sshd: SshServer, tmp_path: Path) -> None:
    """And no question waits for an answer."""
    ssh = f"ssh -F none -o UserKnownHostsFile={tmp_path}/none -o BatchMode=yes"
    env = {"PATH": SYSTEM_PATH, "GIT_SSH_COMMAND": ssh}
    address = f"ssh://{ME}@127.0.0.1:{sshd.port}{origin}"
    with pytest.raises(Denied, match="known_hosts"), checked_out(address, env=env):
        pass


def test_without_a_key_it_is_denied(origin: Path, sshd: SshServer) -> None:
    """The host is known."""
    ssh = f"{sshd.programs}/ssh -o PubkeyAuthentication=no"
    env = {"PATH": SYSTEM_PATH, "GIT_SSH_COMMAND": ssh}
    address = f"ssh://{ME}@127.0.0.1:{sshd.port}{origin}"
    with pytest.raises(Denied, match="agent"), checked_out(address, env=env):
        pass


def test_what_is_not_there_is_told(tmp_path: Path, sshd: SshServer) -> None:
    """A repository, or a server."""
    env = {"PATH": sshd.path()}
    address = f"ssh://{ME}@127.0.0.1:{sshd.port}{tmp_path}/gone"
    with pytest.raises(UsageError, match="gone"), checked_out(address, env=env):
        pass
    address = f"ssh://{ME}@127.0.0.1:{free_port()}{tmp_path}/gone"
    with pytest.raises(Unreachable, match="cannot reach"), checked_out(address, env=env):
        pass
