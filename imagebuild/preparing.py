"""Looks at the project and at the world, plans and decides; does nothing yet."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild import templates
from imagebuild.choosing import sole_flow
from imagebuild.errors import Denied, Unreachable
from imagebuild.events import Warned
from imagebuild.looking import (
    check_versions,
    existing,
    flow_in,
    look_at_bases,
    plan_in,
    running_image,
    unresolved,
    warn_of_unread,
)
from imagebuild.pairing import with_libraries
from imagebuild.parallel import both
from imagebuild.plan import version_made_of
from imagebuild.planning import alike, decide, target_name
from imagebuild.records import has_values, read_for, record_of, target_of
from imagebuild.survey import survey

if TYPE_CHECKING:
    from imagebuild.events import Emit
    from imagebuild.flows import FoundFlow
    from imagebuild.names import ImageName
    from imagebuild.plan import Plan, Steps
    from imagebuild.protocols import Checkout, Parts, Source
    from imagebuild.record import Change, Target
    from imagebuild.request import BuildRequest, DeploymentRequest
    from imagebuild.stages import Run
    from imagebuild.state import Existing, Recorded, State
    from imagebuild.survey import Project


@dataclass(frozen=True)
class Image:
    """An image that is about to be: its project, its plan, and what is left to do for it.

    `flow` is the one that is meant to run in it, if that is known; `anew` whether nothing that was
    found out before counts.
    """

    project: Project
    plan: Plan
    existing: Existing
    steps: Steps
    flow: FoundFlow | None = None
    anew: bool = False

    def alike(self, entrypoint: str) -> tuple[str, ...]:
        """The versions of images under its names whose code tells the same of a flow."""
        return () if self.anew else alike(self.plan, entrypoint, self.existing.local.values())


@dataclass(frozen=True)
class Foreseen:
    """An image as it would be; `steps` is None where the world could not be asked."""

    project: Project
    plan: Plan
    steps: Steps | None


@dataclass(frozen=True)
class Meant:
    """What a deploy is about: the requests, the project with its flow, and the deployment.

    `recorded` is what is recorded of it, None where that was not read yet.
    """

    request: BuildRequest
    wanted: DeploymentRequest
    project: Project
    flow: FoundFlow
    target: Target
    recorded: Recorded | None = None


@dataclass(frozen=True)
class Deploy:
    """A deploy that is about to be: an image, and what its deployment lacks."""

    image: Image
    target: Target
    recorded: Recorded
    change: Change


def prepare_image(request: BuildRequest, parts: Parts, checkout: Checkout, emit: Emit) -> Image:
    """What a build would do now. Raises what survey, the builder and the registry raise."""
    project = survey(request, checkout, emit)
    flow = flow_in(project, request, emit) if request.entrypoint else sole_flow(project.context)
    return image_of(request, project, parts, emit, flow)


def image_of(
    request: BuildRequest,
    project: Project,
    parts: Parts,
    emit: Emit,
    flow: FoundFlow | None = None,
) -> Image:
    """The same for a project that was looked at already."""
    namespace = parts.recorder.default_namespace() if request.push else None
    name = target_name(request, project.name, namespace)
    if request.push:
        parts.registry.check_push(name)
    bases = look_at_bases(request, project, parts, emit, _tagged(name))
    entrypoint = flow.entrypoint if flow else None
    plan = plan_in(request, project, bases, name, entrypoint=entrypoint)
    return dataclasses.replace(_decided(request, project, plan, parts, emit), flow=flow)


def meant(request: BuildRequest, wanted: DeploymentRequest, run: Run, checkout: Checkout) -> Meant:
    """What a deploy is about, by its files; `run` learns the target."""
    project = survey(request, checkout, run.emit)
    flow = flow_in(project, request, run.emit)
    run.target = target_of(flow, wanted)
    return Meant(request, wanted, project, flow, run.target)


def prepare_deploy(what: Meant, run: Run, checkout: Checkout) -> Deploy:
    """What a deploy would do now; `run` learns what is recorded."""
    parts, emit = run.parts, run.emit
    request, wanted, project, target = what.request, what.wanted, what.project, what.target
    flow = what.flow
    namespace = parts.recorder.default_namespace() if request.push else None
    name = target_name(request, project.name, namespace)

    def engine_side() -> State:
        if request.push:
            parts.registry.check_push(name)
        return look_at_bases(request, project, parts, emit, _tagged(name))

    state, recorded = both(engine_side, lambda: what.recorded or read_for(wanted, target, parts))
    run.recorded = recorded
    plan = plan_in(
        request, project, state, name, entrypoint=flow.entrypoint, version=wanted.version
    )
    image = _decided(request, project, plan, parts, emit, running_image(recorded, plan))
    record = record_of(
        wanted,
        image=str(plan.name),
        pushed=request.push,
        flow=flow,
        directory=None if request.pulled else plan.code.directory,
        version=deployed_version(request, project, plan),
        source=str(checkout.root),
        alike=() if request.pulled else image.alike(flow.entrypoint),
    )
    if has_values(wanted) or wanted.triggers:
        # What is wrong with them, only Prefect's code can tell, which else runs beside the build.
        record = parts.recorder.describe(recorded, record, emit)
    change = parts.recorder.change(target, recorded, record)
    return Deploy(image, target, recorded, change)


def deployed_version(request: BuildRequest, project: Project, plan: Plan) -> str:
    """A deployment's: where code is pulled, the image does not tell which, its digest does."""
    tree = project.context.digest
    return version_made_of(plan.version, tree) if request.pulled else plan.version


def _tagged(name: ImageName) -> list[ImageName]:
    """The name, where it is whole before the plan; else it gets a tag made of the content."""
    return [name] if name.tag else []


def _decided(
    request: BuildRequest,
    project: Project,
    plan: Plan,
    parts: Parts,
    emit: Emit,
    running: ImageName | None = None,
) -> Image:
    # What is wrong with a template or a value is told before the build.
    warn_of_unread(request, templates.render(plan), emit)
    held = existing(plan, parts, push=request.push, running=running)
    steps = decide(plan, held, push=request.push, cache=request.cache)
    return Image(project, plan, held, steps, anew=not request.cache)


def foresee(request: BuildRequest, parts: Parts, emit: Emit) -> Foreseen:
    """What a build would do; where the engine or a registry is away, as far as the files tell."""
    request = with_libraries(request, parts.source)
    with parts.source.checkout() as checkout:
        local = dataclasses.replace(request, push=False)
        project = survey(local, checkout, emit)
        name = target_name(local, project.name, None)
        try:
            state = look_at_bases(local, project, parts, emit, _tagged(name))
            plan = plan_in(local, project, state, name)
            steps = _decided(local, project, plan, parts, emit).steps
        except (Unreachable, Denied) as error:
            why = "; ".join((error.message, *error.causes))
            emit(Warned("what the base is now is not known, nor what follows from it", cause=why))
            check_versions(project, None, emit)
            plan = plan_in(local, project, unresolved(project, request.platform), name)
            steps = None
        return Foreseen(project, plan, steps)


def render(request: BuildRequest, source: Source, emit: Emit) -> str:
    """The Dockerfile of a project as its files alone tell it; nobody is asked."""
    request = with_libraries(request, source)
    with source.checkout() as checkout:
        project = survey(request, checkout, emit)
        name = target_name(dataclasses.replace(request, push=False), project.name, None)
        plan = plan_in(request, project, unresolved(project, request.platform), name)
        text = templates.render(plan)
        warn_of_unread(request, text, emit)
        return text
