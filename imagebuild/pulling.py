"""Deployments whose runs pull their code: what that means for the image, and doing without one."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imagebuild.errors import UsageError
from imagebuild.events import Note, ignore
from imagebuild.looking import flow_in
from imagebuild.outcome import Outcome
from imagebuild.pairing import fitted, packages_for, pulled_version
from imagebuild.records import record_of, target_of
from imagebuild.stages import with_deployment
from imagebuild.survey import survey

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagebuild.events import Emit
    from imagebuild.protocols import Checkout, Parts
    from imagebuild.record import Change, Record, Target
    from imagebuild.request import BuildRequest, DeploymentRequest
    from imagebuild.stages import Finish, Run
    from imagebuild.state import Recorded

    Confirm = Callable[[Change], None]


@dataclasses.dataclass(frozen=True)
class Arranged:
    """The requests, with what pulling adds to them; `target` and what is recorded of it now."""

    image: BuildRequest
    wanted: DeploymentRequest
    target: Target
    recorded: Recorded

    @property
    def with_image(self) -> BuildRequest:
        """The image's request. Raises `UsageError` where the work pool takes none."""
        if self.recorded.pool.accepts_image:
            return self.image
        message = f"nothing is built for the work pool {self.recorded.pool.name!r}"
        raise UsageError(message, hint="leave out --dry-run: only where the code is, is recorded")


def arranged(
    request: BuildRequest, wanted: DeploymentRequest, parts: Parts, checkout: Checkout, emit: Emit
) -> Arranged:
    """How the code gets to the runs of this deployment.

    Raises `UsageError` where its work pool cannot have it from there.
    """
    project = survey(request, checkout, emit)
    target = target_of(flow_in(project, request, emit), wanted)
    recorded = parts.recorder.read(target, triggers=wanted.triggers is not None, image=False)
    pool, held = recorded.pool, recorded.deployment
    variables = {**(held.job_variables if held else {}), **wanted.job_variables}
    pulled = fitted(parts.source.pulled(), pool, variables)
    stated = {**wanted.stated, "pull_steps": [dict(step) for step in pulled.steps]}
    more = {} if pool.accepts_image else packages_for(pulled, pool, variables)
    return Arranged(
        dataclasses.replace(request, libraries=pulled.libraries),
        dataclasses.replace(wanted, stated=stated, job_variables={**wanted.job_variables, **more}),
        target,
        recorded,
    )


def record_without_image(
    way: Arranged, run: Run, checkout: Checkout, *, confirm: Confirm, finish: Finish
) -> Outcome:
    """Record where the code is, in a work pool that takes no image; nothing is built."""
    run.target, run.recorded = way.target, way.recorded
    recorder = run.parts.recorder
    with run.stage("preflight") as told:
        record = _record(way, checkout, run.emit)
        confirm(recorder.change(way.target, way.recorded, record))
        told.append(f"{way.target} on the work pool {way.recorded.pool.name}")
        record = recorder.describe(way.recorded, record, run.emit)
    change = recorder.change(way.target, way.recorded, record)
    deployment_id = run.record(change, finish)
    outcome = Outcome("", (), version=record.version, entrypoint=record.entrypoint)
    outcome = dataclasses.replace(outcome, flow=way.target.flow, seconds=run.seconds)
    return with_deployment(outcome, change, deployment_id)


def _record(way: Arranged, checkout: Checkout, emit: Emit) -> Record:
    project = survey(way.image, checkout, ignore)
    flow = flow_in(project, way.image, emit)
    pool = way.recorded.pool
    if names := project.dependencies.requirements:
        emit(Note(f"no image is built, so {', '.join(names)} is for those who run {pool.name}"))
    return record_of(
        way.wanted,
        image=None,
        pushed=False,
        flow=flow,
        directory=None,
        version=pulled_version("", project.context.digest),
        source=str(checkout.root),
    )
