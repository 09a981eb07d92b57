"""`imagebuild pool set-image` on a real server: a run of a deployment that names no image."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import imagebuild
from tests.support.prefect_stack import own_pool, running_worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer

HELLO = Path(__file__).parents[2] / "examples" / "hello"
POOL, IMAGE = "default image pool", "pool-default:latest"


@pytest.fixture
def own(prefect_server: PrefectServer) -> Iterator[str]:
    """Give a pool of these tests alone."""
    with own_pool(prefect_server, POOL, "docker") as name:
        yield name


def test_a_deployment_without_an_image_runs_the_pools(
    tmp_path: Path, base_image: str, engine: DockerClient, prefect_server: PrefectServer, own: str
) -> None:
    """A local `latest`, which needs its policy; set back, the template is what it was."""
    api, path = prefect_server.api, f"/work_pools/{POOL.replace(' ', '%20')}"
    project = Path(shutil.copytree(HELLO, tmp_path / "hello"))
    env = prefect_server.environment()
    if docker_host := os.environ.get("DOCKER_HOST"):
        env["DOCKER_HOST"] = docker_host
    to = ("--no-push", "--pool", POOL, "--name", "of the pool")
    deployed = imagebuild("deploy", "--image", IMAGE, *to, cwd=project, env=env)
    assert deployed.reference == IMAGE
    deployment = api.deployment("hello/of the pool")["id"]
    api.request("PATCH", f"/deployments/{deployment}", {"job_variables": {}})

    with running_worker(prefect_server, POOL, "docker") as worker:
        worker.wait_online()
        before = api.request("GET", path)["base_job_template"]
        ran = imagebuild("pool", "set-image", POOL, IMAGE, cwd=tmp_path, env=env)
        set_to = api.request("GET", path)["base_job_template"]["variables"]["properties"]
        run = api.run_deployment("hello/of the pool", {"name": "pool"})
        lines = api.logs(run.id, awaited="Hello, pool!")
    written = api.request("GET", path)["updated"]
    again = imagebuild("pool", "set-image", POOL, IMAGE, cwd=tmp_path, env=env)
    not_written = api.request("GET", path)["updated"] == written
    back = imagebuild("pool", "set-image", POOL, "--unset", cwd=tmp_path, env=env)
    engine.images.remove(IMAGE, force=True)

    assert ran.reference == IMAGE
    assert "it was none, so Prefect's own image" in ran.told
    assert f"imagebuild pool set-image '{POOL}' --unset" in ran.told
    assert (set_to["image"]["default"], set_to["image_pull_policy"]["default"]) == (
        IMAGE,
        "IfNotPresent",
    )
    assert run.state == "Completed"
    assert any("Hello, pool! From container" in line for line in lines)
    assert "nothing changed" in again.told
    assert not_written
    assert (back.code, back.answer) == (0, [])
    assert api.request("GET", path)["base_job_template"] == before


def test_a_pool_that_takes_no_image_is_refused(
    tmp_path: Path, prefect_server: PrefectServer, process_pool: str
) -> None:
    """Its template stays as it is."""
    env = prefect_server.environment()
    before = prefect_server.api.request("GET", f"/work_pools/{process_pool}")

    ran = imagebuild("pool", "set-image", process_pool, "base:v1", cwd=tmp_path, env=env)

    assert (ran.code, ran.answer) == (2, [])
    assert "takes no image" in ran.told
    after = prefect_server.api.request("GET", f"/work_pools/{process_pool}")
    assert after["base_job_template"] == before["base_job_template"]
