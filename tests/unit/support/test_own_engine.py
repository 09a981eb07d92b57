"""An engine beside takes nothing that is not its own, and leaves nothing of its own behind."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import own_engine

if TYPE_CHECKING:
    import pytest


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

    found = own_engine.processes_of(Path("/run/mine-1"), tmp_path)

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
    assert own_engine.mounts_below(mounts, Path("/run/mine"), Path("/data")) == [
        "/run/mine/docker/netns/1",
        "/data/docker/rootfs/1",
        "/data/docker",
    ]


def test_control_groups_are_found_the_innermost_first(tmp_path: Path) -> None:
    """In one hierarchy as in many, and none of another engine."""
    for group in ("mine-1/a", "pids/mine-1/b/c", "pids/mine-10", "pids/docker/mine-1"):
        (tmp_path / group).mkdir(parents=True)
    (tmp_path / "mine-1" / "cgroup.procs").touch()

    found = own_engine.control_groups("mine-1", tmp_path)

    assert [str(group.relative_to(tmp_path)) for group in found] == [
        "pids/mine-1/b/c",
        "pids/mine-1/b",
        "pids/mine-1",
        "mine-1/a",
        "mine-1",
    ]


def test_two_engines_share_nothing() -> None:
    """Folders, bridge, addresses and rules are a number's own."""
    one, other = own_engine.Slot(1), own_engine.Slot(2)

    assert not {one.run, one.data, one.bridge, one.network, *one.rules} & {
        *(other.run, other.data, other.bridge, other.network, *other.rules)
    }
    assert len(f"{one.run}/docker.sock") < 100


def test_a_run_takes_the_first_number_that_no_living_run_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And leaves it to the next."""
    cleared: list[int] = []
    monkeypatch.setattr(own_engine, "CACHE", tmp_path)
    monkeypatch.setattr(own_engine, "clear", lambda slot: cleared.append(slot.number))

    with own_engine.free_slot() as first, own_engine.free_slot() as second:
        numbers = [first.number, second.number]
    with own_engine.free_slot() as third:
        numbers.append(third.number)

    assert numbers == [0, 1, 0]
    assert cleared == [0, 1, 1, 0, 0, 0]


def test_an_engine_that_does_not_listen_does_not_answer() -> None:
    """The folder's path is short, as a socket's must be."""
    with tempfile.TemporaryDirectory() as folder:
        assert not own_engine.answers(Path(folder, "docker.sock"))
