"""The storage of baked code: where it lies here, and where in the image."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild import Baked, FlowImage
from imagebuild.errors import UsageError
from tests.unit.prefect.conftest import FLOW
from tests.unit.sources.repositories import add, made
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


class Elsewhere:
    """A repository, and a user who has a cache folder or not."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = made(tmp_path / "flows.git")
        self.cache = tmp_path / "cache"
        monkeypatch.setenv("XDG_CACHE_HOME", str(self.cache))
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")

    def baked(self, fragment: str = "", **said: Any) -> Baked:
        """The code of its newest commit."""
        return Baked(f"git+file://{self.root}{fragment}", **said)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    """Give such a repository."""
    return Elsewhere(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("fragment", "said", "place"),
    [
        ("", {}, "/opt/prefect/flows"),
        ("#jobs/etl", {}, "/opt/prefect/etl"),
        ("", {"directory": "jobs"}, "/opt/prefect/jobs"),
        ("", {"source_directories": ["jobs"]}, "/opt/prefect/flows"),
    ],
)
def test_code_from_elsewhere_is_fetched_when_it_is_pulled(
    elsewhere: Elsewhere, fragment: str, said: dict[str, Any], place: str
) -> None:
    """And its place is that of the image of the same source."""
    baked = elsewhere.baked(fragment, **said)
    assert not elsewhere.cache.exists()
    asyncio.run(baked.pull_code())

    assert (baked.destination / "jobs" / "web").exists() == (fragment == "")
    assert baked.destination.is_relative_to(elsewhere.cache)
    assert baked.to_pull_step() == {STEP: {"directory": place}}


def test_each_pull_asks_for_the_newest(elsewhere: Elsewhere) -> None:
    """As any storage of Prefect's does."""
    baked = elsewhere.baked()
    asyncio.run(baked.pull_code())
    first = baked.destination
    add(elsewhere.root, {"flow.py": "three\n"})
    asyncio.run(baked.pull_code())

    assert (baked.destination / "flow.py").read_text() == "three\n"
    assert (first / "flow.py").read_text() == "two\n"


def test_without_a_cache_folder_it_lies_where_prefect_says(
    elsewhere: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For as long as that is there."""
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("HOME", raising=False)
    baked = elsewhere.baked()
    baked.set_base_path(tmp_path / "prefects")
    assert baked.destination == tmp_path / "prefects"
    asyncio.run(baked.pull_code())

    assert baked.destination.is_relative_to(tmp_path / "prefects")
    assert (baked.destination / "flow.py").read_text() == "two\n"


def test_prefect_reads_a_flow_from_elsewhere(elsewhere: Elsewhere) -> None:
    """It takes it for one of its own storages."""
    from prefect import flow

    add(elsewhere.root, {"greet.py": FLOW})
    found: Any = flow.from_source(source=elsewhere.baked(), entrypoint="greet.py:hello")

    async def within_a_loop() -> Any:
        asked: Any = flow.from_source(source=elsewhere.baked(), entrypoint="greet.py:hello")
        return await asked

    assert found.name == "hello"
    assert asyncio.run(within_a_loop()).name == "hello"


def test_it_does_not_show_what_it_was_given() -> None:
    """That may be an object with a secret in it, or an address that is nobody else's to know."""
    assert "h/a" not in repr(Baked("https://h/a", source_credentials="env:TOKEN"))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"source": None}, "source=None"),
        ({"source": 3}, "a source of the type int"),
        ({"source": "https://h/a", "directory": "../up"}, "the code cannot lie at '../up'"),
        ({"source": ".", "source_credentials": "env:X"}, "is a folder of this machine"),
        ({"source": "https://me:canary@h/a"}, "a user or a secret is in it"),
        ({"source": "https://h/a", "source_credentials": "canary"}, "they are no reference"),
    ],
)
def test_a_source_that_is_none_is_told(world: World, said: dict[str, Any], told: str) -> None:
    """When it is made."""
    with pytest.raises(UsageError, match=re.escape(told)) as caught:
        Baked(**said)
    assert "canary" not in str(caught.value)
