"""Writes a change into Prefect until it is seen to stand there.

A write may be lost or its answer may be; somebody else may write at the same moment, and no write
names the state that it builds on. So each round reads what is there, compares, and writes what
still differs.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from imagebuild.errors import Denied, ImagebuildError, NotRecorded, Unreachable, UsageError
from imagebuild.events import Note, Warned
from imagebuild.recorders import automations, pools, prefect_automations
from imagebuild.recorders.changes import change_of
from imagebuild.recorders.prefect_http import WRITING
from imagebuild.recorders.remarks import NO_AUTOMATIONS
from imagebuild.recorders.schedules import writes
from imagebuild.state import Recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from imagebuild.events import Emit
    from imagebuild.record import Change
    from imagebuild.recorders.prefect_api import PrefectApi
    from imagebuild.recorders.schedules import Writes
    from imagebuild.state import Deployment, Pool

_ROUNDS = 3
_SCHEDULES, _TRIGGERS, _QUEUE = "schedules", "triggers", "work_queue_name"
_LATER = {_SCHEDULES, _TRIGGERS}


class Writing:
    """One change on its way into a deployment.

    `create` makes a deployment that is not there yet, and gives its ID; `seen` is what was read a
    moment ago, so that it need not be read before the first write. For whoever has to tell
    that it failed, `recorded` is whether the image stands and only schedules and triggers are
    `left`, and `unchanged` says what surely stands.
    """

    def __init__(
        self,
        api: PrefectApi,
        change: Change,
        default_pool: str | None,
        create: Callable[[Change], str],
        seen: Recorded | None = None,
    ) -> None:
        self._api = api
        self._change = change
        self._default_pool = default_pool
        self._create = create
        self._seen = seen
        self._pools: dict[str, Pool | None] = {seen.pool.name: seen.pool} if seen else {}
        self._others: set[str] = set()  # automations that outlived the deletion of what is owned
        self.left = ""
        self.unchanged: str | None = None
        self.recorded = False
        self._stand(change)

    def run(self, emit: Emit) -> str:
        """Write until nothing differs; the deployment's ID. Raises as `PrefectApi` does."""
        lost = self._write_unseen(emit)
        for turn in range(0 if self._seen is None else 1, _ROUNDS + 1):
            held, left = self._look()
            self._stand(left)
            if left.deployment_id is not None and not left.needed:
                return left.deployment_id
            if lost is not None:
                raise lost
            if turn == _ROUNDS:
                break
            if turn:
                emit(Note(f"{self._change.target} was changed by somebody else; writing again"))
            lost = self._write(held, left, emit)
        return self._settle(left, emit)

    def _write_unseen(self, emit: Emit) -> Unreachable | None:
        """Write onto what was read a moment ago; what is refused is looked at before it is told."""
        if self._seen is None:
            return None
        left = change_of(self._change.target, self._seen, self._change.record)
        self._stand(left)
        try:
            return self._write(self._seen.deployment, left, emit)
        except (Denied, UsageError):
            raise
        except ImagebuildError:
            return None

    def _look(self) -> tuple[Deployment | None, Change]:
        target = self._change.target
        held = self._api.deployment(target.flow, target.name, WRITING)
        if held is None and self._change.deployment_id is not None:
            self.unchanged, self.recorded = None, False
            message = f"the deployment {target} was deleted meanwhile"
            raise ImagebuildError(message, hint="deploy again to create it anew")
        if held is not None and self._change.record.automations is not None:
            held = dataclasses.replace(held, triggers=self._owned(held.id))
        find, every, image = self._find, self._api.pools, self._change.record.image is not None
        pool = pools.choose(target, held, self._default_pool, find=find, every=every, image=image)
        return held, change_of(target, Recorded(pool, held), self._change.record)

    def _find(self, name: str) -> Pool | None:
        if name not in self._pools:
            self._pools[name] = self._api.pool(name, WRITING)
        return self._pools[name]

    def _owned(self, deployment_id: str) -> tuple[Mapping[str, Any], ...] | None:
        found = prefect_automations.read(self._api, deployment_id, WRITING)
        return found and tuple(one for one in found if one["id"] not in self._others)

    def _stand(self, left: Change) -> None:
        self.unchanged = _standing(left)
        self.left = " and ".join(sorted(_LATER & set(left.fields)))
        self.recorded = left.deployment_id is not None and bool(left.fields)
        self.recorded = self.recorded and set(left.fields) <= _LATER

    def _write(self, held: Deployment | None, left: Change, emit: Emit) -> Unreachable | None:
        """Write once; the error if no answer came, after which it may be written or not.

        First the image and all that is one with it, then the schedules and the triggers: whatever
        becomes of them, the image stands.
        """
        try:
            made = self._write_fields(left, emit)
            if _SCHEDULES in left.fields:
                self._stand(_without(left, made, set(left.fields) - _LATER))
                there = held.schedules if held else ()
                self._write_schedules(made, writes(there, left.fields[_SCHEDULES]), emit)
            if _TRIGGERS in left.fields:
                self._stand(_without(left, made, set(left.fields) - {_TRIGGERS}))
                self._write_triggers(made, held, emit)
        except Unreachable as error:
            return error
        return None

    def _write_fields(self, left: Change, emit: Emit) -> str:
        """What a deployment says of itself, in one request; its ID."""
        wanted = _without(left, left.deployment_id, _LATER)
        if not wanted.needed and wanted.deployment_id is not None:
            return wanted.deployment_id
        queue = wanted.fields.get(_QUEUE)
        there = self._api.queues(left.pool, WRITING) if queue else []
        try:
            if wanted.deployment_id is None:
                made = self._create(wanted)
            else:
                made = wanted.deployment_id
                # A queue alone would be looked for in Prefect's own default pool.
                pool = {"work_pool_name": left.pool} if queue else {}
                self._api.update(made, {**wanted.fields, **pool}, WRITING)
        except Unreachable:
            self.unchanged = None  # it may be written, or not
            raise
        if queue and queue not in there:
            known = ", ".join(there) or "none"
            emit(Note(f"Prefect made the work queue {queue!r} in {left.pool!r}, which had {known}"))
        return made

    def _write_schedules(self, deployment_id: str, asked: Writes, emit: Emit) -> None:
        """Change, add, delete: at no time is there one less than there will be."""
        for schedule in asked.changed.values():
            self._api.change_schedule(deployment_id, schedule, WRITING)
        if asked.added and not self._api.add_schedules(deployment_id, asked.added, WRITING):
            text = "this Prefect server does not keep who made a schedule"
            emit(Warned(text, hint="a later deploy adds to these schedules, and takes none away"))
        for schedule_id in asked.deleted:
            self._api.delete_schedule(deployment_id, schedule_id, WRITING)

    def _write_triggers(self, deployment_id: str, held: Deployment | None, emit: Emit) -> None:
        made = automations.wanted(self._change.record, self._change.target, deployment_id)
        if not prefect_automations.replace(self._api, deployment_id, made, WRITING):
            emit(Warned(NO_AUTOMATIONS))
        self._others |= {one["id"] for one in (held.triggers if held else None) or ()}

    def _settle(self, left: Change, emit: Emit) -> str:
        """Be content with the image, where Prefect does not keep another value as written."""
        names = ", ".join(sorted(left.fields))
        if left.deployment_id is None or "job_variables" in left.fields:
            message = f"Prefect took the change of {names}, and does not hold it"
            raise ImagebuildError(message, hint="see who else changes this deployment")
        emit(Warned(f"{self._change.target} holds other values than were written for {names}"))
        return left.deployment_id


def _without(left: Change, deployment_id: str | None, names: set[str]) -> Change:
    fields = {name: value for name, value in left.fields.items() if name not in names}
    return dataclasses.replace(left, deployment_id=deployment_id, fields=fields)


def _standing(left: Change) -> str:
    """What is so as long as none of this is written."""
    if left.deployment_id is None:
        return f"there is no deployment {left.target} yet"
    if "job_variables" in left.fields:
        return f"the deployment {left.target} runs the image that it ran before"
    return f"the deployment {left.target} runs {left.record.image or 'the image that it ran'}"


def failed(change: Change, writing: Writing, error: ImagebuildError) -> ImagebuildError:
    """What the failure of a writing means for the deployment."""
    kind: type[ImagebuildError] = NotRecorded
    what = "record the image in" if change.record.image is not None else "change"
    if writing.recorded:
        what = f"set the {writing.left} of"
        kind = type(error) if isinstance(error, (Denied, Unreachable)) else UsageError
    return kind(
        f"cannot {what} the deployment {change.target}",
        causes=(error.message, *error.causes),
        hint=error.hint,
        body=error.body,
        unchanged=writing.unchanged,
    )
