"""`.deploy(image=FlowImage(...))` on real parts: from a user's script to a run that is Completed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import listing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer, Worker
    from tests.support.registry import Registry

FLOWS = """
import socket
from prefect import flow


@flow(log_prints=True)
def one(name: str = "world"):
    print(f"one says {name}, in container {socket.gethostname()}")


@flow(log_prints=True)
def two():
    print(f"two, in container {socket.gethostname()}")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a folder with two flows."""
    folder = tmp_path / "doors"
    folder.mkdir()
    (folder / "flows.py").write_text(FLOWS)
    return folder


@pytest.fixture
def env(base_image: str, prefect_server: PrefectServer, docker_pool: str) -> dict[str, str]:
    """Give the environment of a user with a server, a Docker pool and the base image."""
    return prefect_server.environment()


@pytest.fixture
def made(engine: DockerClient) -> Iterator[list[str]]:
    """Take the images away whose names a test puts into the list."""
    names: list[str] = []
    yield names
    for name in names:
        engine.images.remove(name, force=True)


def script(
    folder: Path, lines: str, env: Mapping[str, str], *, cwd: Path | None = None, code: int = 0
) -> str:
    """Run a user's script; what it printed, on both streams."""
    (folder / "deploy.py").write_text(lines)
    ran = subprocess.run(
        [sys.executable, folder / "deploy.py"],
        cwd=cwd or folder,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ran.returncode == code, ran.stdout
    return ran.stdout


def assert_runs(server: PrefectServer, deployment: str, line: str) -> None:
    """A run of the deployment ends Completed, and its own line comes from the container."""
    run = server.api.run_deployment(deployment)
    lines = server.api.logs(run.id, awaited=line)
    assert run.state == "Completed", run.message
    assert any(line in each for each in lines)


def test_a_local_latest_image_runs(
    project: Path,
    env: dict[str, str],
    prefect_server: PrefectServer,
    worker: Worker,
    made: list[str],
) -> None:
    """Prefect cannot be told when to pull, so the deployment holds a second local tag."""
    made.append("doors-local:latest")
    told = script(
        project,
        """
from imagebuild import FlowImage
from flows import one

image = FlowImage("doors-local:latest")
assert image.reference == "doors-local:latest"
one.deploy("local", work_pool_name="docker-pool", image=image, push=False)
print("reference", image.reference)
""",
        env,
    )
    held = prefect_server.api.deployment("one/local")["job_variables"]["image"]
    made.append(held)

    assert held.startswith("doors-local:local-")
    assert f"reference {held}" in told
    assert "build done in" in told
    assert_runs(prefect_server, "one/local", "one says world, in container")


def test_a_pushed_image_runs_by_its_digest(
    project: Path,
    env: dict[str, str],
    prefect_server: PrefectServer,
    worker: Worker,
    engine: DockerClient,
    registry: Registry,
    made: list[str],
) -> None:
    """After the push the reference is pinned, and the worker pulls exactly that."""
    before = listing(project)
    told = script(
        project,
        f"""
from imagebuild import FlowImage
from flows import one

image = FlowImage("{registry.address}/doors/pushed", "v1", labels={{"team": "data"}}, tags=["v2"])
one.deploy("pushed", work_pool_name="docker-pool", image=image)
print("reference", image.reference)
""",
        env,
    )
    name = f"{registry.address}/doors/pushed"
    reference = f"{name}:v1@{registry.digest('doors/pushed', 'v1')}"
    labels = engine.images.get(f"{name}:v1").labels
    for tag in ("v1", "v2"):
        engine.images.remove(f"{name}:{tag}", force=True)
    made.append(reference)

    assert f"reference {reference}" in told
    assert registry.digest("doors/pushed", "v2") == registry.digest("doors/pushed", "v1")
    assert labels["team"] == "data"
    assert prefect_server.api.deployment("one/pushed")["job_variables"] == {"image": reference}
    assert_runs(prefect_server, "one/pushed", "one says world, in container")
    assert listing(project).keys() - before.keys() <= {"deploy.py", "__pycache__"}
