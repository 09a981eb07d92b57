"""Deployments whose runs pull their code: what that means for the image, and doing without one."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild.alone import reference_there
from imagebuild.events import Note, Warned
from imagebuild.outcome import Outcome
from imagebuild.pairing import EXTRA_PACKAGES, fitted, packages_for
from imagebuild.plan import version_made_of
from imagebuild.recorders import pools
from imagebuild.records import has_values, read_for, record_of
from imagebuild.stages import with_deployment

if TYPE_CHECKING:
    from imagebuild.preparing import Meant
    from imagebuild.protocols import Checkout, Parts, Source
    from imagebuild.record import Change, Pulled
    from imagebuild.request import BuildRequest, DeploymentRequest
    from imagebuild.stages import Finish, Run
    from imagebuild.state import Recorded


@dataclass(frozen=True)
class Bare:
    """A deploy that builds nothing, as it would be: what its deployment lacks."""

    change: Change


def check_pairing(request: BuildRequest, wanted: DeploymentRequest, parts: Parts) -> None:
    """Raise `UsageError` for a place of code that does not go with what is asked for.

    That is before it is fetched, as far as it is plain then: of a pool that is not named, only the
    deployment tells, and its flow is in the code.
    """
    if request.pulled:
        parts.source.pulled()
    elif request.source is not None and wanted.pool is not None:
        pools.named(wanted.pool, parts.recorder.work_pools().every())


def arranged(what: Meant, run: Run) -> Meant:
    """The same, with what it takes that runs pull the code; `run` learns what is recorded.

    Raises `UsageError` where the work pool cannot have the code from there.
    """
    request, wanted, parts = what.request, what.wanted, run.parts
    recorded = run.recorded = read_for(wanted, what.target, parts, image=False)
    pulled = pulled_in(parts.source, wanted, recorded)
    more = {}
    if not (request.build and recorded.pool.accepts_image):
        more = packages_for(pulled, recorded.pool, _variables(wanted, recorded))
    if more and recorded.pool.accepts_image:
        text = f"runs install {' '.join(pulled.libraries)} as they start, by {EXTRA_PACKAGES}"
        run.emit(Note(f"{text}; only Prefect's own entrypoint of an image does that"))
    wanted = dataclasses.replace(wanted, job_variables={**wanted.job_variables, **more})
    return dataclasses.replace(
        what,
        request=dataclasses.replace(request, libraries=pulled.libraries),
        wanted=with_steps(wanted, pulled),
        recorded=recorded,
    )


def pulled_in(source: Source, wanted: DeploymentRequest, recorded: Recorded) -> Pulled:
    """How the runs of a deployment fetch the code. Raises `UsageError` where they cannot."""
    return fitted(source.pulled(), recorded.pool, _variables(wanted, recorded))


def with_steps(wanted: DeploymentRequest, pulled: Pulled) -> DeploymentRequest:
    """The deployment with these pull steps, unless a file states its own."""
    steps = {"pull_steps": [dict(step) for step in pulled.steps]}
    return dataclasses.replace(wanted, stated={**steps, **wanted.stated})


def _variables(wanted: DeploymentRequest, recorded: Recorded) -> dict[str, object]:
    held = recorded.deployment
    return {**(held.job_variables if held else {}), **wanted.job_variables}


def takes_image(what: Meant) -> bool:
    """Whether there is an image to build; reading what is recorded refuses all other pools."""
    if what.recorded is None:
        return True
    return what.request.build and what.recorded.pool.accepts_image


def change_without_image(what: Meant, run: Run, checkout: Checkout) -> Change:
    """What differs in a deployment for which nothing is built.

    It runs the image that is named, if any is. Raises what `reference_there` does.
    """
    recorded, request = what.recorded, what.request
    assert recorded is not None
    image = None
    if not recorded.pool.accepts_image and request.image is not None:
        text = f"{request.image} is not recorded: the work pool {recorded.pool.name!r} takes no"
        run.emit(Warned(f"{text} image"))
    elif request.image is not None:
        image = reference_there(request, request.image, run)
    _tell(what, image, run)
    record = record_of(
        what.wanted,
        image=image,
        pushed=request.push,
        flow=what.flow,
        directory=None,
        version=version_made_of("", what.project.context.digest),
        source=str(checkout.root),
    )
    if has_values(what.wanted) or what.wanted.triggers:
        # What is wrong with them, only Prefect's code can tell.
        record = run.parts.recorder.describe(recorded, record, run.emit)
    return run.parts.recorder.change(what.target, recorded, record)


def _tell(what: Meant, image: str | None, run: Run) -> None:
    """Say who has to have what the code needs, as it is not installed here."""
    assert what.recorded is not None
    if names := what.project.dependencies.requirements:
        place = f"whoever makes {image}" if image else f"those who run {what.recorded.pool.name}"
        run.emit(Note(f"no image is built, so {', '.join(names)} is for {place}"))


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
