"""Deployments whose runs pull their code: what that means for the image, and doing without one."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imagebuild.errors import UsageError
from imagebuild.events import Note
from imagebuild.outcome import Outcome
from imagebuild.pairing import fitted, packages_for
from imagebuild.plan import version_made_of
from imagebuild.records import record_of
from imagebuild.stages import with_deployment

if TYPE_CHECKING:
    from imagebuild.preparing import Meant
    from imagebuild.protocols import Checkout
    from imagebuild.record import Change
    from imagebuild.stages import Finish, Run


def arranged(what: Meant, run: Run) -> Meant:
    """The same, with what it takes that runs pull the code; `run` learns what is recorded.

    Raises `UsageError` where the work pool cannot have the code from there.
    """
    request, wanted, parts = what.request, what.wanted, run.parts
    read_triggers = wanted.triggers is not None
    run.recorded = parts.recorder.read(what.target, triggers=read_triggers, image=False)
    pool, held = run.recorded.pool, run.recorded.deployment
    variables = {**(held.job_variables if held else {}), **wanted.job_variables}
    pulled = fitted(parts.source.pulled(), pool, variables)
    stated = {**wanted.stated, "pull_steps": [dict(step) for step in pulled.steps]}
    more = {} if pool.accepts_image else packages_for(pulled, pool, variables)
    return dataclasses.replace(
        what,
        request=dataclasses.replace(request, libraries=pulled.libraries),
        wanted=dataclasses.replace(
            wanted, stated=stated, job_variables={**wanted.job_variables, **more}
        ),
        recorded=run.recorded,
    )


def takes_image(what: Meant) -> bool:
    """Whether there is an image to build; reading what is recorded refuses all other pools."""
    return what.recorded is None or what.recorded.pool.accepts_image


def check_image(what: Meant) -> None:
    """Raise `UsageError` where there is no image to build."""
    if not takes_image(what) and what.recorded is not None:
        message = f"nothing is built for the work pool {what.recorded.pool.name!r}"
        raise UsageError(message, hint="leave out --dry-run: only where the code is, is recorded")


def change_without_image(what: Meant, run: Run, checkout: Checkout) -> Change:
    """What differs in a deployment that runs no image of ours."""
    assert what.recorded is not None
    if names := what.project.dependencies.requirements:
        pool = what.recorded.pool.name
        run.emit(Note(f"no image is built, so {', '.join(names)} is for those who run {pool}"))
    record = record_of(
        what.wanted,
        image=None,
        pushed=False,
        flow=what.flow,
        directory=None,
        version=version_made_of("", what.project.context.digest),
        source=str(checkout.root),
    )
    return run.parts.recorder.change(what.target, what.recorded, record)


def described(what: Meant, change: Change, run: Run) -> Change:
    """The same, with what only the flow's code tells."""
    assert what.recorded is not None
    recorder = run.parts.recorder
    record = recorder.describe(what.recorded, change.record, run.emit)
    return recorder.change(what.target, what.recorded, record)


def record_without_image(change: Change, run: Run, finish: Finish) -> Outcome:
    """Record where the code is; nothing is built."""
    deployment_id = run.record(change, finish)
    outcome = Outcome(
        None,
        (),
        version=change.record.version,
        flow=change.target.flow,
        entrypoint=change.record.entrypoint,
        seconds=run.seconds,
    )
    return with_deployment(outcome, change, deployment_id)
