"""Deployments whose runs pull their code themselves."""

from __future__ import annotations

import dataclasses
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from imagebuild.cli.preview import plan_document, plan_lines, show_deploy
from imagebuild.errors import UsageError
from imagebuild.events import Note
from imagebuild.pipeline import build, preview
from imagebuild.preparing import foresee, render
from imagebuild.pulling import Bare
from imagebuild.record import SET_DIRECTORY, Pulled
from imagebuild.request import DeploymentRequest, SourceRequest
from imagebuild.sources.local import LocalCheckout, LocalSource
from imagebuild.state import Pool
from tests.unit.test_pipeline import APP, FLOW, World
from tests.unit.values import DIGEST, name, request, write

if TYPE_CHECKING:
    from collections.abc import Iterator
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


def test_a_deploy_that_builds_nothing_can_be_foreseen(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """For a person and for a program; nothing is written."""
    wanted = DeploymentRequest(pool="process")
    ready = preview(request(world.root, pulled=True), wanted, world.parts, world.told.append)
    assert isinstance(ready, Bare)
    show_deploy(ready, as_json=False)
    show_deploy(ready, as_json=True)
    lines, _, document = capsys.readouterr().out.partition("{")
    told = json.loads("{" + document)

    assert world.recorder.writes == 0
    assert "none is built" in lines
    assert "create the deployment hello/hello" in lines
    assert (told["names"], told["steps"], told["entrypoint"]) == ([], [], "flow.py:hello")
    assert told["deployment"]["writes"]["pull_steps"] == [
        {SET_DIRECTORY: {"directory": str(world.root)}}
    ]


class Elsewhere:
    """A place that runs reach from anywhere, with a library; it counts how often it is fetched."""

    def __init__(self, root: Path) -> None:
        self.root, self.fetched = root, 0

    @contextmanager
    def checkout(self) -> Iterator[LocalCheckout]:
        """The folder."""
        self.fetched += 1
        yield LocalCheckout(self.root, "app", {})

    def pulled(self) -> Pulled:
        """A step of somebody's."""
        return Pulled(({"pull": {"url": "s3://bucket"}},), libraries=("s3fs",))


@pytest.fixture
def elsewhere(world: World, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    """Let the world's code lie there."""
    made = Elsewhere(world.root)
    parts = dataclasses.replace(world.parts, source=made)
    monkeypatch.setattr(World, "parts", property(lambda _: parts))
    return made


SOURCE = SourceRequest("s3://bucket")


@pytest.mark.parametrize(
    ("push", "pin", "recorded"),
    [(True, True, f"{APP}@{DIGEST}"), (True, False, APP), (False, True, APP)],
)
def test_an_image_of_ones_own_goes_with_code_that_is_pulled(
    world: World, elsewhere: Elsewhere, push: bool, pin: bool, recorded: str
) -> None:
    """Nothing is built; what it may lack is installed as its runs start."""
    world.registry.digests[APP] = DIGEST
    world.deploy(source=SOURCE, pulled=True, build=False, push=push, pin=pin)
    held = world.recorder.deployments["hello/hello"]
    notes = [event.text for event in world.told if isinstance(event, Note)]

    assert world.done == (0, 0, 1)
    assert held.job_variables["image"] == recorded
    assert held.job_variables["env"] == {"EXTRA_PIP_PACKAGES": "s3fs"}
    assert list(held.pull_steps) == [{"pull": {"url": "s3://bucket"}}]
    assert any("requirements.txt is for whoever makes" in text for text in notes)
    assert any("runs install s3fs as they start" in text for text in notes)


def test_an_image_that_the_registry_does_not_have_is_refused(
    world: World, elsewhere: Elsewhere
) -> None:
    """Before the deployment is touched."""
    error = world.refused(source=SOURCE, pulled=True, build=False)

    assert "has no image" in error.message
    assert world.done == (0, 0, 0)


def test_without_an_image_the_deployment_keeps_its_own(world: World, elsewhere: Elsewhere) -> None:
    """Or runs its pool's default."""
    world.deploy(None, source=SOURCE, pulled=True, build=False)

    assert world.done == (0, 0, 1)
    assert "image" not in world.recorder.deployments["hello/hello"].job_variables


@pytest.mark.parametrize("pool", ["process", "nowhere"])
def test_what_cannot_be_baked_for_a_pool_is_not_fetched(
    world: World, elsewhere: Elsewhere, pool: str
) -> None:
    """Where the pool is named; so it is with a dry run."""
    error = world.refused(source=SOURCE, pool=pool)

    assert elsewhere.fetched == 0
    assert error.hint
    assert ("--code pulled" in error.hint) == (pool == "process")


def test_what_a_run_cannot_pull_is_not_fetched(
    world: World, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the source itself says."""

    def refuse() -> Pulled:
        message = "no run can"
        raise UsageError(message)

    monkeypatch.setattr(elsewhere, "pulled", refuse)
    error = world.refused(source=SOURCE, pulled=True, pool="process")

    assert (error.message, elsewhere.fetched) == ("no run can", 0)


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
