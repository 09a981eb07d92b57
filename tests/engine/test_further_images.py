"""A prefect.yaml with a second image, on real parts and beside Prefect's own command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.command import imagebuild, listing
from tests.support.held import held, prefect_deploys
from tests.unit.values import write

if TYPE_CHECKING:
    from pathlib import Path

    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer, Worker
    from tests.support.registry import Registry

FILES = {
    "flow.py": """
import os
from prefect import flow

@flow(log_prints=True)
def beside():
    print(f"beside {os.environ['SIDE']}, from {os.environ['BASED']}")
""",
    "side/Dockerfile": "FROM scratch\nCOPY beside.txt /\nENV BASED=side\n",
    "side/beside.txt": "beside\n",
    "prefect.yaml": """
build:
  - imagebuild.steps.build_docker_image:
      id: build-side
      image_name: REGISTRY/further/side
      tag: v1
      path: side
  - imagebuild.steps.build_docker_image:
      id: build-image
      image_name: further-main
      tag: v2
      dockerfile: auto
      env: {BASED: main}
push:
  - imagebuild.steps.push_docker_image:
      id: push-side
      image_name: "{{ build-side.image_name }}"
      tag: "{{ build-side.tag }}"
pull:
  - prefect.deployments.steps.set_working_directory:
      directory: "{{ build-image.directory }}"
deployments:
  - name: END
    entrypoint: flow.py:beside
    version: "{{ push-side.digest }}"
    work_pool:
      name: POOL
      job_variables:
        image: "{{ build-image.image }}"
        env:
          SIDE: "{{ build-side.image }}"
""",
}


def _project(folder: Path, **words: Any) -> Path:
    text = FILES["prefect.yaml"]
    for word, value in words.items():
        text = text.replace(word, value)
    return write(folder, {**FILES, "prefect.yaml": text})


def test_each_is_made_in_its_place_and_the_run_is_in_its_own(
    tmp_path: Path,
    env: dict[str, str],
    docker_pool: str,
    prefect_server: PrefectServer,
    registry: Registry,
    engine: DockerClient,
    worker: Worker,
    made: list[str],
) -> None:
    """Both are in the engine, and only the one that the file pushes is in the registry."""
    where = {"REGISTRY": registry.address, "POOL": docker_pool, "END": "run"}
    project = _project(tmp_path / "further", **where)
    side, main = f"{registry.address}/further/side:v1", "further-main:v2"
    before, api = listing(project), prefect_server.api
    ran = imagebuild("deploy", cwd=project, env=env)
    made += [side, main]
    run = api.start_run(api.deployment("beside/run")["id"])
    ended = api.wait_for_run(run).state
    again = imagebuild("deploy", cwd=project, env=env)

    assert (ran.code, ran.answer, ended) == (0, [main], "Completed"), ran.told
    text = f"beside {side}, from main"
    assert any(text in line for line in api.logs(run, awaited=text))
    assert [engine.images.get(name).tags for name in (side, main)] == [[side], [main]]
    digest = registry.digest("further/side", "v1")
    assert api.deployment("beside/run")["version"] == digest
    assert registry.digest("further/main", "v2") is None
    assert f"{side} has not changed" in again.told
    assert f"{side} is in the registry" in again.told
    assert listing(project) == before


def test_prefects_own_command_leaves_the_same(
    tmp_path: Path,
    env: dict[str, str],
    docker_pool: str,
    prefect_server: PrefectServer,
    registry: Registry,
    made: list[str],
) -> None:
    """Field by field, but for our pull policy."""
    where = {"REGISTRY": registry.address, "POOL": docker_pool}
    project = _project(tmp_path / "further", **where, END="ours")
    ours = imagebuild("deploy", cwd=project, env=env)
    made += [f"{registry.address}/further/side:v1", "further-main:v2"]
    _project(project, **where, END="theirs")
    theirs = prefect_deploys(project, env)

    assert (ours.code, theirs.returncode) == (0, 0), ours.told + theirs.stdout + theirs.stderr
    mine, other = held(prefect_server, "beside/ours"), held(prefect_server, "beside/theirs")
    assert mine["job_variables"].pop("image_pull_policy") == "IfNotPresent"
    assert mine == other
