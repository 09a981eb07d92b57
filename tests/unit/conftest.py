"""Unit tests use nothing but Python: no network, no engine, none of the user's settings."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

SETTINGS = ("PREFECT_", "DOCKER_", "IMAGEBUILD_", "GITHUB_")
# requests prefers these to the certificates that the Docker SDK gives it.
CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
ENGINES = {"docker", "dockerd", "containerd", "buildctl", "buildkitd", "nerdctl", "podman"}
LOOPBACK = {"localhost", "127.0.0.1", "::1", "", None}


@pytest.fixture(autouse=True)
def clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Give the test an empty home, and no setting of Docker, Prefect or this project."""
    for name in list(os.environ):
        if name.startswith(SETTINGS) or name in CERTIFICATES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture(autouse=True)
def no_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that reaches for another machine or for an engine."""
    _guard(monkeypatch, socket.socket, "connect", lambda _socket, address: _check_address(address))
    _guard(
        monkeypatch, socket.socket, "connect_ex", lambda _socket, address: _check_address(address)
    )
    _guard(monkeypatch, socket, "getaddrinfo", lambda host, *_, **__: _check_address((host,)))
    _guard(monkeypatch, subprocess.Popen, "__init__", _check_program)


def _guard(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, check: Callable[..., None]
) -> None:
    original = getattr(owner, name)

    def guarded(*args: Any, **kwargs: Any) -> Any:
        check(*args, **kwargs)
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, guarded)


def _check_address(address: Any) -> None:
    if isinstance(address, tuple):
        allowed = address[0] in LOOPBACK
    else:  # a unix socket: the test's own lie in a temporary folder
        allowed = Path(os.fsdecode(address)).is_relative_to(tempfile.gettempdir())
    if not allowed:
        pytest.fail(f"a unit test reaches for {address!r}")


def _check_program(_popen: object, argv: Any, *_: Any, **__: Any) -> None:
    words = argv.split() if isinstance(argv, str) else argv
    if Path(os.fsdecode(words[0])).name in ENGINES:
        pytest.fail(f"a unit test starts {words!r}")
