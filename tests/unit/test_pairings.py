"""Each place of code with each type of work pool: what is recorded, or what would work instead."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import prefect
import pytest

from imagebuild.errors import UsageError
from imagebuild.record import SET_DIRECTORY
from imagebuild.request import SourceRequest
from imagebuild.state import Pool
from tests.unit.elsewhere import source_beside
from tests.unit.test_pipeline import APP, World
from tests.unit.values import DIGEST, name, request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagebuild.state import Deployment

STEPS = "prefect.deployments.steps"
REMOTE = f"{STEPS}.pull_from_remote_storage"
AWS, GCP = "prefect_aws.deployments.steps", "prefect_gcp.deployments.steps"
AZURE = "prefect_azure.deployments.steps"
# By the place: its address, its credentials, the step of each run, and the library that it needs.
PLACES: dict[str, tuple[str, str | None, str, str | None]] = {
    "git": ("https://h/t/app@v1", "block://secret/git", f"{STEPS}.git_clone", None),
    "ssh": ("git@h:t/app", None, f"{STEPS}.git_clone", None),
    "s3": ("s3://b/f", None, REMOTE, "s3fs"),
    "s3 block": (
        "s3://b/f",
        "block://aws-credentials/mine",
        f"{AWS}.pull_from_s3",
        "prefect-aws>=0.5",
    ),
    "gs": ("gs://b/f", None, REMOTE, "gcsfs"),
    "gs block": (
        "gs://b/f",
        "block://gcp-credentials/mine",
        f"{GCP}.pull_from_gcs",
        "prefect-gcp>=0.6",
    ),
    "az": ("az://c/f", None, REMOTE, "adlfs"),
    "az block": (
        "az://c/f",
        "block://azure-blob-storage-credentials/mine",
        f"{AZURE}.pull_from_azure_blob_storage",
        "prefect-azure[blob_storage]>=0.4",
    ),
    "other": ("sftp://h/f", None, REMOTE, None),
    "block": ("block://s3-bucket/code", None, f"{STEPS}.pull_with_block", "prefect-aws>=0.5"),
}


def _pools() -> Iterator[Pool]:
    """Those that Prefect has, with their own templates, and those that need no worker."""
    views = Path(prefect.__file__).parent / "server/api/collections_data/views"
    every = json.loads((views / "aggregate-worker-metadata.json").read_text())
    for kind, worker in [pair for workers in every.values() for pair in workers.items()]:
        variables = worker["default_base_job_configuration"]["variables"]["properties"]
        yield Pool(kind, kind, variables)
        if kind in {"ecs", "cloud-run", "cloud-run-v2", "azure-container-instance"}:
            yield Pool(f"{kind}:push", f"{kind}:push", variables)
    for kind in ("modal:push", "coiled:push", "prefect:managed"):
        yield Pool(kind, kind, {"image": {"type": "string"}, "env": {"type": "object"}})


POOLS = {pool.name: pool for pool in _pools()}
WITH_IMAGES = sorted(POOLS.keys() - {"process", "prefect:managed"})
WITHOUT = ["process", "prefect:managed"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A project, all pools, and a registry with an image of one's own."""
    made = World(tmp_path / "far")
    made.recorder.pools = dict(POOLS)
    made.registry.digests[APP] = DIGEST
    return made


def deployed(
    world: World, place: str, pool: str, monkeypatch: pytest.MonkeyPatch, **asked: Any
) -> Deployment:
    """The deployment, once code of that place was deployed in that pool."""
    address, credentials, _, _ = PLACES[place]
    asked["source"] = SourceRequest(address, credentials)
    source = source_beside(request(world.root, source=asked["source"]))
    parts = dataclasses.replace(world.parts, source=source)
    monkeypatch.setattr(World, "parts", property(lambda _: parts))
    world.deploy(pool=pool, **asked)
    return world.recorder.deployments["hello/hello"]


def extra(held: Deployment) -> str | None:
    """What runs install as they start."""
    found: str | None = held.job_variables.get("env", {}).get("EXTRA_PIP_PACKAGES")
    return found


def test_prefects_pools_are_all_there() -> None:
    """As far as is known which there are."""
    kinds = "docker kubernetes ecs cloud-run cloud-run-v2 azure-container-instance vertex-ai"
    assert set(WITH_IMAGES) >= {*kinds.split(), "ecs:push", "modal:push"}


@pytest.mark.parametrize(("place", "pool"), [*itertools.product(PLACES, WITH_IMAGES)])
def test_image_pools_take_every_place(
    world: World, place: str, pool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Baked, pulled, and pulled with an image of one's own."""
    step, library = PLACES[place][2:]
    baked = deployed(world, place, pool, monkeypatch)
    [image] = world.builder.built
    assert SET_DIRECTORY in baked.pull_steps[0]
    assert image.code.tree
    assert (extra(baked), image.environment.libraries) == (None, ())

    pulled = deployed(world, place, pool, monkeypatch, pulled=True)
    image = world.builder.built[-1]
    assert [key for one in pulled.pull_steps for key in one] == [step]
    assert image.code.tree == ""
    assert image.environment.libraries == ((library,) if library else ())
    assert extra(pulled) is None

    done = world.done
    world.registry.digests[APP] = DIGEST
    own = deployed(world, place, pool, monkeypatch, pulled=True, build=False)
    assert [key for one in own.pull_steps for key in one] == [step]
    assert own.job_variables["image"] == f"{APP}@{DIGEST}"
    assert extra(own) == library
    assert world.done[:2] == done[:2]


@pytest.mark.parametrize(("place", "pool"), [*itertools.product(PLACES, WITHOUT)])
@pytest.mark.parametrize("build", [True, False])
def test_pools_without_images_take_what_is_reached_from_anywhere(
    world: World, place: str, pool: str, build: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pulled; a managed pool installs the library, and a process has what its worker has."""
    step, library = PLACES[place][2:]
    held = deployed(world, place, pool, monkeypatch, pulled=True, build=build)

    assert [key for one in held.pull_steps for key in one] == [step]
    assert extra(held) == (library if pool == "prefect:managed" else None)
    assert "image" not in held.job_variables
    assert world.done == (0, 0, 1)


@pytest.mark.parametrize(("place", "pool"), [*itertools.product(PLACES, WITHOUT)])
def test_pools_without_images_cannot_have_code_in_one(
    world: World, place: str, pool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what would work; nothing was done."""
    with pytest.raises(UsageError, match="takes no image") as caught:
        deployed(world, place, pool, monkeypatch)

    assert "--code pulled" in str(caught.value.hint)
    assert world.done == (0, 0, 0)


@pytest.mark.parametrize("pool", POOLS)
def test_a_folder_of_this_machine_is_baked_or_left_to_processes(world: World, pool: str) -> None:
    """A container sees it only where it is mounted; else the error says what would work."""
    if pool in WITH_IMAGES:
        world.deploy(pool=pool)
        assert world.done == (1, 1, 1)
    else:
        assert "--code pulled" in str(world.refused(pool=pool).hint)
    before = world.done
    if pool == "process":
        world.deploy(pool=pool, pulled=True)
        [step] = world.recorder.deployments["hello/hello"].pull_steps
        assert step == {SET_DIRECTORY: {"directory": str(world.root)}}
        return
    error = world.refused(pool=pool, pulled=True)
    assert "do not see the folder" in error.message
    assert ("--code baked" in str(error.hint)) == (pool in WITH_IMAGES)
    assert ("--job-variable" in str(error.hint)) == (pool == "docker")
    assert "--source URL" in str(error.hint)
    assert world.done == before


def test_an_image_that_a_pool_would_ignore_is_told(world: World) -> None:
    """It is not recorded."""
    world.deploy(pool="process", pulled=True, build=False)

    assert any(f"{name(APP)} is not recorded" in getattr(one, "text", "") for one in world.told)
