"""Deployments whose runs pull their code themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from imagebuild.cli.preview import plan_document, plan_lines
from imagebuild.events import Note
from imagebuild.pipeline import build, preview
from imagebuild.preparing import foresee, render
from imagebuild.record import SET_DIRECTORY
from imagebuild.request import DeploymentRequest
from imagebuild.sources.local import LocalSource
from imagebuild.state import Pool
from tests.unit.test_pipeline import FLOW, World
from tests.unit.values import name, request, write

if TYPE_CHECKING:
    from pathlib import Path

PROCESS = Pool("process", "process", {"env": {}})


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A project, and a pool of processes beside the one of containers."""
    made = World(tmp_path / "app")
    made.recorder.pools[PROCESS.name] = PROCESS
    return made


def mounted(world: World) -> dict[str, object]:
    """Job variables by which a container sees the project."""
    return {"volumes": [f"{world.root}:/code"]}


def test_a_pool_that_takes_no_image_gets_a_record_alone(world: World) -> None:
    """Nothing is built or pushed."""
    outcome = world.deploy(pulled=True, pool="process")
    held = world.recorder.deployments["hello/hello"]

    assert world.done == (0, 0, 1)
    assert list(held.pull_steps) == [{SET_DIRECTORY: {"directory": str(world.root)}}]
    assert held.entrypoint == "flow.py:hello"
    assert "image" not in held.job_variables
    assert (outcome.recorded, outcome.pool) == (True, "process")


def test_it_is_written_again_only_where_the_code_changed(world: World) -> None:
    """Whose parameters may be others."""
    world.deploy(pulled=True, pool="process")
    again = world.deploy(pulled=True, pool="process")
    write(world.root, {"flow.py": FLOW + "# more\n"})
    changed = world.deploy(pulled=True, pool="process")

    assert (again.recorded, changed.recorded) == (False, True)
    assert world.recorder.writes == 2


def test_an_image_without_the_code_is_built_where_a_pool_takes_one(world: World) -> None:
    """Code that changes changes no image."""
    world.deploy(pulled=True, job_variables=mounted(world))
    write(world.root, {"flow.py": FLOW + "# more\n"})
    world.deploy(pulled=True, job_variables=mounted(world))
    held = world.recorder.deployments["hello/hello"]

    assert world.done == (1, 1, 2)
    assert list(held.pull_steps) == [{SET_DIRECTORY: {"directory": "/code"}}]
    assert str(held.job_variables["image"]).startswith("reg.example/team/app:v1@sha256:")


def test_a_container_that_does_not_see_the_folder_is_refused(world: World) -> None:
    """Before anything is done."""
    error = world.refused(pulled=True)

    assert "do not see the folder" in error.message
    assert world.done == (0, 0, 0)


def test_the_dockerfile_copies_no_code(world: World) -> None:
    """And installs the requirements all the same."""
    source = LocalSource(world.root, {})
    baked, pulled = (
        render(request(world.root, pulled=pulled), source, world.told.append)
        for pulled in (False, True)
    )

    assert baked.count("COPY") == 2
    assert pulled.count("COPY") == 1
    assert "requirements.txt" in pulled


def test_what_a_run_needs_to_pull_is_installed(world: World) -> None:
    """Beside the requirements."""
    asked = request(world.root, libraries=("prefect-aws>=0.5",))
    text = render(asked, LocalSource(world.root, {}), world.told.append)

    assert "-r requirements.txt 'prefect-aws>=0.5'" in text


def test_an_image_alone_can_be_built(world: World) -> None:
    """For whoever records it."""
    asked = request(world.root, image=name("reg.example/team/app:v1"), pulled=True)
    build(asked, world.parts, world.told.append)

    assert world.done == (1, 1, 0)


def test_there_is_nothing_to_preview_where_nothing_is_built(world: World) -> None:
    """Which says so."""
    wanted = DeploymentRequest(pool="process")
    with pytest.raises(Exception, match="nothing is built for the work pool 'process'"):
        preview(request(world.root, pulled=True), wanted, world.parts, world.told.append)


def test_a_plan_says_that_the_code_is_pulled(world: World) -> None:
    """And counts no file of it."""
    foreseen = foresee(request(world.root, pulled=True), world.parts, world.told.append)
    document = plan_document(foreseen.project, foreseen.plan, foreseen.steps)

    assert (document["code"]["baked"], document["code"]["files"]) == (False, 0)
    assert any("pulled by each run" in line for line in plan_lines(document))


@pytest.mark.parametrize("pool", ["process", "docker"])
def test_the_project_and_the_deployment_are_looked_at_once(
    world: World, pool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what there is to say of them is said once."""
    (world.root / "id_rsa").write_text("secret")
    read = Mock(wraps=world.recorder.read)
    monkeypatch.setattr(world.recorder, "read", read)
    world.deploy(pulled=True, pool=pool, job_variables=mounted(world) if pool == "docker" else {})

    notes = [event.text for event in world.told if isinstance(event, Note)]
    assert len([text for text in notes if "id_rsa" in text]) == 1
    assert read.call_count == 1
