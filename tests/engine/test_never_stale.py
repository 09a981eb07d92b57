"""What is built is what was read, and a name means the old image until the record stands."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild import pipeline
from imagebuild.errors import BuildFailed, NotRecorded
from imagebuild.events import Event, StageEnded, ignore
from imagebuild.names import ImageName
from imagebuild.recorders.memory import MemoryRecorder
from imagebuild.request import BuildRequest, DeploymentRequest
from imagebuild.wiring import wired
from tests.support.command import imagebuild

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from docker import DockerClient

    from imagebuild.events import Emit
    from imagebuild.outcome import Outcome
    from imagebuild.record import Change
    from tests.support.prefect_stack import PrefectServer

HELLO = Path(__file__).parents[2] / "examples" / "hello"
NAME = ImageName.parse("hello:never-stale")

Deploy = Any


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a copy of the example without dependencies."""
    project = Path(shutil.copytree(HELLO, tmp_path / "hello"))
    (project / "requirements.txt").unlink()
    return project


@pytest.fixture
def deploy(project: Path, base_image: str, engine: DockerClient) -> Iterator[Deploy]:
    """Give a deploy through the real engine, recorded in memory."""
    recorder = MemoryRecorder()
    request = BuildRequest(root=project, here=project, image=NAME, push=False)

    def run(emit: Emit = ignore, apply: Callable[..., str] | None = None) -> Outcome:
        with wired(request, os.environ) as parts:
            memory = recorder if apply is None else _Failing(recorder, apply)
            parts = dataclasses.replace(parts, recorder=memory)
            return pipeline.deploy(
                request, DeploymentRequest(), parts, emit, confirm=_yes, finish=str
            )

    yield run
    engine.images.remove(str(NAME), force=True)


def _yes(change: Change) -> None:
    """Go on, whatever is asked."""


class _Failing(MemoryRecorder):
    """The recorder of the test, that cannot write."""

    def __init__(self, other: MemoryRecorder, apply: Callable[..., str]) -> None:
        super().__init__()
        self.deployments = other.deployments
        self.apply = apply  # type: ignore[method-assign]


def _inside(engine: DockerClient, path: str = "flow.py") -> str:
    output: bytes = engine.containers.run(str(NAME), ["cat", path], remove=True)
    return output.decode()


def test_an_edit_during_a_deploy_fails_it_and_poisons_nothing(
    project: Path, deploy: Deploy, engine: DockerClient
) -> None:
    """The engine never holds one content under another's key and time."""
    flow = project / "flow.py"
    original = flow.read_text()
    deploy()
    flow.write_text(original.replace("Hello", "Hullo"))

    def edit(event: Event) -> None:
        if isinstance(event, StageEnded) and event.stage == "preflight":
            flow.write_text(original.replace("Hello", "Howdy"))

    with pytest.raises(BuildFailed, match=r"cannot send flow\.py") as caught:
        deploy(edit)
    flow.write_text(original.replace("Hello", "Hullo"))
    deploy()

    assert caught.value.causes == ("it changed since it was read",)
    assert "Hullo" in _inside(engine)


def test_a_name_keeps_its_image_until_the_record_stands(
    project: Path, deploy: Deploy, engine: DockerClient
) -> None:
    """A deployment that runs this very name runs the old code where recording fails."""
    flow = project / "flow.py"
    deploy()
    before = engine.images.get(str(NAME)).id
    flow.write_text(flow.read_text().replace("Hello", "Hullo"))

    def refuse(change: Change, emit: Emit) -> str:
        message = "Prefect is down"
        raise NotRecorded(message)

    with pytest.raises(NotRecorded):
        deploy(apply=refuse)
    assert engine.images.get(str(NAME)).id == before

    outcome = deploy()

    assert engine.images.get(str(NAME)).id == outcome.image_id != before
    assert "Hullo" in _inside(engine)


def test_a_local_package_of_many_files_is_installed_with_what_its_links_lead_to(
    project: Path, deploy: Deploy, engine: DockerClient
) -> None:
    """One layer a package: engines end at about 125."""
    package = project / "libs" / "many"
    (package / "many").mkdir(parents=True)
    for number in range(200):
        (package / "many" / f"part{number}.py").write_text(f"N = {number}\n")
    (project / "shared.py").write_text("SHARED = 'yes'\n")
    (package / "many" / "shared.py").symlink_to("../../../shared.py")
    (package / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "many"\nversion = "1"\n[tool.setuptools]\npackages = ["many"]\n'
    )
    (project / "requirements.txt").write_text("./libs/many\n")

    deploy()

    code = "import many.part199, many.shared; print(many.part199.N, many.shared.SHARED)"
    said = engine.containers.run(str(NAME), ["python", "-c", code], working_dir="/", remove=True)
    assert said == b"199 yes\n"


def test_the_folder_stays_untouched_where_python_writes_bytecode(
    project: Path,
    base_image: str,
    prefect_server: PrefectServer,
    docker_pool: str,
    engine: DockerClient,
) -> None:
    """Reading the parameters imports what the flow imports, and leaves nothing behind."""
    (project / "helper.py").write_text("NAME = 'world'\n")
    flow = project / "flow.py"
    flow.write_text(flow.read_text().replace("import emoji\n", "import emoji\nimport helper\n"))
    env = prefect_server.environment()
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    before = sorted(path.name for path in project.rglob("*"))

    ran = imagebuild(
        *("deploy", "--image", str(NAME), "--no-push", "--name", "bytecode", "--pool", docker_pool),
        cwd=project,
        env=env,
    )
    engine.images.remove(ran.reference, force=True)

    assert sorted(path.name for path in project.rglob("*")) == before
