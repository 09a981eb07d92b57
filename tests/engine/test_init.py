"""`imagebuild init`, driven at its prompts through a pseudo-terminal; then a deploy, then a run."""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.command import imagebuild
from tests.support.terminal import CTRL_C, CTRL_D, on_terminal

if TYPE_CHECKING:
    from docker import DockerClient

    from tests.support.command import Ran
    from tests.support.prefect_stack import PrefectServer, Worker
    from tests.support.registry import Registry
    from tests.support.terminal import Terminal

HELLO = Path(__file__).parents[2] / "examples" / "hello"
# What Prefect's own command makes of a file.
READ = """
import json, sys, yaml
from prefect.cli.deploy._models import PrefectYamlModel

read = PrefectYamlModel.model_validate(yaml.safe_load(open("prefect.yaml")))
json.dump([one.model_dump(exclude_unset=True, mode="json") for one in read.deployments], sys.stdout)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a copy of the example."""
    return Path(shutil.copytree(HELLO, tmp_path / "hello"))


@pytest.fixture
def env(base_image: str, prefect_server: PrefectServer, docker_pool: str) -> dict[str, str]:
    """Give the environment of a user with a server, a Docker pool and the base image."""
    docker_host = os.environ.get("DOCKER_HOST")
    return prefect_server.environment() | ({"DOCKER_HOST": docker_host} if docker_host else {})


def _choose_pool(terminal: Terminal, pool: str) -> None:
    """Choose among the pools by the number that stands before it, if there are several."""
    shown = terminal.wait_for(": ")
    while not re.search(r"(Image \[.*\]|Work pool \[\d+\]): $", shown):
        shown += terminal.wait_for(": ")
    if "Work pool" in shown:
        found = re.search(rf"^ +(\d+)  {re.escape(pool)}$", shown, re.MULTILINE)
        assert found, shown
        terminal.type(f"{found[1]}\n")
        terminal.wait_for("Image [")
        terminal.wait_for(": ")


def _type(terminal: Terminal, *lines: str) -> None:
    for line in lines:
        terminal.type(f"{line}\n")


def _told_command(ran: Ran) -> list[str]:
    """The command that it says is the next."""
    [line] = re.findall(r"next: imagebuild (.+)$", ran.told, re.MULTILINE)
    return shlex.split(line)


@pytest.mark.parametrize(
    ("options", "file", "following"),
    [
        (["--settings"], "imagebuild.toml", ["deploy"]),
        ([], "prefect.yaml", ["deploy", "-n", "set up"]),
    ],
)
def test_init_then_deploy_then_a_run(
    options: list[str],
    file: str,
    following: list[str],
    project: Path,
    env: dict[str, str],
    docker_pool: str,
    prefect_server: PrefectServer,
    worker: Worker,
    engine: DockerClient,
) -> None:
    """The command that it names as the next is all that is to be typed."""
    with on_terminal("init", *options, cwd=project, env=env) as terminal:
        terminal.answer("Deployment's name [hello]: ", "set up")
        _choose_pool(terminal, docker_pool)
        _type(terminal, "set-up:latest")
        terminal.answer("Push it? [y/N]: ", "")
        wrote = terminal.ended()
    deployed = imagebuild(*_told_command(wrote), cwd=project, env=env)
    run = prefect_server.api.run_deployment("hello/set up", {"name": "init"})
    lines = prefect_server.api.logs(run.id, awaited="Hello, init!")
    engine.images.remove("set-up:latest", force=True)

    assert (wrote.code, wrote.answer) == (0, [file]), wrote.told
    assert _told_command(wrote) == following
    assert deployed.reference == "set-up:latest"
    assert run.state == "Completed"
    assert any("Hello, init! From container" in line for line in lines)


def test_init_writes_a_file_that_prefect_reads(
    project: Path,
    env: dict[str, str],
    docker_pool: str,
    private_registry: Registry,
    tmp_path: Path,
) -> None:
    """With a push, to a registry that takes the credentials; what stood there stays."""
    env |= {"DOCKER_CONFIG": str(tmp_path / "docker")}
    _log_in(private_registry, env)
    before = "# ours\nname:   hello\ndeployments:\n  - name: other # kept\n    entrypoint: a.py:b\n"
    (project / "prefect.yaml").write_text(before)

    with on_terminal("init", cwd=project, env=env) as terminal:
        terminal.answer("Deployment's name [hello]: ", "")
        _choose_pool(terminal, docker_pool)
        _type(terminal, "")
        terminal.answer("Push it? [y/N]: ", "y")
        terminal.answer("Registry, with a path if it has one: ", f"{private_registry.address}/team")
        wrote = terminal.ended()
    other, hello = _as_prefect(project, env)
    text = (project / "prefect.yaml").read_text()

    assert (wrote.code, wrote.answer) == (0, ["prefect.yaml"]), wrote.told
    assert f"{private_registry.address} takes the credentials" in wrote.told
    assert text.startswith(before)
    assert other["name"] == "other"
    assert (hello["name"], hello["entrypoint"]) == ("hello", "flow.py:hello")
    assert hello["work_pool"]["name"] == docker_pool
    assert hello["work_pool"]["job_variables"] == {"image": "{{ push-image.reference }}"}
    written = yaml.safe_load(text)["deployments"][1]
    assert {key: hello[key] for key in ("build", "push", "pull")} == {
        key: written[key] for key in ("build", "push", "pull")
    }
    [step] = hello["build"]
    assert step["imagebuild.steps.build_docker_image"]["image_name"] == (
        f"{private_registry.address}/team/hello"
    )


def test_credentials_that_are_refused_write_nothing(
    project: Path, env: dict[str, str], docker_pool: str, private_registry: Registry, tmp_path: Path
) -> None:
    """By the real registry; the exit code is the one for that."""
    env |= {"DOCKER_CONFIG": str(tmp_path / "docker")}
    _log_in(private_registry, env, password="wrong")
    where = ("--registry", f"{private_registry.address}/team", "--pool", docker_pool)

    ran = imagebuild("init", "--yes", *where, cwd=project, env=env)

    assert (ran.code, ran.answer) == (4, []), ran.told
    assert "nothing was written" in ran.told
    assert not (project / "prefect.yaml").exists()


@pytest.mark.parametrize("keys", [CTRL_C, CTRL_D], ids=["Ctrl-C", "Ctrl-D"])
def test_a_person_who_leaves_a_prompt_has_nothing_written(
    project: Path, env: dict[str, str], docker_pool: str, keys: str
) -> None:
    """As it is pressed: the terminal interrupts the command, or ends its input."""
    with on_terminal("init", "--pool", docker_pool, cwd=project, env=env) as terminal:
        terminal.wait_for("Deployment's name [hello]: ")
        terminal.type(keys)
        ran = terminal.ended()

    assert (ran.code, ran.answer) == (130, [])
    assert "interrupted" in ran.told
    assert sorted(path.name for path in project.iterdir()) == ["flow.py", "requirements.txt"]


def _as_prefect(project: Path, env: dict[str, str]) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-c", READ],
        cwd=project,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def _log_in(registry: Registry, env: dict[str, str], password: str | None = None) -> None:
    """What `docker login` leaves behind."""
    pair = f"{registry.username}:{password or registry.password}".encode()
    folder = Path(env["DOCKER_CONFIG"])
    folder.mkdir()
    auths = {registry.address: {"auth": base64.b64encode(pair).decode()}}
    (folder / "config.json").write_text(json.dumps({"auths": auths}))
