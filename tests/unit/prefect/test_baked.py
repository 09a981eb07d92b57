"""The storage of baked code: where it lies here, and where in the image."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imagebuild import Baked, FlowImage
from imagebuild.errors import UsageError
from tests.unit.values import write

if TYPE_CHECKING:
    from tests.unit.prefect.conftest import World

STEP = "prefect.deployments.steps.set_working_directory"


@pytest.mark.parametrize(
    ("files", "directory"),
    [
        ({}, None),
        ({"prefect.yaml": "name: named\n"}, None),
        ({}, "jobs"),
        ({}, "/srv/jobs"),
    ],
)
def test_it_is_the_directory_of_the_image_of_the_same_folder(
    world: World, files: dict[str, str], directory: str | None
) -> None:
    """Whichever way it gets its name."""
    write(world.root, files)
    FlowImage("team/app", directory=directory).build()
    [plan] = world.builder.built

    assert Baked(".", directory).to_pull_step() == {STEP: {"directory": plan.code.directory}}


def test_it_does_not_depend_on_the_current_folder(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it is made; and nothing is copied."""
    baked = Baked(".")
    monkeypatch.chdir(world.root.parent)
    baked.set_base_path(Path("/elsewhere"))
    asyncio.run(baked.pull_code())

    assert baked.destination == world.root
    assert baked.directory == "/opt/prefect/app"
    assert baked.pull_interval is None


@pytest.mark.parametrize(
    ("folder", "directory", "told"),
    [
        ("missing", None, "there is no folder .*missing"),
        ("/", None, "the whole machine"),
        (".", "../up", "the code cannot lie at '../up'"),
    ],
)
def test_a_place_that_is_none_is_told(
    world: World, folder: str, directory: str | None, told: str
) -> None:
    """Before Prefect deploys a flow that no run would find."""
    with pytest.raises(UsageError, match=told):
        Baked(folder, directory)
