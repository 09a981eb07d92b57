"""Every command of the README is run: a reader who types them gets what it says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import background

if TYPE_CHECKING:
    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer
    from tests.support.registry import Registry

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text()
COMMANDS = re.findall(r"^ *\$ (.+)$", README, flags=re.MULTILINE)
WORKER = "prefect worker start --pool my-docker-pool"

# Each command that the reader's session below does not run, and who does.
ELSEWHERE = {
    "make demo": "test_the_demo_ends_completed",
    "make test": "whoever runs this test",
    "prefect server start --background": "the fixture prefect_server, at another port",
    "prefect config set PREFECT_API_URL=http://127.0.0.1:4200/api": "the environment of the test",
}


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """Give a new environment with nothing in it."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    return tmp_path / "venv"


def test_a_reader_comes_from_nothing_to_a_run(
    venv: Path,
    tmp_path: Path,
    engine: DockerClient,
    base_image: str,
    registry: Registry,
    prefect_server: PrefectServer,
) -> None:
    """The commands, in the README's order, in a new environment; the run ends Completed."""
    typed = [command for command in COMMANDS if command not in ELSEWHERE]
    promise, *commands = typed
    assert promise in commands, "the promise at the top is kept further down"
    env = prefect_server.environment() | {
        "PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}",
        # Of what the index has today, the newest would not always run.
        "PIP_CONSTRAINT": str(_constraints(tmp_path)),
    }
    here = _clone(tmp_path)

    with ExitStack() as stack:
        shown = {}
        for command in commands:
            if command.startswith("cd "):
                here = here / command.removeprefix("cd ")
            elif command == WORKER:
                argv = [str(venv / "bin" / "prefect"), *shlex.split(command)[1:]]
                stack.enter_context(background(argv, tmp_path / "worker.log", env))
            else:
                place = command.replace("registry.example.com", registry.address)
                shown[command] = _type(place, here, env)

    assert shown[promise] == "my-docker-image:latest\n"
    assert "Completed" in shown["prefect deployment run hello/hello --watch"]
    assert shown["imagebuild render"].startswith("FROM prefecthq/prefect:3-latest\n")


def test_the_demo_ends_completed(engine: DockerClient, base_image: str) -> None:
    """`make demo` types the command of the README's first lines, and shows the flow's own line."""
    demo = subprocess.run(
        [sys.executable, "-m", "tests.support.demo"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )

    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "imagebuild deploy --image my-docker-image:latest --no-push" in demo.stdout
    assert "Hello, world! From container" in demo.stdout
    assert "final state: Completed" in demo.stdout


def _clone(folder: Path) -> Path:
    """What a reader's clone has and an installation needs."""
    clone = folder / "clone"
    for name in ("imagebuild", "dockerfile_templates", "examples"):
        shutil.copytree(REPOSITORY / name, clone / name)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, clone)
    return clone


def _type(command: str, cwd: Path, env: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-c", command], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
    return done.stdout


def _constraints(folder: Path) -> Path:
    """The lock's versions without its hashes, as pip takes them for constraints."""
    lock = (REPOSITORY / "requirements.lock").read_text()
    path = folder / "constraints.txt"
    path.write_text(re.sub(r" \\\n( +--hash=\S+( \\)?\n)+", "\n", lock))
    return path
