"""Where a second engine cannot be started, the one that is there must have the right store."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import SetupError, second_engine


class _Client:
    """An SDK's client for an engine with one image store or the other."""

    def __init__(self, status: list[list[str]]) -> None:
        self.status = status
        self.closed = False

    def info(self) -> dict[str, Any]:
        return {"DriverStatus": self.status}

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("debian", [True, False])
def test_where_no_engine_can_be_started_one_with_that_store_is_taken(
    debian: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a laptop with Docker Desktop; its docker needs no leading."""
    client = _Client([second_engine.DRIVER_OF_THAT_STORE])
    monkeypatch.setattr(second_engine, "is_debian", lambda: debian)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("docker.from_env", lambda: client)

    with second_engine.containerd_engine() as engine:
        assert engine.environment == {}
        assert not client.closed
    assert client.closed


def test_where_the_engine_has_another_store_the_user_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The tests fail, instead of passing on the wrong store."""
    monkeypatch.setattr(second_engine, "is_debian", lambda: False)
    monkeypatch.setattr("docker.from_env", lambda: _Client([["Backing Filesystem", "extfs"]]))

    with (
        pytest.raises(SetupError, match="give the Docker Engine the containerd image store"),
        second_engine.containerd_engine(),
    ):
        pass
