"""Run the programs of the set-up: to their end, in the background, or as a daemon that stays."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

# Daemons and their helpers (dockerd, iptables) lie where a user's PATH need not look.
SYSTEM_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def run(*argv: str, env: Mapping[str, str] | None = None) -> str:
    """Run a program to its end and give its output; a failure shows what it said."""
    environ = {"PATH": SYSTEM_PATH} | {k: v for k, v in os.environ.items() if k != "PATH"}
    done = subprocess.run(
        argv,
        env=environ | dict(env or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        message = f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout[-3000:]}"
        raise SetupError(message)
    return done.stdout


def apt_install(*packages: str) -> None:
    """Install Debian packages, where we may."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        message = f"please install {' and '.join(packages)} (only root on Debian can do it here)"
        raise SetupError(message)
    print(f"set-up: installing {' '.join(packages)}", flush=True)
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", env=quiet)
    run("apt-get", "install", "-y", "--no-install-recommends", *packages, env=quiet)


@contextmanager
def background(
    argv: list[str], log: Path, env: Mapping[str, str], cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends; then it, and all that it has started, ends too."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            argv,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group to end as one; Ctrl-C reaches us alone
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the process group to end, insist after ten seconds."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(10)
        except ProcessLookupError:
            process.wait()
        except subprocess.TimeoutExpired:
            continue
        return


def wait_until(
    ready: Callable[[], bool],
    what: str,
    seconds: float = 60,
    process: subprocess.Popen[bytes] | None = None,
    log: Path | None = None,
) -> None:
    """Poll until ready; if time runs out or the process ends, say so with its log's last lines."""
    end = time.monotonic() + seconds
    while not ready():
        ended = process is not None and process.poll() is not None
        if ended or time.monotonic() > end:
            why = "its process has ended" if ended else f"not after {seconds:.0f} s"
            tail = log.read_text(errors="replace")[-2000:] if log and log.exists() else ""
            message = f"{what} is not ready: {why}\n{tail}".rstrip()
            raise SetupError(message)
        time.sleep(0.1)


def free_port(host: str = "127.0.0.1") -> int:
    """Give a port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
