"""Every command of the README is run: a reader who types them gets what it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import imagebuild
from tests.support.prefect_stack import PrefectServer, container_host, restore
from tests.support.processes import background, free_port, wait_until

if TYPE_CHECKING:
    from docker import DockerClient

    from tests.support.registry import Registry

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text()
COMMANDS = re.findall(r"^ *\$ (.+)$", README, flags=re.MULTILINE)
SERVER = "prefect server start"
WORKER = "prefect worker start --pool my-docker-pool"
API = "http://127.0.0.1:4200/api"
# What the shell then has for completing the command; to have nothing is an error.
COMPLETES = "complete -p imagebuild"

# Each command that the reader's session below does not run, and who does.
ELSEWHERE = {
    "make demo": "test_the_demo_ends_completed",
    "make test": "whoever runs this test",
}


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """Give a new environment with nothing in it."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    return tmp_path / "venv"


def test_a_reader_comes_from_nothing_to_a_run(
    venv: Path, tmp_path: Path, engine: DockerClient, base_image: str, registry: Registry
) -> None:
    """The commands, in the README's order, in a new environment; the run ends Completed."""
    typed = [command for command in COMMANDS if command not in ELSEWHERE]
    promise, *commands = typed
    assert promise in commands, "the promise at the top is kept further down"
    host = container_host(engine)
    server = PrefectServer(tmp_path / "prefect", f"http://{host}:{free_port(host)}/api")
    env = _readers(server, venv, tmp_path)
    here = _clone(tmp_path)
    places = {"registry.example.com": registry.address, API: server.url}
    if not restore(server.folder):
        server.folder.mkdir()

    with ExitStack() as stack:
        shown = {}
        stack.enter_context(closing(server.api))
        for command in commands:
            place = command
            for written, real in places.items():
                place = place.replace(written, real)
            if command.startswith("cd "):
                here = here / command.removeprefix("cd ")
            elif command in {SERVER, WORKER}:
                argv = [str(venv / "bin" / "prefect"), *shlex.split(command)[1:]]
                stack.enter_context(background(argv, tmp_path / f"{argv[1]}.log", env))
            elif "_COMPLETE=" in command:
                shown[command] = _type(f"{place}; {COMPLETES}", here, env)
            else:
                shown[command] = _type(place, here, env)
            if command == SERVER:
                wait_until(server.api.healthy, "the README's Prefect server", 120)

    assert shown[promise] == "my-docker-image:latest\n"
    assert "Completed" in shown["prefect deployment run hello/hello --watch"]
    assert shown["imagebuild render"].startswith("FROM prefecthq/prefect:3-latest AS environment\n")


def test_the_settings_are_taken_as_they_are_written(tmp_path: Path) -> None:
    """The example of `[tool.imagebuild]`: what it sets is what is planned."""
    [block] = re.findall(r"^```toml\n(.+?)^```", README, flags=re.MULTILINE | re.DOTALL)
    project = Path(shutil.copytree(REPOSITORY / "examples" / "hello", tmp_path / "hello"))
    (project / "pyproject.toml").write_text(block)

    ran = imagebuild("plan", "--json", cwd=project, env=os.environ)
    assert ran.code == 0, ran.told
    planned = json.loads("\n".join(ran.answer))

    [name] = planned["names"]
    assert name.startswith("registry.example.com/team/etl:")
    assert planned["environment"]["system_packages"] == ["libpq5"]
    assert planned["code"]["env"] == {"LEVEL": "debug"}


def test_every_target_of_make_that_is_named_is_there() -> None:
    """`make` itself says what it would do."""
    named = sorted(set(re.findall(r"\bmake ([a-z]+)`", README)) | {"demo", "test"})
    assert {"bench", "lint", "unit"} <= set(named)
    for target in named:
        make = ["make", "--dry-run", "--always-make", target]
        done = subprocess.run(make, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), target
        assert "-m" in done.stdout


def test_the_shell_completes_a_command() -> None:
    """As the README has it set up in bash; the other shells get a script too."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path}
    [set_up] = [command for command in COMMANDS if "_COMPLETE=" in command]
    tab = (
        "COMP_WORDS=(imagebuild de); COMP_CWORD=1; _imagebuild_completion imagebuild;"
        ' echo "${COMPREPLY[@]}"'
    )

    assert _type(f"{set_up}; {tab}", REPOSITORY, env) == "deploy\n"
    for shell in ("zsh_source", "fish_source"):
        script = _type(f"_IMAGEBUILD_COMPLETE={shell} imagebuild", REPOSITORY, env)
        assert "imagebuild" in script


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


def _readers(server: PrefectServer, venv: Path, folder: Path) -> dict[str, str]:
    """What a reader's shell has: nothing of Prefect's but where its server and home are."""
    host, _, port = server.url.removeprefix("http://").removesuffix("/api").partition(":")
    env = server.environment() | {
        "PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PREFECT_SERVER_API_HOST": host,
        "PREFECT_SERVER_API_PORT": port,
        # Of what the index has today, the newest would not always run.
        "PIP_CONSTRAINT": str(_constraints(folder)),
    }
    del env["PREFECT_API_URL"]  # the profile tells it, by the README's command
    return env


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
