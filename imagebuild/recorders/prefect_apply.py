"""Writes a change into Prefect until it is seen to stand there.

A write may be lost or its answer may be; somebody else may write at the same moment, and no write
names the state that it builds on. So each round reads what is there, compares, and writes what
still differs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagebuild.errors import ImagebuildError, Unreachable
from imagebuild.events import Note, Warned
from imagebuild.recorders import pools
from imagebuild.recorders.changes import change_of
from imagebuild.recorders.prefect_http import WRITING
from imagebuild.state import Recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagebuild.events import Emit
    from imagebuild.record import Change
    from imagebuild.recorders.prefect_api import PrefectApi
    from imagebuild.state import Pool

_ROUNDS = 3


class Writing:
    """One change on its way into a deployment.

    `create` makes a deployment that is not there yet; `unchanged` says what surely stands as it
    stood, for whoever has to tell that the writing failed.
    """

    def __init__(
        self,
        api: PrefectApi,
        change: Change,
        default_pool: str | None,
        create: Callable[[Change], None],
    ) -> None:
        self._api = api
        self._change = change
        self._default_pool = default_pool
        self._create = create
        self._pools: dict[str, Pool | None] = {}
        self.unchanged: str | None = _as_before(change)

    def run(self, emit: Emit) -> str:
        """Write until nothing differs; the deployment's ID. Raises as `PrefectApi` does."""
        lost: Unreachable | None = None
        for turn in range(_ROUNDS + 1):
            left = self._left()
            if left.deployment_id is not None and not left.needed:
                return left.deployment_id
            if lost is not None:
                self.unchanged = _as_before(self._change)
                raise lost
            if turn == _ROUNDS:
                break
            if turn:
                emit(Note(f"{self._change.target} was changed by somebody else; writing again"))
            lost = self._write(left)
        return self._settle(left, emit)

    def _left(self) -> Change:
        target = self._change.target
        held = self._api.deployment(target.flow, target.name, WRITING)
        if held is None and self._change.deployment_id is not None:
            message = f"the deployment {target} was deleted meanwhile"
            raise ImagebuildError(message, hint="deploy again to create it anew")
        every = self._api.pools
        pool = pools.choose(target, held, self._default_pool, find=self._find, every=every)
        return change_of(target, Recorded(pool, held), self._change.record)

    def _find(self, name: str) -> Pool | None:
        if name not in self._pools:
            self._pools[name] = self._api.pool(name, WRITING)
        return self._pools[name]

    def _write(self, left: Change) -> Unreachable | None:
        """Write once; the error if no answer came, after which it may be written or not."""
        before, self.unchanged = self.unchanged, None
        try:
            if left.deployment_id is None:
                self._create(left)
            else:
                self._api.update(left.deployment_id, left.fields, WRITING)
        except Unreachable as error:
            return error
        except ImagebuildError:
            self.unchanged = before
            raise
        return None

    def _settle(self, left: Change, emit: Emit) -> str:
        """Be content with the image, where Prefect does not keep another value as written."""
        names = ", ".join(sorted(left.fields))
        if left.deployment_id is None or "job_variables" in left.fields:
            message = f"Prefect took the change of {names}, and does not hold it"
            raise ImagebuildError(message, hint="see who else changes this deployment")
        emit(Warned(f"{self._change.target} holds other values than were written for {names}"))
        return left.deployment_id


def _as_before(change: Change) -> str:
    if change.deployment_id is None:
        return f"there is no deployment {change.target} yet"
    return f"the deployment {change.target} runs the image that it ran before"
