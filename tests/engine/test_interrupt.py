"""A deploy that is interrupted ends at once, in the engine too, and loses nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import PROGRAM, listing

if TYPE_CHECKING:
    from tests.support.prefect_stack import PrefectServer
    from tests.support.proxies import RecordingProxy

HELLO = Path(__file__).parents[2] / "examples" / "hello"
SLOW = """
import time

def build_wheel(*arguments):
    time.sleep(300)
"""
PROJECT = """
[build-system]
requires = []
build-backend = "slow"
backend-path = ["."]

[project]
name = "slow"
version = "1"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a project whose dependencies take five minutes to build."""
    project = Path(shutil.copytree(HELLO, tmp_path / "hello"))
    (project / "slow").mkdir()
    (project / "slow" / "slow.py").write_text(SLOW)
    (project / "slow" / "pyproject.toml").write_text(PROJECT)
    (project / "requirements.txt").write_text("./slow\n")
    return project


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_build_is_cancelled_and_nothing_is_recorded(
    number: signal.Signals,
    code: int,
    project: Path,
    base_image: str,
    prefect_server: PrefectServer,
    docker_pool: str,
    recorded_engine: RecordingProxy,
) -> None:
    """The exit code is the shell's own; the engine is told; folder and Prefect are untouched."""
    env = prefect_server.environment() | {"DOCKER_HOST": os.environ["DOCKER_HOST"]}
    name = f"interrupted-{code}"
    files = listing(project)
    arguments = ["deploy", "--image", "hello:interrupted", "--no-push", "--name", name]
    arguments += ["--pool", docker_pool]

    with subprocess.Popen(
        [PROGRAM, *arguments], cwd=project, env=env, stderr=subprocess.PIPE, text=True
    ) as deploy:
        assert deploy.stderr is not None
        told = ""
        for line in deploy.stderr:
            told += line
            if " RUN " in line:
                deploy.send_signal(number)
        assert deploy.wait(30) == code, told

    assert f"note: no deployment hello/{name} was created" in told
    assert told.splitlines()[-1].startswith("interrupted: ")
    assert "Traceback" not in told
    assert len(recorded_engine.asked("POST", ".*/build/cancel.*")) == 1
    assert listing(project) == files
    assert name not in {found["name"] for found in prefect_server.api.deployments()}
