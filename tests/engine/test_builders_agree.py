"""The command makes the same image, file for file, by BuildKit and by the classic builder."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import imagebuild
from tests.support.inside import config_of, listing_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

EXAMPLES = Path(__file__).parents[2] / "examples"


@contextmanager
def built(engine: DockerClient, project: Path, name: str, builder: str) -> Iterator[str]:
    """Build a project by the command until the block ends; the image's name."""
    arguments = ("build", "--image", name, "--builder", builder)
    ran = imagebuild(*arguments, cwd=project, env=os.environ)
    assert ran.reference == name
    yield name
    engine.images.remove(name, force=True)


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
