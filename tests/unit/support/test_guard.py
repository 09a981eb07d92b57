"""The guard of the unit tests: what would reach outside fails at once."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest


def test_another_machine_is_out_of_reach() -> None:
    """By name or by address."""
    with pytest.raises(pytest.fail.Exception, match="reaches for"):
        socket.create_connection(("registry.example", 443))
    with socket.socket() as sock, pytest.raises(pytest.fail.Exception, match="reaches for"):
        sock.connect(("192.0.2.1", 443))


def test_the_engines_socket_is_out_of_reach() -> None:
    """Even where an engine runs."""
    with socket.socket(socket.AF_UNIX) as sock, pytest.raises(pytest.fail.Exception):
        sock.connect("/var/run/docker.sock")


def test_no_engine_is_started() -> None:
    """Not by its full path either."""
    with pytest.raises(pytest.fail.Exception, match="starts"):
        subprocess.run(["/usr/bin/docker", "version"], check=False)


def test_the_users_settings_are_out_of_sight() -> None:
    """Neither variables nor files in the home."""
    assert not [name for name in os.environ if name.startswith(("PREFECT_", "DOCKER_"))]
    assert not list(Path.home().iterdir())
