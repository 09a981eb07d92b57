"""Keeps what was read of Prefect for as long as it counts as what is there."""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import TYPE_CHECKING

from imagebuild.recorders import pools
from imagebuild.state import Recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagebuild.record import Change, Target
    from imagebuild.recorders.prefect_api import PrefectApi
    from imagebuild.state import Pool

# About as long as three requests may take: who writes in between cannot be told from who writes
# between the last reading and the write itself, which no request of Prefect's API prevents.
SECONDS = 2.0


class Seen:
    """What was read less than some seconds ago; any thread may ask."""

    def __init__(self, seconds: float = SECONDS, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._now = now
        self._lock = threading.Lock()
        self._pools: dict[str, tuple[float, Pool | None]] = {}
        self._read: dict[str, tuple[float, Recorded]] = {}

    def read(
        self,
        api: PrefectApi,
        target: Target,
        default_pool: str | None,
        *,
        triggers: bool,
        image: bool = True,
    ) -> Recorded:
        """The pool and the deployment as they are; raises what `PrefectRecorder.read` does."""
        begun, held = self._now(), api.deployment(target.flow, target.name)

        def find(name: str) -> Pool | None:
            return self._pool(name, api)

        pool = pools.choose(target, held, default_pool, find=find, every=api.pools, image=image)
        if held is not None and triggers:
            from imagebuild.recorders import prefect_automations

            held = dataclasses.replace(held, triggers=prefect_automations.read(api, held.id))
        recorded = Recorded(pool, held)
        self._read[str(target)] = (begun, recorded)
        return recorded

    def take(self, change: Change) -> Recorded | None:
        """What a change builds on, once, if it is young enough; triggers are read with care."""
        begun, recorded = self._read.pop(str(change.target), (0.0, None))
        if recorded is None or self._is_old(begun) or change.record.automations is not None:
            return None
        return recorded if recorded.deployment is not None else None

    def _pool(self, name: str, api: PrefectApi) -> Pool | None:
        """A pool, which several deployments mostly share."""
        with self._lock:
            if name not in self._pools or self._is_old(self._pools[name][0]):
                self._pools[name] = (self._now(), api.pool(name))
            return self._pools[name][1]

    def _is_old(self, begun: float) -> bool:
        return self._now() - begun >= self._seconds
