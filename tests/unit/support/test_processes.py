"""Programs of the set-up end when they should, and say why when they should not."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import SetupError
from tests.support.processes import background, run, wait_until

if TYPE_CHECKING:
    from pathlib import Path


def test_a_failed_program_shows_what_it_said() -> None:
    """Its output is the reason."""
    with pytest.raises(SetupError, match="ended with 3:\nno space left"):
        run(sys.executable, "-c", "import sys; print('no space left'); sys.exit(3)")


def test_a_background_program_ends_with_its_block(tmp_path: Path) -> None:
    """Whatever it is busy with."""
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    with background(sleep, tmp_path / "log", os.environ) as process:
        assert process.poll() is None
    assert process.returncode is not None


def test_waiting_for_a_program_that_has_ended_shows_its_log(tmp_path: Path) -> None:
    """Nobody waits a minute for it."""
    log = tmp_path / "log"
    with (
        background([sys.executable, "-c", "print('port in use')"], log, os.environ) as process,
        pytest.raises(SetupError, match="the server is not ready: its process has ended\nport in"),
    ):
        wait_until(lambda: False, "the server", 60, process, log)


def test_waiting_ends_when_time_is_up() -> None:
    """And says how long that was."""
    with pytest.raises(SetupError, match="the server is not ready: not after 0 s"):
        wait_until(lambda: False, "the server", 0.2)
