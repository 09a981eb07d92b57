"""The steps of a prefect.yaml on real parts: `prefect deploy --all`, and a process that stays."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.command import imagebuild, listing
from tests.support.scripts import python

if TYPE_CHECKING:
    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer, Worker
    from tests.support.proxies import RecordingProxy
    from tests.support.registry import Registry

ROOT = Path(__file__).parents[2]
MIGRATION = ROOT / "examples" / "migration"
DEPLOY_ALL = ("-m", "prefect", "--no-prompt", "deploy", "--all")
BUILD = r".*/build\?.*"
FLOW = """
import socket
from prefect import flow


@flow(log_prints=True)
def stepped(name: str):
    print(f"stepped says {name}, in container {socket.gethostname()}")
"""
PREFECT_FILE = """
build:
  - imagebuild.steps.build_docker_image:
      id: build-image
      image_name: {registry}/steps/all
      dockerfile: auto
push:
  - imagebuild.steps.push_docker_image:
      id: push-image
      image_name: "{{{{ build-image.image_name }}}}"
      tag: "{{{{ build-image.tag }}}}"
      credentials: "{{{{ prefect.blocks.docker-registry-credentials.doors }}}}"
pull:
  - prefect.deployments.steps.set_working_directory:
      directory: "{{{{ build-image.directory }}}}"
definitions:
  work_pool: &work_pool
    name: docker-pool
    job_variables:
      image: "{{{{ push-image.reference }}}}"
deployments:
"""
DEPLOYMENT = """
  - name: steps-{number}
    entrypoint: flow.py:stepped
    parameters: {{name: "number {number}"}}
    work_pool: *work_pool
"""
BLOCK = """
import sys
from prefect_docker import DockerRegistryCredentials

username, password, registry_url = sys.argv[1:]
block = DockerRegistryCredentials(
    username=username, password=password, registry_url=registry_url
)
block.save("doors", overwrite=True)
"""
STAYS = """
import json, sys
from pathlib import Path
from imagebuild.steps import build_docker_image, push_docker_image

registry, username, password = sys.argv[1:]
name = f"{registry}/steps/stays"
results = []

def build(**given):
    results.append(build_docker_image(name, "auto", **given))

build()
build(ignore_cache=True)
Path("flow.py").write_text(Path("flow.py").read_text().replace("says", "said"))
build()
build(tag="latest", additional_tags=["v2"])
login = {"username": username, "password": password, "registry_url": f"http://{registry}/"}
results.append(push_docker_image(name, "latest", login, additional_tags=["v2"]))
Path("results.json").write_text(json.dumps(results))
"""


# As prefect-docker's users have it: Prefect itself says where the code is.
NO_PULL = """
deployments:
  - name: no-pull
    entrypoint: flow.py:stepped
    parameters: {name: nobody}
    build:
      - imagebuild.steps.build_docker_image:
          id: build-image
          image_name: imagebuild-tests/no-pull
          tag: v1
          dockerfile: auto
          pull: false
    work_pool:
      name: docker-pool
      job_variables: {image: "{{ build-image.image }}"}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a folder with a flow."""
    folder = tmp_path / "stepped"
    folder.mkdir()
    (folder / "flow.py").write_text(FLOW)
    return folder


@pytest.fixture
def env(
    base_image: str,
    prefect_server: PrefectServer,
    docker_pool: str,
    recorded_engine: RecordingProxy,
) -> dict[str, str]:
    """Give the environment of a user, whose engine is recorded."""
    return prefect_server.environment() | {"DOCKER_HOST": os.environ["DOCKER_HOST"]}


def test_deploy_all_builds_once_for_three_deployments(
    project: Path,
    env: dict[str, str],
    prefect_server: PrefectServer,
    worker: Worker,
    recorded_engine: RecordingProxy,
    private_registry: Registry,
    made: list[str],
) -> None:
    """Counted at the engine; pushed with a block's credentials; each names the same digest."""
    registry = private_registry
    login = (str(registry.username), str(registry.password), registry.address)
    python("-c", BLOCK, *login, cwd=project, env=env)
    text = PREFECT_FILE.format(registry=registry.address)
    text += "".join(DEPLOYMENT.format(number=number) for number in (1, 2, 3))
    (project / "prefect.yaml").write_text(text)
    before = listing(project)

    told = python(*DEPLOY_ALL, cwd=project, env=env)

    held = [prefect_server.api.deployment(f"stepped/steps-{number}") for number in (1, 2, 3)]
    [image] = {deployment["job_variables"]["image"] for deployment in held}
    made.append(image.partition("@")[0])
    assert image.startswith(f"{registry.address}/steps/all:")
    assert "@sha256:" in image
    assert len(recorded_engine.asked("POST", BUILD)) == 1, told
    assert "build done in" in told
    assert "has no pull section" not in told
    assert held[0]["pull_steps"] == [
        {"prefect.deployments.steps.set_working_directory": {"directory": "/opt/prefect/stepped"}}
    ]
    after = {name for name in listing(project) if not name.startswith("__pycache__")}
    assert after == before.keys()
    done = prefect_server.api.run_deployment("stepped/steps-2")
    lines = prefect_server.api.logs(done.id, awaited="stepped says")
    assert done.state == "Completed", done.message
    assert any("stepped says number 2, in container" in line for line in lines)


def test_without_pull_steps_the_names_alone_are_to_be_changed(
    project: Path,
    env: dict[str, str],
    prefect_server: PrefectServer,
    worker: Worker,
    made: list[str],
) -> None:
    """Prefect sends runs of others' steps to its images' own folder, so the code lies there."""
    made.append("imagebuild-tests/no-pull:v1")
    (project / "prefect.yaml").write_text(NO_PULL)

    told = python(*DEPLOY_ALL, cwd=project, env=env)
    done = prefect_server.api.run_deployment("stepped/no-pull")
    lines = prefect_server.api.logs(done.id, awaited="stepped says")

    assert "warning: prefect.yaml has no pull section" not in told
    assert done.state == "Completed", done.message
    assert any("stepped says nobody, in container" in line for line in lines)


def test_a_process_that_stays_builds_what_has_changed(
    project: Path,
    env: dict[str, str],
    engine: DockerClient,
    recorded_engine: RecordingProxy,
    private_registry: Registry,
    made: list[str],
) -> None:
    """Prefect-docker remembers a step by its arguments; here the files are asked each time."""
    registry = private_registry
    (project / "stays.py").write_text(STAYS)
    (project / ".dockerignore").write_text("stays.py\nresults.json\n")

    login = (registry.address, str(registry.username), str(registry.password))
    python("stays.py", *login, cwd=project, env=env)

    results: list[dict[str, Any]] = json.loads((project / "results.json").read_text())
    first, again, changed, latest, pushed = results
    names = {first["image"], changed["image"], latest["image"], latest["reference"]}
    made.extend([*names, f"{registry.address}/steps/stays:v2"])
    assert again == first
    assert changed["image_id"] != first["image_id"]
    assert first["reference"] == first["image"] == f"{first['image_name']}:{first['tag']}"
    assert first["digest"] is None
    assert first["directory"] == "/opt/prefect/stepped"
    assert latest["reference"].startswith(f"{latest['image_name']}:local-")
    assert latest["additional_tags"] == pushed["additional_tags"] == ["v2"]
    assert engine.images.get(latest["reference"]).id == latest["image_id"]
    assert pushed["reference"] == f"{latest['image']}@{pushed['digest']}"
    assert pushed["digest"] == registry.digest("steps/stays", "v2")
    assert len(recorded_engine.asked("POST", BUILD)) == 3


def test_the_example_of_a_migration_is_one_image_by_both_doors(
    tmp_path: Path,
    env: dict[str, str],
    prefect_server: PrefectServer,
    worker: Worker,
    recorded_engine: RecordingProxy,
    registry: Registry,
    made: list[str],
) -> None:
    """What `prefect deploy` built and pushed, the script finds done; the run ends Completed."""
    project = Path(shutil.copytree(MIGRATION, tmp_path / "orders"))
    for name in ("prefect.yaml", "deploy.py"):
        text = (project / name).read_text()
        (project / name).write_text(text.replace("registry.example.com", registry.address))
    image = f"{registry.address}/team/orders:v1"
    made.append(image)

    python(*DEPLOY_ALL, cwd=project, env=env)
    told = python("deploy.py", cwd=project, env=env)

    names = ("orders/orders-nightly", "refunds/refunds-nightly", "refunds/refunds-by-python")
    held = [prefect_server.api.deployment(name)["job_variables"]["image"] for name in names]
    assert held == [image, image, f"{image}@{registry.digest('team/orders', 'v1')}"]
    assert len(recorded_engine.asked("POST", BUILD)) == 1, told
    done = prefect_server.api.run_deployment(names[1])
    lines = prefect_server.api.logs(done.id, awaited="the refunds of")
    assert done.state == "Completed", done.message
    assert "the refunds of today" in lines


def test_a_step_that_cannot_be_tells_all_and_deploys_nothing(
    project: Path, env: dict[str, str], prefect_server: PrefectServer
) -> None:
    """Prefect shows the exception's text, which is our whole prose."""
    text = PREFECT_FILE.format(registry="registry.example.com") + DEPLOYMENT.format(number=9)
    asked = text.replace("dockerfile: auto", "dockerfile: auto\n      target: production")
    (project / "prefect.yaml").write_text(asked)

    told = python(*DEPLOY_ALL, cwd=project, env=env, code=1)

    assert "cannot use target='production'" in told
    assert "caused by: the last stage is built" in told
    assert "hint: make the stage that you want the last one" in told
    assert "steps-9" not in [held["name"] for held in prefect_server.api.deployments()]


def test_the_doors_of_the_readme_lead_to_the_same_image(
    tmp_path: Path,
    env: dict[str, str],
    prefect_server: PrefectServer,
    docker_pool: str,
    recorded_engine: RecordingProxy,
    registry: Registry,
    made: list[str],
) -> None:
    """The command, the script and the file as they stand there: built once, one reference."""
    section = (ROOT / "README.md").read_text().partition("### From Python and prefect.yaml")[2]
    blocks = dict(re.findall(r"^```(\w+)\n(.*?)^```", section, re.MULTILINE | re.DOTALL)[:3])
    places = {"registry.example.com": registry.address, "my-docker-pool": docker_pool}
    for old, new in places.items():
        blocks = {kind: block.replace(old, new) for kind, block in blocks.items()}
    project = Path(shutil.copytree(ROOT / "examples" / "hello", tmp_path / "hello"))
    (project / "once.txt").write_text(uuid.uuid4().hex)  # the README's reader builds the same name
    (project / "deploy.py").write_text(blocks["python"])
    (project / "prefect.yaml").write_text(blocks["yaml"])
    (project / ".dockerignore").write_text("deploy.py\nprefect.yaml\n")
    # The script imports the flow, and with it what the flow needs.
    (tmp_path / "emoji.py").touch()
    env |= {"PREFECT_DEFAULT_WORK_POOL_NAME": docker_pool, "PYTHONPATH": str(tmp_path)}
    program, *arguments = shlex.split(blocks["console"].removeprefix("$ "))
    assert program == "imagebuild"
    references = []

    def recorded() -> None:
        variables = prefect_server.api.deployment("hello/hello")["job_variables"]
        references.append(variables["image"])

    # The other two build by Docker, so that the command has to as well.
    by_command = imagebuild(*arguments, "--builder", "docker", cwd=project, env=env).reference
    made.append(by_command.partition("@")[0])
    recorded()
    python("deploy.py", cwd=project, env=env)
    recorded()
    python(*DEPLOY_ALL, cwd=project, env=env)
    recorded()

    assert references == [by_command] * 3
    assert len(recorded_engine.asked("POST", BUILD)) == 1
