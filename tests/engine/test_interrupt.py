"""A deploy that is interrupted ends at once, in the engine too, and loses nothing."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import Running, imagebuild, listing, running
from tests.support.holding import Hold
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer
    from tests.support.proxies import RecordingProxy

    Recorded = tuple[RecordingProxy, str]

HELLO = Path(__file__).parents[2] / "examples" / "hello"
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
SLOW = """
FROM prefecthq/prefect:3-latest
RUN sleep 60
"""
RUNS = "the deployment hello/interrupted still runs hello:interrupted"
UNKNOWN = "whether the deployment hello/{} was changed is not known"
# Whom the request goes to that is under way, which it is, and what has to be said about the
# deployment.
STAGES = {
    "preflight, at Prefect": ("prefect", "GET", ".*/deployments/name/.*", "nothing was changed"),
    "preflight, at the engine": ("engine", "GET", ".*/images/.*/json", "nothing was changed"),
    "push": ("registry", "PUT", ".*/manifests/.*", RUNS),
    "record": ("prefect", "PATCH", ".*/deployments/.*", UNKNOWN.format("interrupted")),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a copy of the example, in a folder of the same name."""
    return Path(shutil.copytree(HELLO, tmp_path / "hello"))


@pytest.fixture(scope="module")
def deployed(
    base_image: str,
    prefect_server: PrefectServer,
    docker_pool: str,
    engine: DockerClient,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """Give the name of a deployment of the same project, which must survive."""
    project = Path(shutil.copytree(HELLO, tmp_path_factory.mktemp("good") / "hello"))
    ran = imagebuild(
        *("deploy", "--image", "hello:interrupted", "--no-push", "--name", "interrupted"),
        *("--pool", "docker-pool"),
        cwd=project,
        env=prefect_server.environment(),
    )
    yield "hello/interrupted"
    engine.images.remove(ran.reference, force=True)


@pytest.fixture
def proxies(
    deployed: str,
    recorded_engine: RecordingProxy,
    recorded_registry: Recorded,
    recorded_prefect: Recorded,
) -> dict[str, RecordingProxy]:
    """Give what stands before the engine, the registry and Prefect."""
    return {
        "engine": recorded_engine,
        "registry": recorded_registry[0],
        "prefect": recorded_prefect[0],
    }


@pytest.fixture
def env(
    proxies: dict[str, RecordingProxy], prefect_server: PrefectServer, recorded_prefect: Recorded
) -> dict[str, str]:
    """Give the environment of a user who reaches all through the proxies."""
    return prefect_server.environment() | {
        "DOCKER_HOST": os.environ["DOCKER_HOST"],
        "PREFECT_API_URL": recorded_prefect[1],
    }


@pytest.fixture
def image(recorded_registry: Recorded, engine: DockerClient) -> Iterator[str]:
    """Give the name of an image in the registry behind the proxy."""
    name = f"{recorded_registry[1]}/interrupted/hello:v1"
    yield name
    if engine.images.list(name):
        engine.images.remove(name, force=True)


def _interrupt(command: Running, number: signal.Signals, happened: Callable[[], bool]) -> str:
    """Send the signal when it has happened; what the command has told, ended as it should."""
    command.wait_for(happened)
    command.process.send_signal(number)
    ran = command.ended(30)
    assert (ran.code, ran.answer) == (dict(SIGNALS)[number], []), ran.told
    assert ran.told.splitlines()[-1].startswith("interrupted: ")
    assert "Traceback" not in ran.told
    wait_until(lambda: command.left() == [], "the end of all that was started", 10)
    return ran.told


@pytest.mark.parametrize(("number", "code"), SIGNALS)
@pytest.mark.parametrize(("whose", "method", "path", "says"), STAGES.values(), ids=STAGES)
def test_at_every_stage_the_deployment_keeps_its_image(
    whose: str,
    method: str,
    path: str,
    says: str,
    number: signal.Signals,
    code: int,
    project: Path,
    env: dict[str, str],
    image: str,
    deployed: str,
    proxies: dict[str, RecordingProxy],
    prefect_server: PrefectServer,
) -> None:
    """The exit code is the shell's own; nothing of ours is left, and it is said what stands."""
    files, before = listing(project), prefect_server.api.deployment(deployed)
    arguments = ["deploy", "--image", image, "--name", "interrupted"]

    with (
        Hold(method, path, 1).at(proxies[whose]) as hold,
        running(*arguments, cwd=project, env=env) as command,
    ):
        told = _interrupt(command, number, hold.reached.is_set)

    assert f"note: {says}\n" in told
    assert listing(project) == files
    assert prefect_server.api.deployment(deployed) == before


def test_a_deployment_that_is_being_made_is_made_by_nobody_else(
    project: Path,
    env: dict[str, str],
    proxies: dict[str, RecordingProxy],
    prefect_server: PrefectServer,
) -> None:
    """Prefect's own code does it, in a process that ends with ours."""
    arguments = ["deploy", "--image", "hello:interrupted", "--no-push", "--name", "unmade"]

    with (
        Hold("POST", ".*/deployments/", 1).at(proxies["prefect"]) as hold,
        running(*arguments, "--pool", "docker-pool", cwd=project, env=env) as command,
    ):
        told = _interrupt(command, signal.SIGINT, hold.reached.is_set)

    assert f"note: {UNKNOWN.format('unmade')}\n" in told
    assert "unmade" not in {found["name"] for found in prefect_server.api.deployments()}


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_the_build_is_cancelled_in_the_engine(
    number: signal.Signals,
    code: int,
    project: Path,
    env: dict[str, str],
    deployed: str,
    recorded_engine: RecordingProxy,
    prefect_server: PrefectServer,
) -> None:
    """It is told to stop: a closed connection alone lets some steps go on."""
    (project / "Dockerfile").write_text(SLOW)
    files, before = listing(project), prefect_server.api.deployment(deployed)
    arguments = ["deploy", "--image", "hello:slow", "--no-push", "--name", "interrupted"]

    with running(*arguments, "--dockerfile", "Dockerfile", cwd=project, env=env) as command:
        told = _interrupt(command, number, lambda: " RUN sleep" in command.told)

    assert f"note: {RUNS}\n" in told
    assert len(recorded_engine.asked("POST", ".*/build/cancel.*")) == 1
    assert listing(project) == files
    assert prefect_server.api.deployment(deployed) == before
