"""`.deploy(image=FlowImage(...))` on real parts: from a user's script to a Completed run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.command import listing
from tests.support.scripts import python

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer, Worker
    from tests.support.proxies import RecordingProxy
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


def script(
    folder: Path, lines: str, env: Mapping[str, str], *, cwd: Path | None = None, code: int = 0
) -> str:
    """Run a user's script; what it printed, on both streams."""
    (folder / "deploy.py").write_text(lines)
    return python(folder / "deploy.py", cwd=cwd or folder, env=env, code=code)


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


def test_baked_code_is_deployed_from_another_folder(
    project: Path,
    tmp_path: Path,
    env: dict[str, str],
    prefect_server: PrefectServer,
    worker: Worker,
    made: list[str],
) -> None:
    """The run goes to an absolute directory; and all of it works in a running event loop."""
    made.append("doors-baked:v1")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    script(
        project,
        """
import asyncio
from pathlib import Path
from prefect import flow
from imagebuild import Baked, FlowImage

HERE = Path(__file__).parent


async def main():
    baked = await flow.from_source(source=Baked(HERE), entrypoint="flows.py:one")
    image = FlowImage("doors-baked:v1", context=HERE, stream_progress_to=None)
    await baked.deploy("baked", work_pool_name="docker-pool", image=image, push=False)


asyncio.run(main())
""",
        env,
        cwd=elsewhere,
    )
    held = prefect_server.api.deployment("one/baked")

    assert held["entrypoint"] == "flows.py:one"
    assert held["pull_steps"] == [
        {"prefect.deployments.steps.set_working_directory": {"directory": "/opt/prefect/doors"}}
    ]
    assert held["job_variables"]["image"] == "doors-baked:v1"
    assert list(elsewhere.iterdir()) == []
    assert_runs(prefect_server, "one/baked", "one says world, in container")


def test_two_flows_share_one_image(
    project: Path,
    env: dict[str, str],
    prefect_server: PrefectServer,
    worker: Worker,
    recorded_engine: RecordingProxy,
    made: list[str],
) -> None:
    """It is built once; deployed again without a change, not even that."""
    env |= {"DOCKER_HOST": os.environ["DOCKER_HOST"]}
    lines = """
from prefect import deploy
from imagebuild import FlowImage
from flows import one, two

image = FlowImage("doors-two")
both = one.to_deployment("two-flows"), two.to_deployment("two-flows")
deploy(*both, work_pool_name="docker-pool", image=image, push=False)
"""
    told = script(project, lines, env)
    made.append(prefect_server.api.deployment("one/two-flows")["job_variables"]["image"])
    assert len(recorded_engine.asked("POST", r".*/build\?.*")) == 1, told

    script(project, lines, env)

    assert len(recorded_engine.asked("POST", r".*/build\?.*")) == 1
    two = prefect_server.api.deployment("two/two-flows")
    assert two["job_variables"]["image"] == made[0]
    assert made[0].startswith("doors-two:")
    assert_runs(prefect_server, "two/two-flows", "two, in container")


def test_a_failed_build_tells_all_and_registers_nothing(
    project: Path, env: dict[str, str], prefect_server: PrefectServer
) -> None:
    """The exception is our whole prose: the step, what it printed, what stands as it stood."""
    (project / "Dockerfile").write_text(
        "FROM prefecthq/prefect:3-latest\nRUN echo the reason; exit 3\n"
    )
    told = script(
        project,
        """
from imagebuild import FlowImage
from flows import one

image = FlowImage("doors-failed:v1", dockerfile="Dockerfile")
one.deploy("failed", work_pool_name="docker-pool", image=image, push=False)
""",
        env,
        code=1,
    )
    end = told.rpartition("Traceback")[2]

    assert "imagebuild.errors.BuildFailed: the build failed at " in end
    assert "| the reason" in end
    assert "caused by: Dockerfile line 2: the command ended with exit code: 3" in end
    assert "nothing was changed" in end
    assert "one/failed" not in [f"one/{held['name']}" for held in prefect_server.api.deployments()]
