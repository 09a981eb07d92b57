"""Prefect's doors with the oldest Prefect that they support, against a server of that version.

3.0.0 is the first of Prefect 3; it asks of an image and of a step what the newest asks. The command
itself needs 3.4 to make a new deployment (see `prefect` in pyproject.toml).
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.prefect_stack import (
    KEPT,
    Prefect,
    container_host,
    create_pool,
    running_server,
    running_worker,
)
from tests.support.processes import run
from tests.support.scripts import python

if TYPE_CHECKING:
    from docker import DockerClient

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "tests" / "oldest" / "requirements.lock"
OLDEST = "3.0.0"
DEPLOY_ALL = ("--no-prompt", "deploy", "--all")

FLOWS = """
import socket
from prefect import flow


@flow(log_prints=True)
def one(name: str = "world"):
    print(f"one says {name}, in container {socket.gethostname()}")
"""
DEPLOY = """
from pathlib import Path
from prefect import flow
from prefect.runner.storage import GitRepository, LocalStorage, RemoteStorage
from imagebuild import Baked, FlowImage

for other in (GitRepository("https://h/a.git", branch="b"), RemoteStorage("s3://b", anon=True)):
    FlowImage("doors-oldest:other", source=other)
here = LocalStorage(str(Path(__file__).parent))
image = FlowImage("doors-oldest:latest", source=here)
baked = flow.from_source(source=Baked(here), entrypoint="flows.py:one")
baked.deploy("oldest", work_pool_name="oldest-pool", image=image, push=False)
"""
PREFECT_FILE = """
build:
  - imagebuild.steps.build_docker_image:
      id: build-image
      image_name: doors-oldest
      tag: latest
      dockerfile: auto
pull:
  - prefect.deployments.steps.set_working_directory:
      directory: "{{ build-image.directory }}"
deployments:
  - name: stepped
    entrypoint: flows.py:one
    work_pool:
      name: oldest-pool
      job_variables:
        image: "{{ build-image.reference }}"
"""


@pytest.fixture(scope="module")
def oldest() -> Prefect:
    """Give the oldest Prefect, in an environment of its own that is kept between the runs."""
    venv = KEPT / f"prefect-{OLDEST}"
    bin_ = venv / "bin"
    uv = str(Path(sys.executable).with_name("uv"))
    if not (bin_ / "python").exists():
        run(uv, "venv", "--quiet", "--python", sys.executable, str(venv))
    its = str(bin_ / "python")
    run(uv, "pip", "sync", "--quiet", "--python", its, "--require-hashes", str(LOCK))
    return Prefect(OLDEST, (str(bin_ / "prefect"),))


def test_the_oldest_prefect_deploys_and_runs_it(
    oldest: Prefect, base_image: str, engine: DockerClient, tmp_path: Path
) -> None:
    """A local `latest` image with baked code: the run ends Completed with its log line."""
    project = tmp_path / "oldest"
    project.mkdir()
    (project / "flows.py").write_text(FLOWS)
    (project / "deploy.py").write_text(DEPLOY)
    (project / "prefect.yaml").write_text(PREFECT_FILE)
    # The base has the newest Prefect, which asks for more than a server of this version has.
    shutil.copy(LOCK, project / "requirements.txt")
    home = tmp_path / "prefect"
    home.mkdir()
    with running_server(home, container_host(engine), oldest) as server:
        create_pool(server, "oldest-pool", "docker")
        with running_worker(server, "oldest-pool", "docker") as worker:
            env = server.environment() | {"PYTHONPATH": str(ROOT)}
            its = Path(oldest.argv[0]).with_name("python")
            python("deploy.py", cwd=project, env=env, interpreter=its)
            python(*DEPLOY_ALL, cwd=project, env=env, interpreter=oldest.argv[0])
            names = ("one/oldest", "one/stepped")
            held = [server.api.deployment(name)["job_variables"]["image"] for name in names]
            done = server.api.run_deployment("one/oldest")
            lines = server.api.logs(done.id, awaited="one says")
        version = server.api.request("GET", "/admin/version")
    image = held[0]
    for name in (image, "doors-oldest:latest"):
        engine.images.remove(name, force=True)

    assert version == OLDEST
    assert image.startswith("doors-oldest:local-")
    assert held == [image, image]
    assert done.state == "Completed", worker.log.read_text()
    assert any("one says world, in container" in line for line in lines)
