"""A flow that is named by its module: baked, imported by its run, and told as Prefect tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.command import imagebuild, listing
from tests.support.held import held, prefect_deploys
from tests.unit.values import write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.prefect_stack import PrefectServer, Worker

IMAGE = "module-entrypoints:v1"
FILES = {
    "shop/__init__.py": "from .flows.daily import summary as report\n",
    "shop/sizes.py": """
import enum

class Size(enum.Enum):
    BIG = "big"
    SMALL = "small"
""",
    "shop/flows/__init__.py": "",
    "shop/flows/daily.py": """
from prefect import flow
from ..sizes import Size

@flow(name="of the day", log_prints=True)
def summary(day: str = "today", size: Size = Size.BIG):
    \"\"\"Sums a day up.

    Args:
        day: which one
    \"\"\"
    print(f"{day} was {Size(size).value}, says {__name__}")
""",
    "prefect.yaml": """
build:
  - imagebuild.steps.build_docker_image:
      id: build-image
      image_name: module-entrypoints
      tag: v1
      dockerfile: auto
pull:
  - prefect.deployments.steps.set_working_directory:
      directory: "{{ build-image.directory }}"
deployments:
  - name: defined-END
    entrypoint: shop.flows.daily.summary
    work_pool: &pool
      name: POOL
      job_variables:
        image: "{{ build-image.image }}"
  - name: imported-END
    entrypoint: shop.report
    parameters: {size: small}
    work_pool: *pool
""",
}
NAMES = ("of the day/defined", "of the day/imported")


def _project(folder: Path, pool: str, end: str) -> Path:
    text = FILES["prefect.yaml"].replace("POOL", pool).replace("END", end)
    return write(folder, {**FILES, "prefect.yaml": text})


def test_a_run_imports_its_module_from_the_image(
    tmp_path: Path,
    env: dict[str, str],
    docker_pool: str,
    prefect_server: PrefectServer,
    worker: Worker,
    made: list[str],
) -> None:
    """From the folder of the project in it, with the imports within its package."""
    project = _project(tmp_path / "module-entrypoints", docker_pool, "run")
    before, api = listing(project), prefect_server.api
    ran = imagebuild("deploy", "--all", cwd=project, env=env)
    made.append(IMAGE)
    runs = {name: api.start_run(api.deployment(f"{name}-run")["id"]) for name in NAMES}
    ended = {name: api.wait_for_run(run).state for name, run in runs.items()}

    assert (ran.code, ran.answer) == (0, [IMAGE]), ran.told
    assert ended == dict.fromkeys(NAMES, "Completed")
    for name, size in zip(NAMES, ("big", "small"), strict=True):
        text = f"today was {size}, says shop.flows.daily"
        assert any(text in line for line in api.logs(runs[name], awaited=text))
    assert listing(project) == before


def test_prefects_own_command_leaves_the_same(
    tmp_path: Path,
    env: dict[str, str],
    docker_pool: str,
    prefect_server: PrefectServer,
    made: list[str],
) -> None:
    """Field by field: the entrypoint, the flow's name, its parameters and its description."""
    project = _project(tmp_path / "module-entrypoints", docker_pool, "ours")
    ours = imagebuild("deploy", "--all", cwd=project, env=env)
    made.append(IMAGE)
    _project(project, docker_pool, "theirs")
    theirs = prefect_deploys(project, env)

    assert (ours.code, theirs.returncode) == (0, 0), ours.told + theirs.stdout + theirs.stderr
    for name in NAMES:
        mine, other = held(prefect_server, f"{name}-ours"), held(prefect_server, f"{name}-theirs")
        assert mine["job_variables"].pop("image_pull_policy") == "IfNotPresent"
        assert (len(mine.pop("version")), len(other.pop("version"))) == (12, 32)
        assert mine == other
