"""What every recorder keeps to of work pools: a real Prefect server's, and those in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagebuild.errors import UsageError
from imagebuild.names import ImageName
from imagebuild.recorders.memory import DOCKER, MemoryRecorder
from imagebuild.recorders.prefect import PrefectRecorder
from imagebuild.state import Pool
from tests.support.prefect_stack import own_pool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imagebuild.protocols import Recorder
    from tests.support.prefect_stack import PrefectServer

V1 = ImageName.parse("reg.example/base:v1")
LOCAL = ImageName.parse("base:latest")
NAMES = "contract-docker", "contract-process"


@pytest.fixture(params=["prefect", "memory"])
def recorder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Recorder]:
    """Each recorder, with a pool that takes an image and one that takes none."""
    docker, process = NAMES
    if request.param == "memory":
        pools = Pool(docker, "docker", DOCKER.variables), Pool(process, "process", {"env": {}})
        yield MemoryRecorder(pools)
        return
    server: PrefectServer = request.getfixturevalue("prefect_server")
    with (
        own_pool(server, docker, "docker"),
        own_pool(server, process, "process"),
        PrefectRecorder(server.environment(), tmp_path) as made,
    ):
        yield made


def test_an_image_becomes_the_default_and_is_taken_away_again(recorder: Recorder) -> None:
    """What was there before is told each time; the pool ends as it began."""
    pools, (docker, process) = recorder.work_pools(), NAMES

    def listed() -> dict[str, Pool]:
        return {pool.name: pool for pool in pools.every() if pool.name in NAMES}

    before = listed()
    first = pools.set_image(docker, V1, pushed=True)
    again = pools.set_image(docker, V1, pushed=True)
    local = pools.set_image(docker, LOCAL, pushed=False)
    held = listed()[docker].variables
    none = pools.set_image(docker, None, pushed=True)

    assert (before[docker].accepts_image, before[process].accepts_image) == (True, False)
    assert (first.image, first.before, first.changed) == (str(V1), None, True)
    assert (again.before, again.changed) == (str(V1), False)
    assert (local.before, local.policy, local.policy_before) == (str(V1), "IfNotPresent", None)
    assert (held["image"]["default"], held["image_pull_policy"]["default"]) == (
        str(LOCAL),
        "IfNotPresent",
    )
    assert (none.image, none.before, none.policy) == (None, str(LOCAL), None)
    assert listed() == before
    for name in (process, "contract-none"):
        with pytest.raises(UsageError):
            pools.set_image(name, V1, pushed=True)
