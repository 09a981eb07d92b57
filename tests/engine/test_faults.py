"""The engine, the registry or Prefect goes away in the middle: nothing is lost, and it is said."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import PROGRAM, Ran, imagebuild, listing, running
from tests.support.engine import forget
from tests.support.holding import Hold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer
    from tests.support.proxies import RecordingProxy
    from tests.support.registry import Registry

    Recorded = tuple[RecordingProxy, str]

HELLO = Path(__file__).parents[2] / "examples" / "hello"
SLOW = """
FROM prefecthq/prefect:3-latest
RUN sleep 60
"""
# What a shell, or a second reading of it, would take apart.
AWKWARD = ("--param", "name=it's $HOME", "--job-variable", 'env={"A": "b  c", "D": "\\\\"}')


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a copy of the example, in a folder of the same name."""
    return Path(shutil.copytree(HELLO, tmp_path / "hello"))


@pytest.fixture(scope="module")
def env(base_image: str, prefect_server: PrefectServer, docker_pool: str) -> dict[str, str]:
    """Give the environment of a user with a server, a Docker pool and the base image."""
    docker_host = os.environ.get("DOCKER_HOST")
    return prefect_server.environment() | ({"DOCKER_HOST": docker_host} if docker_host else {})


@pytest.fixture(scope="module")
def deployed(
    env: dict[str, str], engine: DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Give the name of a deployment that must survive."""
    project = Path(shutil.copytree(HELLO, tmp_path_factory.mktemp("good") / "hello"))
    ran = imagebuild(
        *("deploy", "--image", "hello:faults", "--no-push", "--name", "faults"),
        *("--pool", "docker-pool"),
        cwd=project,
        env=env,
    )
    yield "hello/faults"
    engine.images.remove(ran.reference, force=True)


def _arguments(image: str, *more: str, name: str = "faults") -> list[str]:
    return ["deploy", "--image", image, "--name", name, "--pool", "docker-pool", *more]


def _manifest(repository: str) -> tuple[str, str, int]:
    return "PUT", rf"/v2/faults/{repository}/manifests/.*", 1


def _is_told(ran: Ran, code: int, *says: str) -> None:
    assert (ran.code, ran.answer) == (code, []), ran.told
    assert "Traceback" not in ran.told
    for words in ("error: ", "caused by: ", "hint: ", *says):
        assert words in ran.told


def test_an_engine_that_goes_away_in_the_build(
    project: Path,
    env: dict[str, str],
    deployed: str,
    prefect_server: PrefectServer,
    recorded_engine: RecordingProxy,
) -> None:
    """It may be back soon: exit code 3; the deployment runs what it ran."""
    (project / "Dockerfile").write_text(SLOW)
    files, before = listing(project), prefect_server.api.deployment(deployed)
    arguments = _arguments("hello:gone", "--no-push", "--dockerfile", "Dockerfile")

    with running(
        *arguments, cwd=project, env=env | {"DOCKER_HOST": os.environ["DOCKER_HOST"]}
    ) as command:
        command.wait_for(lambda: " RUN sleep" in command.told)
        recorded_engine.end()
        ran = command.ended()

    _is_told(ran, 3, "went away", "the deployment hello/faults still runs hello:faults")
    assert listing(project) == files
    assert prefect_server.api.deployment(deployed) == before


def test_an_engine_and_a_registry_that_go_away_in_the_push(
    project: Path,
    env: dict[str, str],
    deployed: str,
    prefect_server: PrefectServer,
    engine: DockerClient,
    recorded_engine: RecordingProxy,
    recorded_registry: Recorded,
) -> None:
    """The same, after five tries: what lies in the registry by then, no deployment names."""
    registry, host = recorded_registry
    hosts = {"engine": env | {"DOCKER_HOST": os.environ["DOCKER_HOST"]}, "registry": env}
    images = {gone: f"{host}/faults/{gone}:v1" for gone in hosts}
    files, before = listing(project), prefect_server.api.deployment(deployed)

    with ExitStack() as stack:
        holds = [stack.enter_context(Hold(*_manifest(gone)).at(registry)) for gone in hosts]
        # Both at once, as most of the time goes by between the tries.
        commands = {
            gone: stack.enter_context(running(*_arguments(images[gone]), cwd=project, env=its_env))
            for gone, its_env in hosts.items()
        }
        for command, hold in zip(commands.values(), holds, strict=True):
            command.wait_for(hold.reached.is_set)
        recorded_engine.end()
        registry.end()
        for hold in holds:
            hold.over.set()
        ended = {gone: command.ended() for gone, command in commands.items()}
    forget(engine, *images.values())

    for gone, ran in ended.items():
        _is_told(
            ran,
            3,
            images[gone].removesuffix(":v1"),
            "the deployment hello/faults still runs hello:faults",
        )
    assert {gone: "DOCKER_HOST" in ran.told for gone, ran in ended.items()} == {
        "engine": True,
        "registry": False,
    }
    assert listing(project) == files
    assert prefect_server.api.deployment(deployed) == before


@pytest.mark.parametrize("name", ["new", "there"])
def test_a_prefect_that_goes_away_after_the_push(
    name: str,
    project: Path,
    env: dict[str, str],
    prefect_server: PrefectServer,
    engine: DockerClient,
    registry: Registry,
    recorded_registry: Recorded,
    recorded_prefect: Recorded,
) -> None:
    """The image is named, and the line that does the rest: typed as it stands, it does it."""
    pushed, host = recorded_registry
    prefect, url = recorded_prefect
    image = f"{host}/faults/{name}:v1"
    arguments = _arguments(image, *AWKWARD, name=f"after-{name}")
    if name == "there":
        imagebuild(*_arguments(image, name="after-there"), cwd=project, env=env)
        (project / "more.txt").write_text("another version")
    files = listing(project)
    before = prefect_server.api.deployments()

    with running(*arguments, cwd=project, env=env | {"PREFECT_API_URL": url}) as command:
        with Hold(*_manifest(name), passes=True).at(pushed) as hold:
            command.wait_for(hold.reached.is_set)
            prefect.end()
        ran = command.ended()
    digest = registry.digest(f"faults/{name}", "v1")
    line = re.search("finish with: (imagebuild record .*)\n", ran.told)

    assert digest is not None
    _is_told(ran, 5, f"error: {image}@{digest} is in the registry", "connection refused")
    assert prefect_server.api.deployments() == before
    assert line is not None, ran.told

    path = f"{Path(PROGRAM).parent}{os.pathsep}{env['PATH']}"
    typed = subprocess.run(
        line[1], shell=True, cwd=project, env=env | {"PATH": path}, capture_output=True, text=True
    )
    assert (typed.returncode, typed.stdout) == (0, f"{image}@{digest}\n"), typed.stderr
    deployment = prefect_server.api.deployment(f"hello/after-{name}")
    assert deployment["job_variables"]["image"] == f"{image}@{digest}"
    assert deployment["job_variables"]["env"] == {"A": "b  c", "D": "\\"}
    assert deployment["parameters"]["name"] == "it's $HOME"

    again = imagebuild(*arguments, cwd=project, env=env)
    forget(engine, image)
    assert again.reference == f"{image}@{digest}"
    assert "not built (nothing changed), not pushed (nothing changed), not recorded" in again.told
    assert prefect_server.api.deployment(f"hello/after-{name}") == deployment
    assert listing(project) == files


def test_two_deploys_at_once_both_end_well(
    project: Path,
    env: dict[str, str],
    prefect_server: PrefectServer,
    engine: DockerClient,
    registry: Registry,
) -> None:
    """Of the same project, into the same new deployment, which names what the registry has."""
    image = f"{registry.address}/faults/twice:v1"
    with ExitStack() as stack:
        commands = [
            stack.enter_context(running(*_arguments(image, name="twice"), cwd=project, env=env))
            for _ in range(2)
        ]
        both = [command.ended(120) for command in commands]
    forget(engine, image)

    deployment = prefect_server.api.deployment("hello/twice")
    named = f"{image}@{registry.digest('faults/twice', 'v1')}"
    assert deployment["job_variables"]["image"] == named
    assert {ran.code for ran in both} == {0}, "\n".join(ran.told for ran in both)
    assert named in {ran.reference for ran in both}
