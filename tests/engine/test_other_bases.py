"""Bases that are not quite Prefect's own: without uv, with a user of their own."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engine.test_buildkit_build import run as run_dockerfile
from tests.support.command import imagebuild

if TYPE_CHECKING:
    from docker import DockerClient

HELLO = Path(__file__).parents[2] / "examples" / "hello"
NO_UV = "RUN rm /bin/uv"
USER = "RUN useradd --create-home --uid 1234 flow\nUSER flow"
SHOW = """
cat "$(python -c 'import emoji; print(*emoji.__path__)')"-*.dist-info/INSTALLER; echo
stat --format '%u' "$(python -c 'import emoji; print(emoji.__file__)')" flow.py
id --user
python -c 'import flow; print(flow.hello.name)'
"""
BASES = {
    "no uv": (NO_UV, "docker", ["pip", "0", "0", "0", "hello"]),
    "a user": (USER, "docker", ["uv", "0", "0", "1234", "hello"]),
    "both, by the classic builder": (
        f"{NO_UV}\n{USER}",
        "classic",
        ["pip", "0", "0", "1234", "hello"],
    ),
}


@pytest.mark.parametrize(("steps", "builder", "says"), BASES.values(), ids=BASES)
def test_dependencies_are_installed_by_root_and_the_flow_runs_as_the_bases_user(
    steps: str,
    builder: str,
    says: list[str],
    base_image: str,
    engine: DockerClient,
    tmp_path: Path,
) -> None:
    """By pip where the base has no uv; what was installed and the code belong to root."""
    project = Path(shutil.copytree(HELLO, tmp_path / "hello"))
    base, name = (f"imagebuild-tests/{each}:{uuid.uuid4().hex}" for each in ("base", "on-base"))
    made, _, _ = run_dockerfile(engine.api, f"FROM {base_image}\n{steps}\n", {}, "bases")
    engine.images.get(made).tag(base)

    arguments = ("build", "--image", name, "--base", base, "--builder", builder)
    ran = imagebuild(*arguments, cwd=project, env=os.environ)
    assert ran.reference == name
    shown = engine.containers.run(name, ["sh", "-euc", SHOW], remove=True).decode().split()
    config = engine.images.get(name).attrs["Config"]
    for each in (name, base):
        engine.images.remove(each, force=True)

    assert shown == says
    assert config["User"] == ("flow" if "USER" in steps else "")
