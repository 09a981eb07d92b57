"""The ways through: deploy is the whole one; build, push and record are its parts, each alone."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imagebuild.choosing import choose_flow
from imagebuild.errors import Denied, ImagebuildError, Unreachable, UsageError
from imagebuild.events import Warned
from imagebuild.outcome import Outcome
from imagebuild.parallel import both
from imagebuild.plan import Build, Push
from imagebuild.planning import directory_of, inside_image, placed, push_step
from imagebuild.preparing import prepare_deploy, prepare_image, read_for, record_of
from imagebuild.stages import Run
from imagebuild.survey import survey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from imagebuild.events import Emit
    from imagebuild.names import ImageName
    from imagebuild.plan import Plan, Pushed, Steps
    from imagebuild.preparing import Deploy
    from imagebuild.protocols import Checkout, Image, Parts
    from imagebuild.record import Change, Record, Target
    from imagebuild.request import BuildRequest, DeploymentRequest
    from imagebuild.stages import Finish

    Confirm = Callable[[Change], None]


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
    with run.told(), parts.source.checkout() as checkout:
        with run.stage("preflight") as told:
            ready = prepare_deploy(request, wanted, run, checkout)
            confirm(ready.change)
            told.append(f"{ready.target} on the work pool {ready.recorded.pool.name}")
        plan, steps, held = ready.image.plan, ready.image.steps, ready.image.existing.local
        image, record = both(
            lambda: run.build(plan, steps, ready.image.project.context),
            lambda: parts.recorder.describe(ready.recorded, ready.change.record, emit),
        )
        late = run.name(image, steps, held)
        digest = run.push(steps.pushes, image)
        reference = _reference(plan.name, digest if request.pin else None)
        directory = plan.code.directory or image.config.directory or "/"
        record = dataclasses.replace(record, image=reference, directory=directory)
        change = parts.recorder.change(ready.target, ready.recorded, record)
        if change.questions != ready.change.questions:
            confirm(change)  # the image has told where the code lies
        deployment_id = run.record(change, finish)
        for name in late:
            image.tag(name)
        return _recorded(_outcome(run, plan, steps, image, digest), change, deployment_id)


def preview(request: BuildRequest, wanted: DeploymentRequest, parts: Parts, emit: Emit) -> Deploy:
    """What `deploy` would do now; everybody is asked, nothing is done."""
    run = Run(parts, emit)
    with run.told(), parts.source.checkout() as checkout:
        return prepare_deploy(request, wanted, run, checkout)


def build(request: BuildRequest, parts: Parts, emit: Emit) -> Outcome:
    """Build the image, and push it where the request says so; no deployment is touched."""
    run = Run(parts, emit)
    with run.told(), parts.source.checkout() as checkout:
        with run.stage("preflight") as told:
            ready = prepare_image(request, parts, checkout, emit)
            told.append(str(ready.plan.name))
        image = run.build(ready.plan, ready.steps, ready.project.context)
        for name in ready.steps.tags:
            image.tag(name)
        digest = run.push(ready.steps.pushes, image)
        return _outcome(run, ready.plan, ready.steps, image, digest)


def push(name: ImageName, tags: Sequence[str], parts: Parts, emit: Emit) -> Outcome:
    """Push an image that the engine has, under its name and further tags.

    Raises `UsageError` where the engine has no such image.
    """
    run = Run(parts, emit)
    with run.told():
        with run.stage("preflight") as told:
            config = parts.builder.find(name)
            if config is None:
                message = f"the engine has no image {name}"
                raise UsageError(message, hint="build it first, with imagebuild build")
            whole = placed(name, parts.recorder.default_namespace())
            first, *_ = names = [whole.with_tag(tag) for tag in _tags(name, tags)]
            parts.registry.check_push(first)
            pushes = {each: push_step(each, config, parts.registry.find(each)) for each in names}
            told.append(str(first))
        image = parts.builder.get(config.id)
        for each in names:
            image.tag(each)
        digest = run.push(pushes, image)
        return Outcome(
            reference=_reference(first, digest),
            names=tuple(map(str, names)),
            image_id=config.id,
            digest=digest,
            pushed=_any_pushed(pushes),
            seconds=run.seconds,
        )


def _tags(name: ImageName, more: Sequence[str]) -> Sequence[str]:
    """The tags that an image is pushed under, each once. Raises `UsageError` where it has none."""
    tags = list(dict.fromkeys([*([name.tag] if name.tag else []), *more]))
    if not tags and name.digest:
        message = f"{name} has no tag to be pushed under"
        raise UsageError(message, hint="give one: --tag v1")
    return tags or ["latest"]


def record(
    request: BuildRequest,
    wanted: DeploymentRequest,
    name: ImageName,
    target: Target,
    parts: Parts,
    emit: Emit,
    *,
    confirm: Confirm,
    finish: Finish,
) -> Outcome:
    """Make a deployment run an image that is there already; nothing is built.

    A deployment that is there keeps its entrypoint, unless the request names one; a new one takes
    it from the project. With `request.pin`, an image that is said to be pushed is recorded by its
    digest.
    """
    run = Run(parts, emit, target=target)
    with run.told(), parts.source.checkout() as checkout:
        with run.stage("preflight") as told:
            recorded = run.recorded = read_for(wanted, target, parts)
            asked = _asked(request, wanted, name, target, run, checkout)
            confirm(parts.recorder.change(target, recorded, asked))
            told.append(f"{target} on the work pool {recorded.pool.name}")
            asked = parts.recorder.describe(recorded, asked, emit)
        change = parts.recorder.change(target, recorded, asked)
        deployment_id = run.record(change, finish)
        outcome = Outcome(asked.image, (str(name),), seconds=run.seconds)
        return _recorded(outcome, change, deployment_id)


def _asked(
    request: BuildRequest,
    wanted: DeploymentRequest,
    name: ImageName,
    target: Target,
    run: Run,
    checkout: Checkout,
) -> Record:
    """The record of an image that is there; its flow is looked for only where it is needed."""
    entrypoint = None
    directory = inside_image(request.directory) if request.directory else None
    if request.entrypoint or run.recorded is None or run.recorded.deployment is None:
        project = survey(request, checkout, run.emit)
        flow = choose_flow(project.context, request.entrypoint, request.here, target.flow)
        entrypoint = flow.entrypoint
        directory = directory or directory_of(request, project)
    digest = name.digest
    if request.push and (request.pin or digest):
        digest = _digest_of(name, run)
    return record_of(
        wanted,
        image=_reference(name, digest),
        pushed=request.push,
        entrypoint=entrypoint,
        directory=directory,
        version=None,
        source=str(checkout.root),
    )


def _digest_of(name: ImageName, run: Run) -> str:
    """What the registry has under a name; one that names a digest is believed where none answers.

    A job that does nothing but record may have no engine to ask a registry through.
    """
    try:
        digest = run.parts.registry.find(name)
    except (Denied, Unreachable) as error:
        if name.digest is None:
            raise
        why = "; ".join((error.message, *error.causes))
        run.emit(Warned(f"whether {name.host} has {name} was not seen", cause=why))
        return name.digest
    if digest is None:
        message = f"{name.host} has no image {name}"
        raise ImagebuildError(
            message, hint="push it first, or say that only this machine has it: --no-push"
        )
    return digest


def _any_pushed(pushes: Mapping[ImageName, Push | Pushed]) -> bool:
    return any(isinstance(step, Push) for step in pushes.values())


def _reference(name: ImageName, digest: str | None) -> str:
    return str(name.pinned(digest) if digest else name)


def _outcome(run: Run, plan: Plan, steps: Steps, image: Image, digest: str | None) -> Outcome:
    return Outcome(
        reference=_reference(plan.name, digest),
        names=tuple(map(str, plan.names)),
        image_id=image.config.id,
        digest=digest,
        version=plan.version,
        built=isinstance(steps.build, Build),
        pushed=_any_pushed(steps.pushes) if steps.pushes else None,
        seconds=run.seconds,
    )


def _recorded(outcome: Outcome, change: Change, deployment_id: str) -> Outcome:
    return dataclasses.replace(
        outcome,
        reference=change.runs,
        recorded=change.needed,
        deployment=str(change.target),
        deployment_id=deployment_id,
        pool=change.pool,
    )
