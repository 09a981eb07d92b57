"""SSH agents for a build: the user's own, and one of ours where keys were named.

A key's file is read by OpenSSH alone, and a step can use the key and never have it.
https://docs.docker.com/reference/cli/docker/buildx/build/#ssh
"""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from imagebuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@contextmanager
def agents(
    given: Mapping[str, tuple[Path, ...]], env: Mapping[str, str]
) -> Iterator[dict[str, Path]]:
    """The agents' sockets by their ids, where each is given as a socket or as some private keys.

    Raises `UsageError` for a key that OpenSSH cannot use without asking somebody.
    """
    with ExitStack() as started:
        yield {
            name: paths[0]
            if paths[0].is_socket()
            else started.enter_context(_agent(name, paths, env))
            for name, paths in given.items()
        }


@contextmanager
def _agent(name: str, keys: Sequence[Path], env: Mapping[str, str]) -> Iterator[Path]:
    """An agent that has these keys until the block ends."""
    # A socket's path has 108 bytes at most, which the folder of a user can exceed.
    with tempfile.TemporaryDirectory(prefix="ib-", dir="/tmp") as folder, ExitStack() as ends:
        place = Path(folder) / "agent"
        try:
            agent = ends.enter_context(
                subprocess.Popen(["ssh-agent", "-D", "-a", str(place)], stdout=subprocess.PIPE)
            )
            ends.callback(agent.terminate)
            # It says where it listens as soon as it does.
            cast("IO[bytes]", agent.stdout).readline()
            _add(name, keys, {**env, "SSH_AUTH_SOCK": str(place), "SSH_ASKPASS_REQUIRE": "never"})
        except FileNotFoundError as error:
            message = f"cannot use --ssh {name}={keys[0]}"
            raise UsageError(
                message,
                causes=(f"there is no program {error.filename}",),
                hint="install OpenSSH's client, or name the socket of an agent",
            ) from error
        yield place


def _add(name: str, keys: Sequence[Path], env: Mapping[str, str]) -> None:
    added = subprocess.run(
        ["ssh-add", "-q", "--", *map(str, keys)],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # without a terminal it cannot ask for a passphrase
        check=False,
    )
    if added.returncode:
        message = f"cannot use --ssh {name}={','.join(map(str, keys))}"
        raise UsageError(
            message,
            causes=tuple(line for line in added.stderr.splitlines() if line),
            hint="a key with a passphrase goes into an agent of your own: ssh-add, then --ssh"
            f" {name}",
        )
