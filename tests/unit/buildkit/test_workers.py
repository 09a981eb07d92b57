"""What the engine can build for, as its BuildKit says it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from imagebuild.buildkit import BuildkitError, ConnectionLost, NoBuildkit, platforms
from imagebuild.buildkit.messages import ListWorkersResponse, PlatformMessage, WorkerRecord

if TYPE_CHECKING:
    import docker

    from .fake_engine import FakeEngine

AMD = PlatformMessage(os="linux", architecture="amd64")
ARM = PlatformMessage(os="linux", architecture="arm", variant="v7")


@pytest.mark.parametrize(
    ("workers", "expected"),
    [
        ([[AMD, ARM]], ("linux/amd64", "linux/arm/v7")),
        ([[ARM, AMD], [AMD]], ("linux/arm/v7", "linux/amd64")),
        ([[]], ()),
        ([], ()),
    ],
    ids=["one worker", "two workers", "no platform", "no worker"],
)
def test_platforms_are_told_once_in_their_order(
    engine: FakeEngine,
    api: docker.APIClient,
    workers: list[list[PlatformMessage]],
    expected: tuple[str, ...],
) -> None:
    """The engine's own comes first."""
    records = [WorkerRecord(platforms=found) for found in workers]
    engine.workers = ListWorkersResponse(record=records)
    assert platforms(api) == expected


def test_a_caller_with_a_running_loop_may_ask(engine: FakeEngine, api: docker.APIClient) -> None:
    """Prefect's flows have one."""
    engine.workers = ListWorkersResponse(record=[WorkerRecord(platforms=[AMD])])

    async def ask() -> tuple[str, ...]:
        return platforms(api)

    assert asyncio.run(ask()) == ("linux/amd64",)


def test_an_engine_without_buildkit_has_no_platforms(
    engine: FakeEngine, api: docker.APIClient
) -> None:
    """It does not know the address."""
    engine.buildkit = False
    with pytest.raises(NoBuildkit, match="HTTP 404 on POST /grpc"):
        platforms(api)


def test_an_answer_that_is_an_error_is_told(engine: FakeEngine, api: docker.APIClient) -> None:
    """In BuildKit's words."""
    engine.workers = GRPCError(Status.INTERNAL, "no worker here")
    with pytest.raises(BuildkitError, match="what it can build for: no worker here"):
        platforms(api)


def test_an_engine_that_hangs_up_is_a_lost_connection(
    engine: FakeEngine, api: docker.APIClient
) -> None:
    """And not grpclib's error."""
    with pytest.raises(ConnectionLost, match="went away before"):
        platforms(api)
