"""What an ended engine left behind does not keep the next one from starting."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import SetupError, engine

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """Make a /var/run with a socket file in it."""
    (tmp_path / "docker" / "containerd").mkdir(parents=True)
    (tmp_path / "docker.sock").touch()
    return tmp_path


def test_a_pid_file_of_an_ended_process_is_removed_with_the_socket(run_folder: Path) -> None:
    """Numbers that no process has any more."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for name in engine.PID_FILES:
        (run_folder / name).write_text(str(ended.pid))

    assert not engine.remove_stale(run_folder)
    assert not [path for path in run_folder.rglob("*") if path.is_file()]


def test_a_pid_file_whose_number_now_belongs_to_another_program_is_removed(
    run_folder: Path,
) -> None:
    """As in a snapshot of a machine that was started again."""
    (run_folder / "docker.pid").write_text(f"{os.getpid()}\n")

    assert not engine.remove_stale(run_folder)
    assert not (run_folder / "docker.pid").exists()


def test_a_running_daemon_keeps_its_files(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be just about to answer."""
    (run_folder / "docker.pid").write_text("1")
    monkeypatch.setattr(engine, "_program", lambda _pid: "dockerd")

    assert engine.remove_stale(run_folder)
    assert (run_folder / "docker.sock").exists()


def test_an_engine_that_the_user_chose_is_never_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A DOCKER_HOST that does not answer is the user's to start."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")

    with pytest.raises(SetupError, match=r"no Docker Engine answers at tcp://127\.0\.0\.1:1"):
        engine.ensure_engine()


def test_where_we_may_not_start_an_engine_the_user_is_asked_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a laptop, where we are not root."""
    monkeypatch.setattr(engine, "answers", lambda: False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(SetupError, match="please start Docker"):
        engine.ensure_engine()


def test_asking_an_engine_that_is_down_leaves_no_socket_to_be_collected_later(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The set-up asks until the engine is up; the test that then runs would be blamed."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/gone.sock")
    blamed: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", blamed.append)

    assert not engine.answers()
    gc.collect()

    assert blamed == []
