"""Keeps in memory which image a deployment runs: a `Recorder` for tests and trials."""

from __future__ import annotations

import dataclasses
import uuid
from typing import TYPE_CHECKING, Any

from imagebuild.errors import NotRecorded
from imagebuild.record import Described, Target
from imagebuild.recorders import default_images, pools
from imagebuild.recorders.changes import (
    as_known,
    change_of,
    check_names,
    knows,
    with_description,
)
from imagebuild.state import Deployment, Pool, Recorded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from imagebuild.events import Emit
    from imagebuild.names import ImageName
    from imagebuild.record import Change, Record
    from imagebuild.state import DefaultImage

DOCKER = Pool("docker", "docker", {"image": {"type": "string"}, "image_pull_policy": {}, "env": {}})

_ATTRIBUTES = {
    "work_pool_name": "pool",
    "work_queue_name": "queue",
    "parameter_openapi_schema": "parameter_schema",
}


class MemoryRecorder:
    """A `Recorder` of work pools that the caller brings.

    `deployments` is what it holds, by flow and name, for a test to look at or to change; `writes`
    counts how often one was written. `parameters` is what every flow is said to take; `variables`
    and `blocks` (by `type/name`) are what it keeps besides, `ran` the steps that it was to run.
    """

    def __init__(
        self,
        work_pools: Iterable[Pool] = (DOCKER,),
        *,
        namespace: str | None = None,
        parameters: Described | None = None,
    ) -> None:
        self.pools = {pool.name: pool for pool in work_pools}
        self.deployments: dict[str, Deployment] = {}
        self.writes = 0
        self.variables: dict[str, Any] = {}
        self.blocks: dict[str, dict[str, Any]] = {}
        self.ran: list[str] = []
        self._namespace = namespace
        self.parameters = parameters or Described({"type": "object", "properties": {}})

    def default_namespace(self) -> str | None:
        """The namespace that it was made with."""
        return self._namespace

    def work_pools(self) -> MemoryRecorder:
        """Its own pools."""
        return self

    def every(self) -> list[Pool]:
        """All pools."""
        return list(self.pools.values())

    def set_image(self, name: str, image: ImageName | None, *, pushed: bool) -> DefaultImage:
        """Make an image the default of a pool; raises `UsageError` for one that cannot be it."""
        pool = pools.choose(Target("", "", name), None, None, find=self.pools.get, every=self.every)
        made = default_images.change(pool, image, pushed=pushed)
        if made.changed:
            variables = default_images.applied(pool.variables, made)
            self.pools[name] = dataclasses.replace(pool, variables=variables)
            self.writes += 1
        return made

    def read(self, target: Target, *, triggers: bool = False, image: bool = True) -> Recorded:
        """The pool and the deployment. Raises `UsageError` for a pool that cannot be it."""
        check_names(target)
        held = self.deployments.get(str(target))
        every = list(self.pools.values())
        find = self.pools.get
        pool = pools.choose(target, held, None, find=find, every=lambda: every, image=image)
        if held is not None and not triggers:
            held = dataclasses.replace(held, triggers=None)
        return Recorded(pool, held)

    def describe(self, now: Recorded, record: Record, emit: Emit) -> Record:  # noqa: ARG002
        """The record with the parameters that every flow is said to take, and its triggers."""
        if record.triggers is not None:
            runs = [{"type": "run-deployment"}]
            made = tuple(
                {"name": one.get("name"), "trigger": one, "actions": runs}
                for one in record.triggers
            )
            record = dataclasses.replace(record, automations=made)
        if knows(now.deployment, record):
            return as_known(now.deployment, record)
        return with_description(record, record.described or self.parameters)

    def read_ahead(self, wanted: Iterable[tuple[Recorded, Record]]) -> None:
        """Nothing is to be read."""

    def variable(self, name: str) -> Mapping[str, Any] | None:
        """A variable's `value`."""
        return {"value": self.variables[name]} if name in self.variables else None

    def block(self, kind: str, name: str) -> Mapping[str, Any] | None:
        """A block's values."""
        return self.blocks.get(f"{kind}/{name}")

    def run_step(self, name: str, inputs: Mapping[str, Any], folder: Path) -> Any:
        """What it was given, with the folder that it would run in."""
        self.ran.append(name)
        return {**inputs, "folder": str(folder)}

    def change(self, target: Target, now: Recorded, record: Record) -> Change:
        """What has to be written so that the deployment holds the record. Pure."""
        return change_of(target, now, record)

    def apply(self, change: Change, emit: Emit) -> str:  # noqa: ARG002
        """Write it onto what is there now. Raises `NotRecorded` for a deployment that is gone."""
        if change.deployment_id is not None and not change.needed:
            return change.deployment_id
        held = self.deployments.get(str(change.target))
        if held is None and change.deployment_id is not None:
            message = f"cannot record the image in the deployment {change.target}"
            raise NotRecorded(message, causes=("it was deleted meanwhile",))
        now = Recorded(self.pools[change.pool], held)
        left = change_of(change.target, now, change.record)
        held = held or Deployment(str(uuid.uuid4()), None, None, None, (), {}, {}, triggers=())
        fields: dict[str, Any] = {
            _ATTRIBUTES.get(name, name): _kept(name, value) for name, value in left.fields.items()
        }
        if "pool" in fields:
            fields.setdefault("queue", "default")
        self.deployments[str(change.target)] = dataclasses.replace(held, **fields)
        self.writes += 1
        return held.id

    def close(self) -> None:
        """Nothing was started."""


def _kept(name: str, value: Any) -> Any:
    if name in {"schedules", "triggers"}:
        return tuple({"id": str(uuid.uuid4()), **schedule} for schedule in value)
    return tuple(value) if name in {"pull_steps", "tags"} else value
