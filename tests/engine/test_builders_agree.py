"""The command makes the same image, file for file, by BuildKit and by the classic builder."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.command import imagebuild
from tests.support.processes import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

EXAMPLES = Path(__file__).parents[2] / "examples"
SETTINGS = ("Env", "WorkingDir", "Entrypoint", "Cmd", "User", "Labels", "ExposedPorts", "Volumes")
# The files of an image, but those that are the container's, and what is of the one run of a step:
# its logs, apt's lists and archives, the caches that BuildKit mounts, when uv installed. Of the
# base's own files, which are the same ones for both, the content is not read.
LISTING = r"""
files() {
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /.dockerenv \
        -o -path /etc/hosts -o -path /etc/hostname -o -path /etc/resolv.conf -o -path /var/log \
        -o -path /var/lib/apt/lists -o -path /var/cache -o -path /root/.cache \
        -o -name uv_cache.json -o -path '*/greeting-1.0.dist-info/RECORD' \) -prune -o "$@"
}
files -type d -printf '%p|%y|%m|%U:%G\n' -o -printf '%p|%y|%m|%U:%G|%s|%l\n' | sort
files -type f -cnewer /opt/prefect/entrypoint.sh ! -name '*.pyc' -print0 | xargs -0 sha256sum | sort
find "$PWD" -type f -printf '%p at %Ts\n' | sort
dpkg-query --show
uv pip freeze
"""


@contextmanager
def built(engine: DockerClient, project: Path, name: str, builder: str) -> Iterator[str]:
    """Build a project by the command until the block ends; the image's name."""
    arguments = ("build", "--image", name, "--builder", builder)
    ran = imagebuild(*arguments, cwd=project, env=os.environ)
    assert ran.reference == name
    yield name
    engine.images.remove(name, force=True)


def listing_of(image: str) -> list[str]:
    """What is in an image: kind, mode, owner, size, where a link leads to, and content; packages.

    In the code's folder also each file's time, in whole seconds as a layer has it.
    """
    shell = ("--rm", "--entrypoint", "sh", image, "-euc", LISTING)
    return run("docker", "run", *shell).splitlines()


def config_of(engine: DockerClient, image: str) -> dict[str, Any]:
    """How an image is started, and what it says of itself."""
    config = engine.images.get(image).attrs["Config"]
    return {name: config.get(name) for name in SETTINGS}


@pytest.mark.parametrize("example", ["hello", "own-template", "system-packages"])
def test_an_example_is_the_same_image_by_both_builders(
    example: str, base_image: str, engine: DockerClient, tmp_path: Path
) -> None:
    """Dependencies, system packages and local packages too."""
    project = Path(shutil.copytree(EXAMPLES / example, tmp_path / example))
    name = f"imagebuild-tests/agree-{example}"
    with (
        built(engine, project, f"{name}:docker", "docker") as one,
        built(engine, project, f"{name}:classic", "classic") as other,
    ):
        config, other_config = (config_of(engine, image) for image in (one, other))
        files, other_files = (listing_of(image) for image in (one, other))

    assert sorted(set(files) ^ set(other_files)) == []
    assert other_config == config
    code = config["WorkingDir"]
    assert {"flow.py", "requirements.txt"} <= {
        line.partition(" at ")[0].removeprefix(f"{code}/") for line in files
    }
    assert any(line.endswith(f"  {code}/flow.py") for line in files)
    assert len(files) > 1000
