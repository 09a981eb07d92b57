"""A deploy that would replace what somebody gave a deployment asks first, and does what it is told.

On a terminal a person is asked, and sees the live output; elsewhere only `--yes` is an answer.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.command import imagebuild
from tests.support.small_image import import_small
from tests.support.terminal import CTRL_C, CTRL_D, on_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer

HELLO = Path(__file__).parents[2] / "examples" / "hello"
IMAGE, NEXT = "hello:asked", "hello:asked-next"
THEIRS = {"prefect.deployments.steps.git_clone": {"repository": "https://example.com/x.git"}}
OURS = {"prefect.deployments.steps.set_working_directory": {"directory": "/opt/prefect/hello"}}
QUESTION = "its pull steps (prefect.deployments.steps.git_clone) give way to the code in the image"
PROMPT = "Go on? [y/N]:"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the example without dependencies, in a folder of the same name."""
    project = Path(shutil.copytree(HELLO, tmp_path_factory.mktemp("asked") / "hello"))
    (project / "requirements.txt").unlink()
    return project


@pytest.fixture(scope="module")
def env(
    project: Path, engine: DockerClient, prefect_server: PrefectServer, docker_pool: str
) -> Iterator[dict[str, str]]:
    """Give the environment of a user who has deployed the project once."""
    docker_host = os.environ.get("DOCKER_HOST")
    env = prefect_server.environment() | {"IMAGEBUILD_BASE": import_small(engine)}
    env |= {"DOCKER_HOST": docker_host} if docker_host else {}
    ran = imagebuild(*_arguments(IMAGE), cwd=project, env=env)
    assert ran.code == 0, ran.told
    yield env
    for name in (IMAGE, NEXT, env["IMAGEBUILD_BASE"]):
        engine.images.remove(name, force=True)


@pytest.fixture
def deployed(env: dict[str, str], prefect_server: PrefectServer) -> dict[str, Any]:
    """Give the deployment, to which somebody has given a pull step of their own."""
    api = prefect_server.api
    found = api.deployment("hello/asked")
    variables = found["job_variables"] | {"image": IMAGE}
    body = {"pull_steps": [THEIRS], "job_variables": variables}
    api.request("PATCH", f"/deployments/{found['id']}", body)
    return api.deployment("hello/asked")


def _arguments(image: str) -> tuple[str, ...]:
    return ("deploy", "--image", image, "--no-push", "--name", "asked", "--pool", "docker-pool")


def _is_done(deployment: dict[str, Any]) -> bool:
    image = deployment["job_variables"]["image"]
    return (image, deployment["pull_steps"]) == (NEXT, [OURS])


def test_where_nobody_can_be_asked_it_is_refused_unless_yes_is_said_in_advance(
    project: Path, env: dict[str, str], deployed: dict[str, Any], prefect_server: PrefectServer
) -> None:
    """Before anything is built; with `--yes` it is done."""
    refused = imagebuild(*_arguments(NEXT), cwd=project, env=env)
    after_refusal = prefect_server.api.deployment("hello/asked")
    done = imagebuild(*_arguments(NEXT), "--yes", cwd=project, env=env)

    assert (refused.code, refused.answer) == (2, []), refused.told
    assert QUESTION in refused.told
    assert "give --yes" in refused.told
    assert "build" not in [line.split()[0] for line in refused.told.splitlines()]
    assert after_refusal == deployed
    assert done.reference == NEXT
    assert _is_done(prefect_server.api.deployment("hello/asked"))


@pytest.mark.parametrize(
    ("keys", "code", "last"),
    [
        ("n\n", 1, "stopped, as you asked"),
        ("\n", 1, "stopped, as you asked"),
        (CTRL_C, 130, "\ninterrupted: "),
        (CTRL_D, 130, "\ninterrupted: "),
    ],
    ids=["no", "enter", "Ctrl-C", "Ctrl-D"],
)
def test_a_person_who_does_not_say_yes_keeps_the_deployment(
    keys: str,
    code: int,
    last: str,
    project: Path,
    env: dict[str, str],
    deployed: dict[str, Any],
    prefect_server: PrefectServer,
) -> None:
    """No, nothing, Ctrl-C or Ctrl-D at the prompt: nothing is built, and it says what stands."""
    with on_terminal(*_arguments(NEXT), cwd=project, env=env) as terminal:
        terminal.wait_for(PROMPT)
        terminal.type(keys)
        ended = terminal.ended()

    assert (ended.code, ended.answer) == (code, []), ended.told
    assert QUESTION in terminal.seen
    assert last in terminal.seen.partition(PROMPT)[2]
    assert f"the deployment hello/asked still runs {IMAGE}" in terminal.seen
    assert "✓ build" not in terminal.seen
    assert "Traceback" not in terminal.seen
    assert prefect_server.api.deployment("hello/asked") == deployed


def test_a_person_who_says_yes_sees_it_done(
    project: Path, env: dict[str, str], deployed: dict[str, Any], prefect_server: PrefectServer
) -> None:
    """Each stage is ticked off on the terminal, and the answer alone is on stdout."""
    with on_terminal(*_arguments(NEXT), "--no-cache", cwd=project, env=env) as terminal:
        terminal.wait_for(PROMPT)
        terminal.type("y\n")
        ended = terminal.ended()

    assert (ended.code, ended.answer) == (0, [NEXT]), ended.told
    assert _is_done(prefect_server.api.deployment("hello/asked"))
    before, _, after = terminal.seen.partition(PROMPT)
    assert QUESTION in before
    ticked = [line.split()[1] for line in after.splitlines() if line.startswith("✓ ")]
    assert ticked == ["preflight", "build", "record"]
    assert re.search(r"^  .*COPY .*/opt/prefect/hello/.*  [0-9.]+ s$", after, re.MULTILINE)
    assert b"\x1b[" in terminal.raw, "it is drawn, not written line by line"
