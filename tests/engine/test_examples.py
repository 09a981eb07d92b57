"""Every example is deployed as it lies there, and its flow runs from its image to the end."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import imagebuild, listing

if TYPE_CHECKING:
    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer, Worker

EXAMPLES = Path(__file__).parents[2] / "examples"
# What an example's flow says from its container, and which flow where there are several.
SAYS = {
    "ci": "the night of today",
    "custom-dockerfile": "Hello, world!",
    "hello": "Hello, world! From container",
    "many-deployments": "the report of today, told at level none",
    "migration": "the orders of today",
    "own-template": "are free in /",
    "prefect-yaml": "the report of today",
    "system-packages": "Hello, world!",
    "team": "Good morning",
}
FLOW = {
    "many-deployments": "flows/reports.py:report",
    "migration": "flow.py:orders",
    "team": "reporting.py:morning",
}


def test_every_example_is_here() -> None:
    """A new one says what its flow prints."""
    assert sorted(path.name for path in EXAMPLES.iterdir()) == sorted(SAYS)


@pytest.mark.parametrize("name", SAYS)
def test_an_example_runs_to_completed(
    name: str,
    base_image: str,
    engine: DockerClient,
    prefect_server: PrefectServer,
    docker_pool: str,
    worker: Worker,
    tmp_path: Path,
) -> None:
    """With no option but where it goes; its folder stays as it was."""
    project = Path(shutil.copytree(EXAMPLES / name, tmp_path / name))
    docker_host = os.environ.get("DOCKER_HOST")
    env = prefect_server.environment() | ({"DOCKER_HOST": docker_host} if docker_host else {})
    before, image = listing(project), f"example-{name}:latest"
    flow = [FLOW[name]] if name in FLOW else []

    ran = imagebuild(
        *("deploy", *flow, "--image", image, "--no-push", "--pool", docker_pool, "--json"),
        *("--name", f"example-{name}"),
        cwd=project,
        env=env,
    )
    assert ran.code == 0, ran.told
    deployed = json.loads("\n".join(ran.answer))
    run = prefect_server.api.run_deployment(deployed["deployment"])
    lines = prefect_server.api.logs(run.id, awaited=SAYS[name])
    engine.images.remove(image, force=True)

    assert (run.state, run.message) == ("Completed", run.message)
    assert any(SAYS[name] in line for line in lines)
    assert listing(project) == before
