"""An ssh server on loopback that lets us in by a key of its own, and the ssh that finds it."""

from __future__ import annotations

import shutil
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.processes import (
    SYSTEM_PATH,
    apt_install,
    background,
    free_port,
    run,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class SshServer:
    """Where it listens, and the folder of an `ssh` that trusts it and has the key."""

    port: int
    programs: Path

    def path(self) -> str:
        """The PATH on which that `ssh` comes first."""
        return f"{self.programs}:{SYSTEM_PATH}"


@contextmanager
def running_sshd(folder: Path) -> Iterator[SshServer]:
    """Run one until the block ends; it asks nobody's home folder for anything."""
    sshd, port = _program("sshd", "openssh-server"), free_port()
    ssh = _program("ssh", "openssh-client")
    for name in ("host", "user"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder}/host\n"
        f"AuthorizedKeysFile {folder}/user.pub\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"PasswordAuthentication no\nSetEnv PATH={SYSTEM_PATH}\n"
    )
    host_key = (folder / "host.pub").read_text().rsplit(" ", 1)[0]
    (folder / "known").write_text(f"[127.0.0.1]:{port} {host_key}\n")
    (folder / "bin").mkdir()
    program = folder / "bin" / "ssh"
    program.write_text(
        f"#!/bin/sh\nexec {ssh} -F none -i {folder}/user -o IdentitiesOnly=yes -o BatchMode=yes"
        f' -o UserKnownHostsFile={folder}/known "$@"\n'
    )
    program.chmod(0o755)
    Path("/run/sshd").mkdir(exist_ok=True)  # where a server without privileges would live
    argv, log = [sshd, "-D", "-e", "-f", str(folder / "sshd_config")], folder / "sshd.log"
    with background(argv, log, {"PATH": SYSTEM_PATH}) as process:
        wait_until(lambda: _answers(port), "the ssh server", 20, process, log)
        yield SshServer(port, folder / "bin")


def _program(name: str, package: str) -> str:
    if shutil.which(name, path=SYSTEM_PATH) is None:
        apt_install(package)
    return str(shutil.which(name, path=SYSTEM_PATH))


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
