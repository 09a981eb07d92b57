"""The parts of a deploy that take an image that is there: push it, and record it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imagebuild.errors import Denied, ImagebuildError, Unreachable, UsageError
from imagebuild.events import Note, Warned
from imagebuild.looking import flow_in
from imagebuild.outcome import Outcome
from imagebuild.plan import version_in
from imagebuild.planning import directory_of, inside_image, placed, push_step
from imagebuild.records import read_for, record_of
from imagebuild.stages import Run, any_pushed, reference_of, with_deployment
from imagebuild.survey import survey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imagebuild.events import Emit
    from imagebuild.names import ImageName
    from imagebuild.protocols import Checkout, Parts
    from imagebuild.record import Change, Record, Target
    from imagebuild.request import BuildRequest, DeploymentRequest
    from imagebuild.stages import Finish
    from imagebuild.state import ImageConfig

    Confirm = Callable[[Change], None]


def push(
    name: ImageName,
    tags: Sequence[str],
    parts: Parts,
    emit: Emit,
    *,
    handed: Outcome | None = None,
) -> Outcome:
    """Push an image that the engine has, under its name and further tags.

    `handed` is what the build came to, perhaps elsewhere: no other image than that one is pushed,
    and what it tells of the flow is handed on. Raises `UsageError` where the engine has no such
    image.
    """
    run = Run(parts, emit)
    with run.told():
        with run.stage("preflight") as told:
            config = _held(name, parts, handed)
            whole = placed(name, parts.recorder.default_namespace())
            first, *_ = names = [whole.with_tag(tag) for tag in _tags(name, tags)]
            parts.registry.check_push(first)
            pushes = {each: push_step(each, config, parts.registry.find(each)) for each in names}
            told.append(str(first))
        image = parts.builder.get(config.id)
        for each in names:
            image.tag(each)
        digest = run.push(pushes, image)
        return dataclasses.replace(
            handed or Outcome("", ()),
            reference=reference_of(first, digest),
            names=tuple(map(str, names)),
            built=None,
            image_id=config.id,
            digest=digest,
            pushed=any_pushed(pushes),
            recorded=None,
            seconds=run.seconds,
        )


def _held(name: ImageName, parts: Parts, handed: Outcome | None) -> ImageConfig:
    """The image that the engine has under the name, and no other than the one handed on.

    Of two engines, each may have an ID of its own for the same image; its content keys stay.
    Raises `UsageError`.
    """
    config = parts.builder.find(name)
    if config is None:
        message = f"the engine has no image {name}"
        hint = "load it into this one, with docker load" if handed else None
        raise UsageError(message, hint=hint or "build it first, with imagebuild build")
    if handed is None or config.id == handed.image_id:
        return config
    if handed.version is not None and version_in(config.labels) == handed.version:
        return config
    message = f"the engine's {name} is another image than the one that was built"
    raise UsageError(
        message,
        causes=(f"it is {config.id}, and {handed.image_id} was built",),
        hint="build it again, or give the file of the build that made it",
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
    handed: Outcome | None = None,
) -> Outcome:
    """Make a deployment run an image that is there already; nothing is built.

    A deployment that is there keeps its entrypoint, unless the request names one; a new one takes
    it from the project. `handed` is what the build and the push came to, perhaps elsewhere: what
    it tells of the flow and its version needs no project. With `request.pin`, an image that is
    said to be pushed is recorded by its digest.
    """
    run = Run(parts, emit, target=target)
    with run.told(), parts.source.checkout() as checkout:
        with run.stage("preflight") as told:
            recorded = run.recorded = read_for(wanted, target, parts)
            asked = _asked(request, wanted, name, target, run, checkout, handed)
            confirm(parts.recorder.change(target, recorded, asked))
            told.append(f"{target} on the work pool {recorded.pool.name}")
            asked = parts.recorder.describe(recorded, asked, emit)
        change = parts.recorder.change(target, recorded, asked)
        deployment_id = run.record(change, finish)
        known = handed or Outcome("", (str(name),))
        outcome = dataclasses.replace(known, built=None, pushed=None, seconds=run.seconds)
        return with_deployment(outcome, change, deployment_id)


def _asked(
    request: BuildRequest,
    wanted: DeploymentRequest,
    name: ImageName,
    target: Target,
    run: Run,
    checkout: Checkout,
    handed: Outcome | None,
) -> Record:
    """The record of an image that is there; its flow is looked for only where it is needed."""
    flow = entrypoint = None
    directory = inside_image(request.directory) if request.directory else None
    if handed is not None:
        directory = directory or handed.directory
    if handed is not None and not request.entrypoint and handed.flow == target.flow:
        entrypoint = handed.entrypoint
    elif request.entrypoint or run.recorded is None or run.recorded.deployment is None:
        project = survey(request, checkout, run.emit)
        flow = flow_in(project, request, run.emit, target.flow)
        directory = directory or directory_of(request, project)
    return record_of(
        wanted,
        image=reference_there(request, name, run, handed=handed is not None),
        pushed=request.push,
        flow=flow,
        entrypoint=entrypoint,
        directory=directory,
        version=handed.version if handed else None,
        source=str(checkout.root),
    )


def reference_there(
    request: BuildRequest, name: ImageName, run: Run, *, handed: bool = False
) -> str:
    """What a deployment names for an image that is there; `handed` by a job that saw it pushed.

    Raises `ImagebuildError` where the registry that is said to have it does not.
    """
    digest = name.digest
    if not request.push and not handed:
        _look_here(name, run)
    if request.push and (request.pin or digest):
        digest = _digest_of(name, run, believed=handed)
    return reference_of(name, digest)


def _look_here(name: ImageName, run: Run) -> None:
    """Warn where this machine, which alone is said to have the image, has none of the name.

    Where no engine answers, nothing is told: the runs may be on another machine.
    """
    try:
        there = run.parts.builder.find(name) is not None
    except ImagebuildError:
        return
    if not there:
        text, hint = f"the engine has no image {name}", "build it, or pull it, before the next run"
        run.emit(Warned(text, hint=hint))


def _digest_of(name: ImageName, run: Run, *, believed: bool) -> str:
    """What the registry has under a name; one that names a digest is believed where none answers.

    A job that does nothing but record may have no engine to ask a registry through; what the job
    before saw there is nothing to warn of.
    """
    try:
        digest = run.parts.registry.find(name)
    except (Denied, Unreachable) as error:
        if name.digest is None:
            raise
        text, why = f"whether {name.host} has {name} was not seen", error.message
        seen = Note(f"{text} again: {why}")
        run.emit(seen if believed else Warned(text, cause="; ".join((why, *error.causes))))
        return name.digest
    if digest is None:
        message = f"{name.host} has no image {name}"
        raise ImagebuildError(
            message, hint="push it first, or say that only this machine has it: --no-push"
        )
    return digest
