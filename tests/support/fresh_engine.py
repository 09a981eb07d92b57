"""An engine that has nothing, as that of a fresh CI runner, and is wiped to nothing at will.

It is the machine's own program with the classic image store, beside the engine that runs already.
"""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support import SetupError
from tests.support.own_engine import CLASSIC_STORE, Slot, clear, free_slot, running
from tests.support.processes import SYSTEM_PATH

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = ("containerd", "dockerd")


@dataclass(frozen=True)
class FreshEngine:
    """An engine without images, build cache, containers and volumes, until somebody makes some."""

    slot: Slot
    daemons: ExitStack

    @property
    def host(self) -> str:
        """The DOCKER_HOST that leads there, before a wipe and after it."""
        return self.slot.host

    def wipe(self) -> None:
        """Have nothing again: end it, remove all of its files, start it anew."""
        self.daemons.close()
        clear(self.slot)
        self.daemons.enter_context(running(self.slot, CLASSIC_STORE))


def missing() -> str:
    """Tell what keeps this machine from running one; empty where nothing does."""
    if os.geteuid() != 0:
        return "only root can start an engine of its own"
    lacking = [name for name in PROGRAMS if shutil.which(name, path=SYSTEM_PATH) is None]
    return f"{' and '.join(lacking)} cannot be found here" if lacking else ""


@contextmanager
def fresh_engine() -> Iterator[FreshEngine]:
    """Run one until the block ends; as root, where the programs of an engine are installed."""
    if why := missing():
        raise SetupError(why)
    with free_slot() as slot, ExitStack() as daemons:
        engine = FreshEngine(slot, daemons)
        engine.wipe()
        yield engine
