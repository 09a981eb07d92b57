"""An FTP server: a storage that fsspec opens with Python's own library alone."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.debian import unpacked
from tests.support.processes import background, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Debian's server, and what newer Pythons no longer have of what it stands on.
_PACKAGES = ("python3-pyftpdlib", "python3-pyasyncore")


@contextmanager
def ftp_server(host: str, served: Path, log: Path) -> Iterator[str]:
    """Serve a folder to everybody until the block ends; the URL of its root."""
    port = free_port(host)
    folders = [str(unpacked(name) / "usr/lib/python3/dist-packages") for name in _PACKAGES]
    argv = [sys.executable, "-m", "pyftpdlib", "-i", host, "-p", str(port), "-d", str(served)]

    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((host, port)) == 0

    env = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    with background(argv, log, env) as process:
        wait_until(answers, "the FTP server", 60, process, log)
        yield f"ftp://{host}:{port}"
