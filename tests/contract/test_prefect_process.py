"""Processes for Prefect's own code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagebuild.errors import Interrupted, Unreachable
from imagebuild.recorders import prefect_process
from imagebuild.recorders.prefect_process import JobFailed, Process, Service

if TYPE_CHECKING:
    from pathlib import Path


def test_a_job_that_breaks_shows_its_last_words(tmp_path: Path) -> None:
    """There is no such job, which is a KeyError over there."""
    with pytest.raises(JobFailed, match="ended without an answer") as caught:
        prefect_process.run("nonsense", {}, {}, tmp_path)
    assert "KeyError: 'nonsense'" in caught.value.body[-1]


def test_a_job_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    """With all that it started."""
    process = Process({}, tmp_path)
    with pytest.raises(Unreachable, match="did not answer in time"):
        process.ask("settings", {}, seconds=0)
    process.end()
    process.end()


def test_a_job_can_be_ended_from_elsewhere(tmp_path: Path) -> None:
    """When the user presses Ctrl-C, another thread may wait for it; it has nothing to tell."""
    with pytest.raises(Interrupted):
        prefect_process.run("settings", {}, {}, tmp_path, started=Process.kill)


def test_a_process_stays_for_the_jobs_to_come(tmp_path: Path) -> None:
    """Also after one that was refused; after one that broke there is a new one."""
    service = Service({"PREFECT_HOME": str(tmp_path)})
    refused = {"triggers": [{"nonsense": 1}]}
    first = service.run("triggers", {"triggers": []}, tmp_path)
    [process] = service._processes.values()
    with pytest.raises(JobFailed, match="has no field"):
        service.run("triggers", refused, tmp_path)
    assert list(service._processes.values()) == [process]
    with pytest.raises(JobFailed, match="ended without an answer"):
        service.run("nonsense", {}, tmp_path)
    again = service.run("triggers", {"triggers": []}, tmp_path)
    service.close()
    service.close()

    assert (first, again) == ([], [])
