"""What works without Prefect, and what is said where it does not."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from imagebuild.errors import UsageError
from imagebuild.events import ignore
from imagebuild.record import Target
from imagebuild.recorders import prefect_settings
from imagebuild.recorders.prefect import PrefectRecorder
from imagebuild.state import Recorded
from tests.unit.recorders.loopback import Said, serving
from tests.unit.recorders.values import DOCKER, held, record

if TYPE_CHECKING:
    from pathlib import Path

    from imagebuild.events import Event

INSTALL = "pip install 'flow-imagebuild[prefect]'"


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Python has it where a package is not installed."""
    monkeypatch.setitem(sys.modules, "prefect", None)


def test_importing_the_recorder_imports_nothing_heavy() -> None:
    """`imagebuild --help` must not pay for it."""
    code = (
        "import sys, imagebuild.recorders.prefect, imagebuild.recorders.memory;"
        "print({'prefect', 'docker', 'pydantic', 'urllib3'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_server_in_the_environment_needs_no_prefect(absent: None, tmp_path: Path) -> None:
    """An existing deployment is changed over its API alone."""
    answer = {"id": "11111111-1111-4111-8111-111111111111", "work_pool_name": "dock"}
    template = {"variables": {"properties": {"image": {"type": "string"}}}}
    pool = {"name": "dock", "type": "docker", "base_job_template": template}
    with serving(Said(200, answer), Said(200, pool)) as server:
        env = {"PREFECT_API_URL": server.url, "PREFECT_HOME": str(tmp_path)}
        with PrefectRecorder(env, tmp_path) as recorder:
            assert recorder.read(Target("hello", "prod")).pool.name == "dock"


def test_what_only_prefect_could_tell_is_as_if_it_were_not_there(
    absent: None, tmp_path: Path
) -> None:
    """A .env here is one of Prefect's sources, not of ours."""
    (tmp_path / ".env").write_text("PREFECT_API_KEY=k\n")
    env = {"PREFECT_API_URL": "http://h/api", "PREFECT_HOME": str(tmp_path)}
    settings = prefect_settings.read(env, tmp_path)
    assert (settings.api_url, settings.api_key) == ("http://h/api", None)


def test_without_a_server_the_user_is_told_both_ways_out(absent: None, tmp_path: Path) -> None:
    """The address of one, or Prefect with its embedded one."""
    with (
        PrefectRecorder({"PREFECT_HOME": str(tmp_path)}, tmp_path) as recorder,
        pytest.raises(UsageError, match="no Prefect server is configured") as caught,
    ):
        recorder.read(Target("hello", "prod"))
    assert "PREFECT_API_URL" in str(caught.value.hint)
    assert INSTALL in str(caught.value.hint)


def test_a_new_deployment_needs_prefect_and_an_old_one_is_warned_of(
    absent: None, tmp_path: Path
) -> None:
    """Only Prefect's own code reads a flow's parameters."""
    recorder = PrefectRecorder({}, tmp_path)
    with pytest.raises(UsageError, match="Prefect is not installed") as caught:
        recorder.describe(Recorded(DOCKER, None), record(), ignore)
    assert INSTALL in str(caught.value.hint)
    events: list[Event] = []
    described = recorder.describe(held(version="0"), record(), events.append)
    assert described == record(version=None), "so that the next deploy tries again"
    assert len(events) == 1
