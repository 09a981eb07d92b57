"""The README's table of places of code: each line of it is typed, and its run ends Completed."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.checkout import check_in
from tests.support.command import imagebuild
from tests.support.git_http import git_server
from tests.support.prefect_stack import container_host, own_pool, running_worker
from tests.support.processes import run
from tests.support.scripts import python

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer
    from tests.support.registry import Registry
    from tests.support.storages import Storage

REPOSITORY = Path(__file__).parents[2]
HEAD = "| place | code | command | Python |\n|---|---|---|---|\n"
IMPORTS = """
from prefect import flow
from prefect.runner.storage import GitRepository
from imagebuild import Baked, FlowImage

storage = GitRepository("https://github.com/team/hello.git", branch="main")
"""
# It imports nothing that is installed: a process has what its worker has.
FLOW = """
from prefect import flow

@flow(log_prints=True)
def hello(name: str = "world"):
    print(f"Hello, {name}!")
"""
DOCKER, PROCESS = "my-docker-pool", "my-process-pool"


@dataclass(frozen=True)
class Cell:
    """A place, how its code is had, and the lines for it."""

    place: str
    code: str
    command: str
    python: str

    def __str__(self) -> str:
        return f"{self.place}, {self.code}"


def cells() -> list[Cell]:
    """What the table says."""
    text = (REPOSITORY / "README.md").read_text().partition(HEAD)[2].partition("\n\n")[0]
    found: list[Cell] = []
    for line in text.splitlines():
        place, code, *lines = (part.strip() for part in line.strip("|").split("|"))
        command, script = (part.strip("`") for part in lines)
        found.append(Cell(place or found[-1].place, code, command, script))
    return found


@dataclass(frozen=True)
class Made:
    """A deployment as Prefect has it, and a run of it that was started."""

    deployment: dict[str, Any]
    run_id: str


@dataclass(frozen=True)
class Reader:
    """Who types: where, in which environment, and what stands for what the README names."""

    folder: Path
    env: Mapping[str, str]
    places: Mapping[str, str]
    server: PrefectServer
    made: dict[tuple[Cell, str], Made] = field(default_factory=dict)

    def placed(self, line: str) -> str:
        """The line with places that are there."""
        for written, real in self.places.items():
            line = line.replace(written, real)
        return line

    def deployed(self, cell: Cell, door: str) -> Made:
        """What came of typing a line, which is done once."""
        if (cell, door) not in self.made:
            self.made[cell, door] = self._type(self.placed(getattr(cell, door)), door)
        return self.made[cell, door]

    def _type(self, line: str, door: str) -> Made:
        name = f"typed-{len(self.made)}"
        if door == "command":
            ran = imagebuild(
                *shlex.split(line)[1:], cwd=self.folder, env={**self.env, "IMAGEBUILD_NAME": name}
            )
            assert ran.code == 0, ran.told
        else:
            script = self.folder / "deploy.py"
            script.write_text(self.placed(IMPORTS) + line.replace('"hello",', f'"{name}",') + "\n")
            python(script, cwd=self.folder, env=self.env)
        deployment = self.server.api.deployment(f"hello/{name}")
        return Made(deployment, self.server.api.start_run(deployment["id"], {"name": door}))


@pytest.fixture(scope="module")
def reader(
    tmp_path_factory: pytest.TempPathFactory,
    engine: DockerClient,
    base_image: str,
    prefect_server: PrefectServer,
    registry: Registry,
    storages: dict[str, Storage],
) -> Iterator[Reader]:
    """Give the reader all that the table names, and workers that run what it deploys."""
    root, api, s3 = tmp_path_factory.mktemp("table"), prefect_server.api, storages["s3"]
    for project in (root / "hello", root / "served" / "hello.git"):
        project.mkdir(parents=True)
        (project / "flow.py").write_text(FLOW)
        (project / "requirements.txt").write_text("emoji==2.14.1\n")
    check_in(root / "served" / "hello.git", "one")
    run("git", "-C", str(root / "served" / "hello.git"), "branch", "main")
    s3.fill("team", root / "hello", "hello")
    login = {"$ref": {"block_document_id": api.create_block(s3.block, "mine", s3.values)}}
    bucket = {"bucket_name": "team", "bucket_folder": "hello", "credentials": login}
    api.create_block("s3-bucket", "code", bucket)
    (root / "here").mkdir()
    env = {
        **prefect_server.environment(),
        **s3.env,
        "HOME": str(root),
        "XDG_CACHE_HOME": str(root / "cache"),
        "IMAGEBUILD_IMAGE": f"{registry.address}/team/hello:table",
        "IMAGEBUILD_POOL": DOCKER,
    }
    with (
        git_server(root / "served", host=container_host(engine)) as git,
        own_pool(prefect_server, DOCKER, "docker"),
        own_pool(prefect_server, PROCESS, "process"),
    ):
        template = api.request("GET", f"/work_pools/{DOCKER}")["base_job_template"]
        template["variables"]["properties"]["env"]["default"] = s3.env
        api.request("PATCH", f"/work_pools/{DOCKER}", {"base_job_template": template})
        places = {
            "https://github.com/team/hello.git": git.url("hello.git"),
            "registry.example.com": registry.address,
        }
        with (
            running_worker(prefect_server, DOCKER, "docker"),
            running_worker(prefect_server, PROCESS, "process"),
        ):
            yield Reader(root / "here", env, places, prefect_server)


def test_the_table_has_a_line_for_each_way_of_each_place() -> None:
    """Of the command and of Python."""
    places = list(dict.fromkeys(cell.place for cell in cells()))

    assert len(places) == 4
    assert [(cell.place, cell.code) for cell in cells()] == [
        (place, code) for place in places for code in ("baked", "pulled")
    ]
    assert all(re.match(r"imagebuild deploy flow\.py:hello --source ", c.command) for c in cells())


EVERY = pytest.mark.parametrize(
    ("cell", "door"),
    [
        pytest.param(cell, door, id=f"{cell}, {door}")
        for cell in cells()
        for door in ("command", "python")
    ],
)


@EVERY
def test_what_the_table_says_is_deployed(cell: Cell, door: str, reader: Reader) -> None:
    """In the pool that it names, with a step that fetches where each run pulls."""
    line = reader.placed(getattr(cell, door))
    found = reader.deployed(cell, door).deployment
    steps = [name for step in found["pull_steps"] for name in step]
    stays = all(name.endswith("set_working_directory") for name in steps)

    assert found["work_pool_name"] == (PROCESS if PROCESS in line else DOCKER)
    assert stays is (cell.code == "baked" or "../hello" in line)


@EVERY
def test_its_run_ends_completed(cell: Cell, door: str, reader: Reader) -> None:
    """All of them were started as they were deployed."""
    api, made = reader.server.api, reader.deployed(cell, door)
    run = api.wait_for_run(made.run_id)
    lines = api.logs(made.run_id, awaited=f"Hello, {door}!")

    assert run.state == "Completed", lines
    assert any(f"Hello, {door}!" in each for each in lines)
