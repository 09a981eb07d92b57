"""A build that is interrupted is cancelled in the engine; one that has ended is not."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from imagebuild.buildkit import (
    BuildFailed,
    BuildOptions,
    Session,
    StepEvent,
    build,
)

if TYPE_CHECKING:
    import docker

    from .fake_engine import Build, FakeEngine

from .test_build import FAILED, asked_for, fails_with, run, succeed


class CtrlC(BaseException):
    """Stands for KeyboardInterrupt, which would end pytest where it went wrong."""


@pytest.mark.parametrize("interrupt", [CtrlC, ValueError])
def test_what_interrupts_a_build_cancels_it(
    engine: FakeEngine, api: docker.APIClient, interrupt: type[BaseException]
) -> None:
    """In the engine, by its id; and is raised again."""

    async def script(asked: Build) -> None:
        await asked.trace(FAILED)
        await asyncio.sleep(60)

    def stop(_: StepEvent) -> None:
        raise interrupt

    engine.script = script
    with Session(api, trees={}, shared_key="k") as session, pytest.raises(interrupt):
        build(api, session, BuildOptions(), stop)
    [request] = asked_for(engine, "/build")
    [cancel] = asked_for(engine, "/build/cancel")
    assert cancel.query == {"id": request.query["buildid"]}


def test_a_finished_build_is_not_cancelled(engine: FakeEngine, api: docker.APIClient) -> None:
    """Neither after success nor after failure."""
    engine.script = succeed
    run(api)
    engine.script = fails_with("no")  # type: ignore[assignment]
    with pytest.raises(BuildFailed):
        run(api)
    assert asked_for(engine, "/build/cancel") == []


def test_an_interrupt_with_the_engine_gone_is_still_raised(
    engine: FakeEngine, api: docker.APIClient
) -> None:
    """That the engine cannot be told hides nothing."""
    closed = threading.Event()

    async def script(asked: Build) -> None:
        await asked.trace(FAILED)
        asked.engine.close_listener()
        closed.set()
        await asyncio.sleep(60)

    def stop(_: StepEvent) -> None:
        assert closed.wait(10)
        raise CtrlC

    engine.script = script
    with Session(api, trees={}, shared_key="k") as session, pytest.raises(CtrlC):
        build(api, session, BuildOptions(), stop)
