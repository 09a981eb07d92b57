"""A prefect.yaml for code from elsewhere: written, deployed, run; and read as Prefect reads it."""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.checkout import check_in
from tests.support.command import imagebuild
from tests.support.git_http import git_server
from tests.support.held import held, prefect_deploys
from tests.support.prefect_stack import container_host, own_pool, running_worker
from tests.support.projects import greeter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer, Worker

STEPS = "prefect.deployments.steps"
INSTALL = f"{STEPS}.pip_install_requirements"
# As Prefect's documentation writes them:
# https://docs.prefect.io/v3/how-to-guides/deployments/store-flow-code
FILED = f"""
deployments:
  - name: here
    entrypoint: flows/greet.py:greet
    work_pool: {{name: POOL}}
  - name: nothing
    entrypoint: flows/greet.py:greet
    work_pool: {{name: POOL}}
    pull: []
  - name: cloned
    entrypoint: flows/greet.py:greet
    work_pool: {{name: POOL}}
    pull:
      - {STEPS}.git_clone:
          id: pull_code
          repository: https://github.com/team/flows.git
          branch: "{{{{ $BRANCH }}}}"
          include_submodules: true
          directories: [flows]
          credentials: "{{{{ prefect.blocks.secret.pull-section }}}}"
      - {STEPS}.pip_install_requirements:
          directory: "{{{{ pull_code.directory }}}}"
          requirements_file: requirements.txt
          stream_output: false
  - name: from-s3
    entrypoint: flows/greet.py:greet
    work_pool:
      name: docker-pool
      job_variables: {{image: "registry.example.com/team/own:v1", env: {{LEVEL: debug}}}}
    pull:
      - prefect_aws.deployments.steps.pull_from_s3:
          id: pull_code
          requires: prefect-aws>=0.3.4
          bucket: code
          folder: flows
          credentials: "{{{{ prefect.blocks.secret.pull-section }}}}"
  - name: from-gcs
    entrypoint: flows/greet.py:greet
    work_pool: {{name: docker-pool}}
    build: null
    pull:
      - prefect_gcp.deployments.steps.pull_from_gcs:
          id: pull_code
          requires: prefect-gcp>=0.6
          bucket: code
          folder: flows
          credentials: "{{{{ prefect.blocks.secret.pull-section }}}}"
  - name: from-azure
    entrypoint: flows/greet.py:greet
    work_pool: {{name: docker-pool}}
    pull:
      - prefect_azure.deployments.steps.pull_from_azure_blob_storage:
          requires: prefect-azure[blob_storage]
          container: code
          folder: flows
          credentials: "{{{{ prefect.blocks.secret.pull-section }}}}"
  - name: from-anywhere
    entrypoint: flows/greet.py:greet
    work_pool: {{name: POOL}}
    pull:
      - {STEPS}.pull_from_remote_storage:
          id: pull_code
          url: s3://code/flows
          client_kwargs: {{endpoint_url: "http://storage.example.com"}}
  - name: by-block
    entrypoint: flows/greet.py:greet
    work_pool: {{name: POOL}}
    pull:
      - {STEPS}.pull_with_block:
          block_type_slug: s3-bucket
          block_document_name: code
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Give a repository whose requirements are installed here."""
    root = greeter(tmp_path / "served" / "greeter.git", "Good morning")
    (root / "requirements.txt").write_text("click\n")
    check_in(root, "one")
    return root


@pytest.fixture
def url(repository: Path, engine: DockerClient) -> Iterator[str]:
    """Serve it where containers reach it too."""
    with git_server(repository.parent, host=container_host(engine)) as server:
        yield server.url("greeter.git")


@pytest.fixture
def elsewhere(tmp_path: Path, env: dict[str, str]) -> tuple[Path, dict[str, str]]:
    """Give a folder without a project, and the environment of a user with a home of his own."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder, {**env, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}


def set_up(line: str, folder: Path, env: dict[str, str]) -> dict[str, Any]:
    """Write the file, and deploy as its answer says; the deployment as the file has it."""
    wrote = imagebuild("init", "--yes", *shlex.split(line), cwd=folder, env=env)
    assert (wrote.code, wrote.answer) == (0, ["prefect.yaml"]), wrote.told
    [following] = re.findall(r"next: imagebuild (.+)$", wrote.told, re.MULTILINE)
    done = imagebuild(*shlex.split(following), cwd=folder, env=env)
    assert done.code == 0, done.told
    found = yaml.safe_load((folder / "prefect.yaml").read_text())
    entry: dict[str, Any] = found["deployments"][-1]
    return entry


def says(server: PrefectServer, deployment: str, name: str) -> None:
    """Run it to its end, with what only the code that is elsewhere says."""
    run = server.api.run_deployment(f"greet/{deployment}", {"name": name})
    assert run.state == "Completed", server.api.logs(run.id)
    assert server.api.logs(run.id, awaited=f"Good morning, {name}!")


@pytest.mark.parametrize("code", ["baked", "pulled"])
def test_init_then_deploy_then_a_run_in_a_container(
    code: str,
    url: str,
    elsewhere: tuple[Path, dict[str, str]],
    prefect_server: PrefectServer,
    worker: Worker,
    made: list[str],
) -> None:
    """The flow is one of the repository; nothing of it lies here."""
    folder, env = elsewhere
    made.append(f"init-{code}:v1")
    image = f"--image {made[0]} --no-push"
    entry = set_up(
        f"--source {url} --code {code} --pool docker-pool {image} --name init-{code}", folder, env
    )
    says(prefect_server, f"init-{code}", code)
    recorded = prefect_server.api.deployment(f"greet/init-{code}")

    assert recorded["job_variables"]["image"] == made[0]
    assert (recorded["pull_steps"] == entry["pull"]) == (code == "pulled")
    assert [path.name for path in folder.iterdir()] == ["prefect.yaml"]


def test_init_then_deploy_then_a_run_in_a_process(
    url: str,
    elsewhere: tuple[Path, dict[str, str]],
    prefect_server: PrefectServer,
) -> None:
    """It fetches the code, and installs what that needs."""
    folder, env = elsewhere
    with own_pool(prefect_server, "init-processes", "process") as pool:
        entry = set_up(f"--source {url} --code pulled --pool {pool} --name process", folder, env)
        with running_worker(prefect_server, pool, "process") as worker:
            worker.wait_online()
            says(prefect_server, "process", "process")
            log = worker.log.read_text()
    recorded = prefect_server.api.deployment("greet/process")

    assert recorded["pull_steps"] == entry["pull"]
    assert INSTALL in entry["pull"][-1]
    assert "Requirement already satisfied: click" in log
    assert "image" not in recorded["job_variables"]


def test_an_image_of_ones_own_runs_code_that_is_pulled(
    url: str,
    elsewhere: tuple[Path, dict[str, str]],
    prefect_server: PrefectServer,
    worker: Worker,
    base_image: str,
) -> None:
    """Nothing is built."""
    folder, env = elsewhere
    ran = imagebuild(
        *("deploy", "flows/greet.py:greet", "--source", url, "--code", "pulled", "--no-build"),
        *("--image", base_image, "--no-push", "--pool", "docker-pool", "--name", "own-image"),
        cwd=folder,
        env=env,
    )
    says(prefect_server, "own-image", "own")

    assert ran.reference == base_image
    assert "build" not in re.findall(r"^(\w+) done", ran.told, re.MULTILINE)


def test_prefects_own_command_leaves_the_same(
    url: str,
    elsewhere: tuple[Path, dict[str, str]],
    prefect_server: PrefectServer,
    process_pool: str,
    made: list[str],
) -> None:
    """Field by field, but for the version that we make, and our pull policy.

    It reads the flow from the current folder, so this is a clone.
    """
    folder, env = elsewhere[0] / "clone", {**elsewhere[1], "BRANCH": "main"}
    subprocess.run(["git", "clone", "--quiet", url, str(folder)], check=True)
    made.append("read-pulled:v1")
    options = f"--source {url} --code pulled --pool docker-pool --image {made[0]} --no-push"
    wrote = imagebuild(
        "init", "--yes", "--name", "written", *shlex.split(options), cwd=folder, env=env
    )
    assert wrote.code == 0, wrote.told
    written = yaml.safe_load((folder / "prefect.yaml").read_text())["deployments"]
    filed = yaml.safe_load(FILED.replace("POOL", process_pool))["deployments"]

    def named(end: str) -> list[str]:
        """The deployments' names, once the file has them with this end."""
        every = [{**one, "name": f"{one['name']}{end}"} for one in (*written, *filed)]
        (folder / "prefect.yaml").write_text(yaml.safe_dump({"deployments": every}))
        return [str(one["name"]) for one in (*written, *filed)]

    prefect_server.api.create_block("secret", "pull-section", {"value": "told-to-nobody"})
    names = named("-ours")
    ours = imagebuild("deploy", "--all", cwd=folder, env=env)
    assert named("-theirs") == names
    theirs = prefect_deploys(folder, env)
    assert (ours.code, theirs.returncode) == (0, 0), ours.told + theirs.stdout + theirs.stderr
    assert len(names) == 9
    for name in names:
        mine = held(prefect_server, f"greet/{name}-ours")
        other = held(prefect_server, f"greet/{name}-theirs")
        for one in (mine, other):
            one.pop("version")
        if name == "written":
            assert mine["job_variables"].pop("image_pull_policy") == "IfNotPresent"
        assert mine == other, name
        assert "told-to-nobody" not in str(mine)
