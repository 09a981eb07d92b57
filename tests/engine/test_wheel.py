"""The wheel, installed alone: what a user gets who has no clone of this project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from uv import find_uv_bin

from imagebuild import __version__
from tests.support.processes import run

if TYPE_CHECKING:
    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer

ROOT = Path(__file__).parents[2]
UV = (find_uv_bin(), "--quiet")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, by the build backend that is installed here."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ("build", "--wheel", "--no-build-isolation", "--python", sys.executable)
    run(*UV, *build, "--out-dir", str(folder), str(ROOT))
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the Python of a new environment with the wheel and what it asks for, as locked."""
    folder = tmp_path_factory.mktemp("environment")
    python = folder / "bin" / "python"
    run(*UV, "venv", "--python", sys.executable, "--allow-existing", str(folder))
    locked = ("--constraint", str(ROOT / "requirements.lock"))
    install = ("pip", "install", "--python", str(python))
    run(*UV, *install, *locked, f"flow-imagebuild[prefect] @ {wheel.as_uri()}")
    return python


@pytest.fixture
def env(prefect_server: PrefectServer, docker_pool: str) -> dict[str, str]:
    """Give the environment of a user with a server and a pool, and no path to this clone."""
    return {
        name: value
        for name, value in prefect_server.environment().items()
        if name not in ("PYTHONPATH", "VIRTUAL_ENV")
    }


def test_the_templates_are_in_the_wheel(wheel: Path) -> None:
    """All of them, where the package looks for them; and nothing but the package."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()

    folder = ROOT / "dockerfile_templates"
    templates = {name for name in names if "/dockerfile_templates/" in name}
    here = {path.relative_to(ROOT) for path in folder.rglob("*") if path.is_file()}
    assert templates == {f"imagebuild/{path.as_posix()}" for path in here}
    assert {name.partition("/")[0] for name in names} == {
        "imagebuild",
        f"flow_imagebuild-{__version__}.dist-info",
    }


def test_python_m_imagebuild_tells_the_version(
    python: Path, env: dict[str, str], tmp_path: Path
) -> None:
    """Of the package that is installed, not of the clone."""
    where = "import imagebuild; print(imagebuild.__file__)"
    told = [
        subprocess.run(
            [python, *arguments], cwd=tmp_path, env=env, check=True, capture_output=True, text=True
        ).stdout
        for arguments in (("-m", "imagebuild", "--version"), ("-c", where))
    ]

    assert told[0] == f"imagebuild {__version__}\n"
    assert Path(told[1]).is_relative_to(python.parents[1])


def test_it_does_the_deploy_of_the_demo(
    python: Path,
    env: dict[str, str],
    base_image: str,
    engine: DockerClient,
    prefect_server: PrefectServer,
    tmp_path: Path,
) -> None:
    """The command of the README, outside of the clone."""
    project = shutil.copytree(ROOT / "examples" / "hello", tmp_path / "hello")
    image = "hello:from-the-wheel"
    program = str(python.with_name("imagebuild"))

    ran = subprocess.run(
        [program, "deploy", "--image", image, "--no-push", "--name", "wheel"],
        cwd=project,
        env=env | {"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        inside = engine.containers.run(image, ["cat", "flow.py"], remove=True)
    finally:
        engine.images.remove(image, force=True)

    assert (ran.returncode, ran.stdout) == (0, f"{image}\n"), ran.stderr
    assert inside == (project / "flow.py").read_bytes()
    deployment = prefect_server.api.deployment("hello/wheel")
    assert deployment["job_variables"]["image"] == image
