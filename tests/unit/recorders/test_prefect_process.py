"""Processes for Prefect's own code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagebuild.errors import Unreachable
from imagebuild.recorders import prefect_process
from imagebuild.recorders.prefect_process import JobFailed, Process

if TYPE_CHECKING:
    from pathlib import Path


def test_a_job_that_breaks_shows_its_last_words(tmp_path: Path) -> None:
    """There is no such job, which is a KeyError over there."""
    with pytest.raises(JobFailed, match="ended without an answer") as caught:
        prefect_process.run("nonsense", {}, {}, tmp_path)
    assert "KeyError: 'nonsense'" in caught.value.body[-1]


def test_a_job_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    """With all that it started."""
    process = Process("settings", {}, {}, tmp_path)
    with pytest.raises(Unreachable, match="did not answer in time"):
        process.answer(seconds=0)
    process.end()
    process.end()


def test_a_job_can_be_ended_from_elsewhere(tmp_path: Path) -> None:
    """When the user presses Ctrl-C, another thread may wait for it."""
    with pytest.raises(JobFailed):
        prefect_process.run("settings", {}, {}, tmp_path, started=Process.kill)
