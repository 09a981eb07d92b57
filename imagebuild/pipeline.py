"""The ways through: deploy is the whole one; build, push and record are its parts, each alone."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild.alone import push, record
from imagebuild.names import ImageName
from imagebuild.outcome import Outcome
from imagebuild.pairing import with_libraries
from imagebuild.parallel import both
from imagebuild.plan import Build
from imagebuild.preparing import meant, prepare_deploy, prepare_image
from imagebuild.pulling import (
    Bare,
    arranged,
    change_without_image,
    check_pairing,
    described,
    record_without_image,
    takes_image,
)
from imagebuild.stages import (
    Run,
    any_pushed,
    code_directory,
    reference_of,
    with_deployment,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from imagebuild.events import Emit
    from imagebuild.names import LayoutName
    from imagebuild.plan import Plan, Steps
    from imagebuild.preparing import Deploy, Meant
    from imagebuild.protocols import Checkout, Image, Parts
    from imagebuild.record import Change, Record
    from imagebuild.request import BuildRequest, DeploymentRequest
    from imagebuild.stages import Finish

    Confirm = Callable[[Change], None]

__all__ = ["build", "deploy", "preview", "push", "record"]


def deploy(
    request: BuildRequest,
    wanted: DeploymentRequest,
    parts: Parts,
    emit: Emit,
    *,
    confirm: Confirm,
    finish: Finish,
) -> Outcome:
    """Look, plan, build, push, record: only what is not done yet.

    `confirm` is asked before anything is built, where the deployment would lose what somebody
    else gave it; it raises to stop. `finish` tells the command that makes up for a record that
    failed. Raises `ImagebuildError`: whatever it raises, the deployment has its old image, and the
    error says so.
    """
    run = Run(parts, emit)
    with run.told(), _checkout(request, wanted, parts) as checkout:
        with run.stage("preflight") as told:
            what = _meant(request, wanted, run, checkout)
            ready = prepare_deploy(what, run, checkout) if takes_image(what) else None
            change = ready.change if ready else change_without_image(what, run, checkout)
            confirm(change)
            told.append(f"{change.target} on the work pool {change.pool}")
            change = change if ready else described(what, change, run)
        if ready is None:
            return record_without_image(change, run, finish)
        return _deployed(request, ready, run, confirm, finish)


@contextmanager
def _checkout(request: BuildRequest, wanted: DeploymentRequest, parts: Parts) -> Iterator[Checkout]:
    """The files, fetched only for what can be."""
    check_pairing(request, wanted, parts)
    with parts.source.checkout() as checkout:
        yield checkout


def _meant(request: BuildRequest, wanted: DeploymentRequest, run: Run, checkout: Checkout) -> Meant:
    what = meant(request, wanted, run, checkout)
    return arranged(what, run) if request.pulled else what


def _deployed(
    request: BuildRequest, ready: Deploy, run: Run, confirm: Confirm, finish: Finish
) -> Outcome:
    made, record = _made_and_described(ready, run)
    plan, image = ready.image.plan, made.image
    reference = reference_of(plan.name, made.digest if request.pin else None)
    directory = None if request.pulled else code_directory(plan, image)
    record = dataclasses.replace(record, image=reference, directory=directory)
    change = run.parts.recorder.change(ready.target, ready.recorded, record)
    if change.questions != ready.change.questions:
        confirm(change)  # the image has told where the code lies
    deployment_id = run.record(change, finish)
    for name in made.late:
        image.tag(name)
    outcome = _outcome(run, plan, ready.image.steps, image, made.digest, ready.target.flow)
    outcome = dataclasses.replace(outcome, directory=directory)
    return with_deployment(outcome, change, deployment_id)


@dataclass(frozen=True)
class _Made:
    """An image that has its names, but for those that it gets last, and is pushed."""

    image: Image
    late: Sequence[ImageName]
    digest: str | None


def _made_and_described(ready: Deploy, run: Run) -> tuple[_Made, Record]:
    """Build and push, and read beside it what the flow's code tells.

    For a deployment that is not there yet, nothing is pushed if its flow cannot be read.
    """
    image, context = ready.image, ready.image.project.context

    def build() -> Image:
        return run.build(image.plan, image.steps, context)

    def hand_out(built: Image) -> _Made:
        late = run.name(built, image.steps, image.existing.local)
        return _Made(built, late, run.push(image.steps.pushes, built))

    def describe() -> Record:
        return run.parts.recorder.describe(ready.recorded, ready.change.record, run.emit)

    if ready.recorded.deployment is None:
        built, record = both(build, describe)
        return hand_out(built), record
    return both(lambda: hand_out(build()), describe)


def preview(
    request: BuildRequest, wanted: DeploymentRequest, parts: Parts, emit: Emit
) -> Deploy | Bare:
    """What `deploy` would do now; everybody is asked, nothing is done."""
    run = Run(parts, emit)
    with run.told(), _checkout(request, wanted, parts) as checkout:
        what = _meant(request, wanted, run, checkout)
        if takes_image(what):
            return prepare_deploy(what, run, checkout)
        return Bare(change_without_image(what, run, checkout))


def build(request: BuildRequest, parts: Parts, emit: Emit) -> Outcome:
    """Build the image, and push it where the request says so; no deployment is touched.

    The flow is the one that the request names, else the only one, for whoever records the image.
    """
    run = Run(parts, emit)
    request = with_libraries(request, parts.source)
    with run.told(), parts.source.checkout() as checkout:
        with run.stage("preflight") as told:
            ready = prepare_image(request, parts, checkout, emit)
            plan, flow = ready.plan, ready.flow
            told.append(str(plan.name))
        image = run.build(plan, ready.steps, ready.project.context)
        for name in ready.steps.tags:
            image.tag(name)
        digest = run.push(ready.steps.pushes, image)
        outcome = _outcome(run, plan, ready.steps, image, digest, flow.flow_name if flow else None)
        return _written(outcome, request.output, image) if request.output else outcome


def _written(outcome: Outcome, output: LayoutName, image: Image) -> Outcome:
    """The outcome with where in a layout the image is, as other tools want it to be called."""
    ref = ImageName.parse(outcome.names[0]).tag
    digest = image.config.digests.get(str(output))
    return dataclasses.replace(outcome, reference=str(output.named(ref)), digest=digest)


def _outcome(
    run: Run, plan: Plan, steps: Steps, image: Image, digest: str | None, flow: str | None
) -> Outcome:
    return Outcome(
        reference=reference_of(plan.name, digest),
        names=tuple(map(str, plan.names)),
        image_id=image.config.id,
        digest=digest,
        version=plan.version,
        flow=flow,
        entrypoint=plan.entrypoint,
        directory=code_directory(plan, image),
        built=isinstance(steps.build, Build),
        pushed=any_pushed(steps.pushes) if steps.pushes else None,
        seconds=run.seconds,
    )
