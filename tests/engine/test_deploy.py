"""The main job on real parts: from a folder to a flow run that is Completed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import imagebuild, listing
from tests.support.prefect_stack import restore

if TYPE_CHECKING:
    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer, Worker
    from tests.support.proxies import RecordingProxy
    from tests.support.registry import Registry

HELLO = Path(__file__).parents[2] / "examples" / "hello"
CHANGING = "POST|PUT|PATCH|DELETE"

PREFECT_ALONE = """
from prefect.docker import DockerImage
from flow import hello

image = DockerImage("prefect-alone", "latest", dockerfile="Dockerfile", pull=False)
hello.deploy("alone", work_pool_name="docker-pool", image=image, push=False, print_next_steps=False)
"""
DOCKERFILE = """
FROM prefecthq/prefect:3-latest
RUN uv pip install emoji==2.14.1
COPY . /opt/prefect/hello
WORKDIR /opt/prefect/hello
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a copy of the example, in a folder of the same name."""
    return Path(shutil.copytree(HELLO, tmp_path / "hello"))


@pytest.fixture
def env(base_image: str, prefect_server: PrefectServer, docker_pool: str) -> dict[str, str]:
    """Give the environment of a user with a server, a Docker pool and the base image."""
    docker_host = os.environ.get("DOCKER_HOST")
    return prefect_server.environment() | ({"DOCKER_HOST": docker_host} if docker_host else {})


def _edit(project: Path, old: str, new: str) -> None:
    flow = project / "flow.py"
    text = flow.read_text()
    assert old in text
    flow.write_text(text.replace(old, new))


def test_prefect_alone_crashes_on_a_local_latest_image(
    project: Path, env: dict[str, str], prefect_server: PrefectServer, worker: Worker
) -> None:
    """The reason why: Prefect's own deploy of a local `latest` image runs into a pull."""
    (project / "Dockerfile").write_text(DOCKERFILE)
    (project / "deploy.py").write_text(PREFECT_ALONE)
    code = "import sys, types; sys.modules['emoji'] = types.ModuleType('emoji'); import deploy"
    subprocess.run([sys.executable, "-c", code], cwd=project, env=env, check=True)

    run = prefect_server.api.run_deployment("hello/alone")

    assert run.state == "Crashed"


def test_a_local_latest_image_runs_to_completed(
    project: Path,
    env: dict[str, str],
    prefect_server: PrefectServer,
    worker: Worker,
    made: list[str],
) -> None:
    """The command of the README, then a run: the flow's own line comes from its container."""
    made.append("my-docker-image:latest")

    ran = imagebuild(
        "deploy", "--image", "my-docker-image:latest", "--no-push", cwd=project, env=env
    )
    run = prefect_server.api.run_deployment("hello/hello", {"name": "image"})
    lines = prefect_server.api.logs(run.id, awaited="Hello, image!")

    assert ran.reference == "my-docker-image:latest"
    assert run.state == "Completed"
    assert any("Hello, image! From container" in line for line in lines)


def test_a_pushed_image_runs_by_digest_where_it_is_not_local(
    project: Path,
    env: dict[str, str],
    prefect_server: PrefectServer,
    worker: Worker,
    engine: DockerClient,
    registry: Registry,
    made: list[str],
) -> None:
    """The deployment names the digest, and the worker pulls exactly that."""
    name = f"{registry.address}/team/hello:v1"
    ran = imagebuild("deploy", "--image", name, "--name", "pushed", cwd=project, env=env)
    digest = registry.digest("team/hello", "v1")
    made.append(ran.reference)  # which the worker pulls

    run = prefect_server.api.run_deployment("hello/pushed")
    deployment = prefect_server.api.deployment("hello/pushed")

    assert ran.reference == f"{name}@{digest}"
    assert deployment["job_variables"]["image"] == ran.reference
    assert "image_pull_policy" not in deployment["job_variables"]
    assert run.state == "Completed"


def test_a_new_deployment_has_what_a_run_needs(
    project: Path, env: dict[str, str], prefect_server: PrefectServer, made: list[str]
) -> None:
    """Entrypoint relative to the root, an absolute pull step, the flow's parameters."""
    made.append("hello:what-a-run-needs")
    imagebuild(
        *("deploy", "--image", made[0], "--no-push", "--name", "whole"),
        *("--job-variable", 'env={"LEVEL": "debug"}', "--pool", "docker-pool"),
        cwd=project,
        env=env,
    )

    deployment = prefect_server.api.deployment("hello/whole")

    assert deployment["entrypoint"] == "flow.py:hello"
    assert deployment["pull_steps"] == [
        {"prefect.deployments.steps.set_working_directory": {"directory": "/opt/prefect/hello"}}
    ]
    assert deployment["job_variables"] == {
        "image": made[0],
        "image_pull_policy": "IfNotPresent",
        "env": {"LEVEL": "debug"},
    }
    assert deployment["parameter_openapi_schema"]["properties"]["name"]["default"] == "world"
    assert deployment["work_pool_name"] == "docker-pool"


def test_a_redeploy_without_change_asks_and_changes_nothing(
    project: Path,
    env: dict[str, str],
    recorded_engine: RecordingProxy,
    recorded_registry: tuple[RecordingProxy, str],
    recorded_prefect: tuple[RecordingProxy, str],
    made: list[str],
) -> None:
    """No build at the engine, nothing sent to the registry, nothing written at Prefect."""
    to_registry, address = recorded_registry
    to_prefect, url = recorded_prefect
    env |= {"DOCKER_HOST": os.environ["DOCKER_HOST"], "PREFECT_API_URL": url}
    arguments = ("deploy", "--image", f"{address}/team/same:v1", "--name", "same")
    first = imagebuild(*arguments, cwd=project, env=env)
    made.append(f"{address}/team/same:v1")
    assert recorded_engine.asked("POST", ".*/build.*")
    assert to_registry.asked("PUT")
    for proxy in (recorded_engine, to_registry, to_prefect):
        proxy.clear()

    second = imagebuild(*arguments, cwd=project, env=env)

    assert second.reference == first.reference
    assert recorded_engine.asked("POST") == []
    assert to_registry.asked(CHANGING) == []
    assert to_prefect.asked(CHANGING) == []
    assert to_prefect.asked("GET")


def test_one_changed_line_sends_that_file_and_reuses_the_environment(
    project: Path, env: dict[str, str], made: list[str]
) -> None:
    """The context's other files stay where they are, and the dependencies come from the cache."""
    made.append("hello:one-line")
    arguments = ("deploy", "--image", made[0], "--no-push", "--name", "one-line")
    first = imagebuild(*arguments, cwd=project, env=env)
    _edit(project, "Hello", "Good day")

    second = imagebuild(*arguments, cwd=project, env=env)

    size = (project / "flow.py").stat().st_size
    assert "sent 2 files" in first.told
    assert f"  sent 1 file, {size} B\n" in second.told
    [run] = [line for line in second.told.splitlines() if " RUN " in line]
    assert run.endswith("cached")


def test_one_changed_line_keeps_what_others_gave_the_deployment(
    project: Path, env: dict[str, str], prefect_server: PrefectServer, made: list[str]
) -> None:
    """Schedule, tags and a job variable that were set in between are there afterwards."""
    api = prefect_server.api
    made.append("hello:kept")
    arguments = ("deploy", "--image", made[0], "--no-push", "--name", "kept")
    imagebuild(*arguments, cwd=project, env=env)
    before = api.deployment("hello/kept")
    schedule = {"schedule": {"interval": 3600}, "active": True}
    api.request("POST", f"/deployments/{before['id']}/schedules", [schedule])
    variables = before["job_variables"] | {"auto_remove": True}
    api.request(
        "PATCH", f"/deployments/{before['id']}", {"tags": ["ours"], "job_variables": variables}
    )
    _edit(project, "Hello", "Hullo")

    ran = imagebuild(*arguments, cwd=project, env=env)
    after = api.deployment("hello/kept")

    assert ran.reference == made[0]
    assert after["tags"] == ["ours"]
    assert after["job_variables"]["auto_remove"] is True
    assert [found["schedule"]["interval"] for found in after["schedules"]] == [3600]
    assert after["version"] != before["version"]


def test_an_edit_that_keeps_size_and_time_is_in_the_next_image(
    project: Path, env: dict[str, str], engine: DockerClient, made: list[str]
) -> None:
    """Content decides, where make and rsync would see nothing."""
    made.append("hello:same-size")
    arguments = ("deploy", "--image", made[0], "--no-push", "--name", "same-size")
    imagebuild(*arguments, cwd=project, env=env)
    before = (project / "flow.py").stat()
    _edit(project, "Hello", "Howdy")
    os.utime(project / "flow.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (project / "flow.py").stat().st_size == before.st_size

    imagebuild(*arguments, cwd=project, env=env)

    inside = engine.containers.run(made[0], ["cat", "flow.py"], remove=True)
    assert inside == (project / "flow.py").read_bytes()


def test_the_image_mirrors_the_project_and_the_project_stays_untouched(
    project: Path, env: dict[str, str], engine: DockerClient, made: list[str]
) -> None:
    """Nothing is written into the folder, and what is ignored or secret is not in the image."""
    made.append("hello:mirror")
    (project / ".env").write_text("TOKEN=canary-value\n")
    (project / ".dockerignore").write_text("*.log\n")
    (project / "debug.log").write_text("noise")
    (project / "data").mkdir()
    (project / "data" / "table.csv").write_text("1,2\n")
    before = listing(project)

    ran = imagebuild(
        *("deploy", "--image", made[0], "--no-push", "--name", "mirror"), cwd=project, env=env
    )

    command = ["find", ".", "-mindepth", "1", "-printf", "%P %m %U\n"]
    found = engine.containers.run(made[0], command, remove=True).decode().splitlines()
    assert sorted(found) == [
        "data 755 0",
        "data/table.csv 644 0",
        "flow.py 644 0",
        "requirements.txt 644 0",
    ]
    assert "left out, as it looks like a secret: .env" in ran.told
    assert listing(project) == before


def test_a_base_behind_a_password_is_fetched_by_an_engine_that_never_logged_in(
    project: Path,
    env: dict[str, str],
    engine: DockerClient,
    base_image: str,
    private_registry: Registry,
    tmp_path: Path,
    made: list[str],
) -> None:
    """Docker's configuration has the password; the session hands it to the build."""
    base = f"{private_registry.address}/base/prefect"
    login = {"username": private_registry.username, "password": private_registry.password}
    engine.images.get(base_image).tag(base, "3")
    assert "digest" in engine.api.push(base, "3", auth_config=login)
    engine.images.remove(f"{base}:3")
    config = tmp_path / "docker"
    config.mkdir()
    subprocess.run(
        [
            *("docker", "--config", config, "login", private_registry.address),
            *("--username", str(private_registry.username), "--password-stdin"),
        ],
        input=str(private_registry.password).encode(),
        check=True,
        capture_output=True,
    )
    made.append("hello:private-base")
    arguments = ("deploy", "--base", f"{base}:3", "--image", made[0], "--no-push")

    refused = imagebuild(*arguments, "--name", "private", cwd=project, env=env)
    ran = imagebuild(
        *arguments, "--name", "private", cwd=project, env=env | {"DOCKER_CONFIG": str(config)}
    )

    assert refused.code == 4
    assert f"docker login {private_registry.address}" in refused.told
    assert ran.reference == made[0]


def test_the_embedded_server_is_used_where_none_is_configured(
    project: Path, base_image: str, tmp_path: Path, made: list[str]
) -> None:
    """Without PREFECT_API_URL the deployment is in the database in PREFECT_HOME."""
    made.append("hello:embedded")
    restore(tmp_path / "prefect")
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    env = clean | {"PREFECT_HOME": str(tmp_path / "prefect"), "DO_NOT_TRACK": "1"}
    create = ["work-pool", "create", "local-docker", "--type", "docker"]
    subprocess.run(
        [sys.executable, "-m", "prefect", *create], env=env, check=True, capture_output=True
    )

    first = imagebuild("deploy", "--image", made[0], "--no-push", cwd=project, env=env)
    second = imagebuild("deploy", "--image", made[0], "--no-push", cwd=project, env=env)

    assert first.reference == second.reference == made[0]
    assert "not recorded (nothing changed)" in second.told
