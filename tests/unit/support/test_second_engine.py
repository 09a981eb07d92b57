"""The second engine takes nothing that is not its own, and leaves nothing of its own behind."""

from __future__ import annotations

import tempfile
from pathlib import Path
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


def test_the_processes_of_a_killed_run_are_found_and_no_others(tmp_path: Path) -> None:
    """Daemons by an argument in the folder, containers by their control group."""
    commands = {
        "10": ("dockerd\0--config-file\0/run/mine-1/daemon.json\0", "0::/user"),
        "11": ("sleep\0" + "1000\0", "0::/mine-1/3f2a"),
        "12": ("sleep\0" + "1000\0", "9:pids:/mine-1/3f2a\n0::/"),
        "20": ("dockerd\0--config-file\0/run/mine-10/daemon.json\0", "0::/user"),
        "21": ("sleep\0" + "1000\0", "0::/docker/3f2a"),
        "22": ("", "0::/"),
    }
    for pid, (command, groups) in commands.items():
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cmdline").write_text(command)
        (tmp_path / pid / "cgroup").write_text(groups)
    (tmp_path / "23").mkdir()  # has ended

    found = second_engine.processes_of(Path("/run/mine-1"), tmp_path)

    assert sorted(found) == [10, 11, 12]


def test_mounts_in_the_folders_are_found_the_innermost_first() -> None:
    """So that each can be taken away."""
    mounts = """\
/dev/vda / ext4 rw 0 0
/dev/vda /data/docker ext4 rw 0 0
nsfs /run/mine/docker/netns/1 nsfs rw 0 0
overlay /data/docker/rootfs/1 overlay rw 0 0
overlay /data-2/docker overlay rw 0 0
"""
    assert second_engine.mounts_below(mounts, Path("/run/mine"), Path("/data")) == [
        "/run/mine/docker/netns/1",
        "/data/docker/rootfs/1",
        "/data/docker",
    ]


def test_two_engines_share_nothing() -> None:
    """Folders, bridge, addresses and rules are a number's own."""
    one, other = second_engine.Slot(1), second_engine.Slot(2)

    assert not {one.run, one.data, one.bridge, one.network, *one.rules} & {
        *(other.run, other.data, other.bridge, other.network, *other.rules)
    }
    assert len(f"{one.run}/docker.sock") < 100


def test_a_run_takes_the_first_number_that_no_living_run_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And leaves it to the next."""
    cleared: list[int] = []
    monkeypatch.setattr(second_engine, "CACHE", tmp_path)
    monkeypatch.setattr(second_engine, "_clear", lambda slot: cleared.append(slot.number))

    with second_engine._free_slot() as first, second_engine._free_slot() as second:
        numbers = [first.number, second.number]
    with second_engine._free_slot() as third:
        numbers.append(third.number)

    assert numbers == [0, 1, 0]
    assert cleared == [0, 1, 1, 0, 0, 0]


def test_an_engine_that_does_not_listen_does_not_answer() -> None:
    """The folder's path is short, as a socket's must be."""
    with tempfile.TemporaryDirectory() as folder:
        assert not second_engine.answers(Path(folder, "docker.sock"))


@pytest.mark.parametrize("debian", [True, False])
def test_where_no_engine_can_be_started_one_with_that_store_is_taken(
    debian: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a laptop with Docker Desktop; its docker needs no leading."""
    client = _Client([second_engine.CONTAINERD_STORE])
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
