"""The way through, from a request to a deployment that runs the image."""

from __future__ import annotations

import dataclasses
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imagebuild import templates
from imagebuild.bases import resolve_base
from imagebuild.choosing import choose_flow
from imagebuild.errors import ImagebuildError, Interrupted, NotRecorded
from imagebuild.events import Note, StageEnded, StageStarted, Warned
from imagebuild.parallel import both
from imagebuild.plan import Base, Build, Plan, Push, Pushed, Reuse
from imagebuild.planning import decide, make_plan, target_name
from imagebuild.record import Outcome, Record, Target
from imagebuild.state import Existing, State
from imagebuild.survey import Project, survey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imagebuild.events import Emit
    from imagebuild.flows import FoundFlow
    from imagebuild.names import ImageName
    from imagebuild.protocols import Builder, Checkout, Image, Recorder, Registry, Source
    from imagebuild.record import Change
    from imagebuild.request import BuildRequest
    from imagebuild.state import Recorded

    Confirm = Callable[[Change], None]


@dataclass(frozen=True)
class Parts:
    """Who does the work; `wiring` chooses them."""

    source: Source
    builder: Builder
    registry: Registry
    recorder: Recorder


def deploy(request: BuildRequest, parts: Parts, emit: Emit, confirm: Confirm) -> Outcome:
    """Look, plan, build, push, record: only what is not done yet.

    `confirm` is asked before anything is built, where the deployment would lose what somebody
    else gave it; it raises to stop. Raises `ImagebuildError`: whatever it raises, the deployment
    has its old image, and the error says so.
    """
    run = _Run(request, parts, emit, confirm)
    try:
        with parts.source.checkout() as checkout:
            return run.whole_way(checkout)
    except ImagebuildError as error:
        error.unchanged = error.unchanged or run.unchanged
        raise
    except (KeyboardInterrupt, Interrupted):
        emit(Note(run.unchanged))
        raise


def render(request: BuildRequest, source: Source, emit: Emit) -> str:
    """The Dockerfile of a project as its files alone tell it; no engine is asked."""
    with source.checkout() as checkout:
        project = survey(request, checkout, emit)
        state = State("", Base(request.base))
        name = target_name(request, project.name, None)
        plan = _plan(request, project, request.entrypoint or "", state, name)
        return templates.render(plan)


@dataclass
class _Run:
    """One run, and how far it came."""

    request: BuildRequest
    parts: Parts
    emit: Emit
    confirm: Confirm
    seconds: dict[str, float] = field(default_factory=dict)
    target: Target | None = None
    recorded: Recorded | None = None
    writing: bool = False

    def whole_way(self, checkout: Checkout) -> Outcome:
        recorder, push = self.parts.recorder, self.request.push
        with self.stage("preflight") as told:
            project = survey(self.request, checkout, self.emit)
            flow = choose_flow(project.context, self.request.entrypoint, self.request.here)
            target = self.target = _target(self.request, flow)
            plan, recorded = self.look(project, flow, target)
            record = _record(self.request, plan, checkout)
            self.confirm(recorder.change(target, recorded, record))
            existing = self.existing(plan)
            steps = decide(plan, existing, push=push)
            told.append(f"{target} on the work pool {recorded.pool.name}")
        image, record = both(
            lambda: self.build(plan, steps.build, project),
            lambda: recorder.describe(recorded, record, self.emit),
        )
        # A deployment may run this very name, so it must not mean the new image before the record
        # stands: whatever fails until then, the old image runs.
        built = isinstance(steps.build, Build)
        name_last = built and not push and existing.local is not None
        if built and not name_last:
            image.tag(plan.name)
        if steps.push is not None:
            digest = self.push(plan, steps.push, image)
            record = dataclasses.replace(record, image=str(plan.name.pinned(digest)))
        change = recorder.change(target, recorded, record)
        deployment_id = self.record(change)
        if name_last:
            image.tag(plan.name)
        return Outcome(
            reference=record.image,
            deployment=str(target),
            deployment_id=deployment_id,
            pool=change.pool,
            image_id=image.config.id,
            built=built,
            pushed=isinstance(steps.push, Push),
            recorded=change.needed,
            seconds=self.seconds,
        )

    def look(self, project: Project, flow: FoundFlow, target: Target) -> tuple[Plan, Recorded]:
        """Read the world, and plan in it."""
        parts, request = self.parts, self.request
        namespace = parts.recorder.default_namespace() if request.push else None
        name = target_name(request, project.name, namespace)

        def engine_side() -> State:
            platform = parts.builder.platform
            if request.push:
                parts.registry.check_push(name)
            return State(
                platform, resolve_base(request.base, parts.builder, parts.registry, self.emit)
            )

        state, recorded = both(engine_side, lambda: parts.recorder.read(target))
        self.recorded = recorded
        return _plan(request, project, flow.entrypoint, state, name), recorded

    def existing(self, plan: Plan) -> Existing:
        local = self.parts.builder.find(plan.name)
        return Existing(local, self.parts.registry.find(plan.name) if self.request.push else None)

    def build(self, plan: Plan, step: Build | Reuse, project: Project) -> Image:
        with self.stage("build") as told:
            if isinstance(step, Reuse):
                told.append("nothing changed")
                return self.parts.builder.get(step.image_id)
            image = self.parts.builder.image(plan, project.context, self.emit)
            told.append(f"{plan.name}, as {step.why}")
            return image

    def push(self, plan: Plan, step: Push | Pushed, image: Image) -> str:
        with self.stage("push") as told:
            if isinstance(step, Pushed):
                told.append("the registry has it")
                return step.digest
            digest = image.push(plan.name, self.emit)
            told.append(f"{digest}, as {step.why}")
            return digest

    def record(self, change: Change) -> str:
        with self.stage("record") as told:
            for note in change.notes:
                self.emit(Note(note))
            for warning in change.warnings:
                self.emit(Warned(warning))
            told.append(", ".join(change.fields) if change.needed else "nothing changed")
            self.writing = change.needed
            try:
                return self.parts.recorder.apply(change, self.emit)
            except ImagebuildError as error:
                raise _not_recorded(change, error) from error

    @contextmanager
    def stage(self, name: str) -> Iterator[list[str]]:
        """One stage; what is put into the list says with what it ended."""
        self.emit(StageStarted(name))
        start, details = time.monotonic(), list[str]()
        yield details
        self.seconds[name] = time.monotonic() - start
        self.emit(StageEnded(name, self.seconds[name], ", ".join(details)))

    @property
    def unchanged(self) -> str:
        """What stands as it stood, however far the run came."""
        if self.target is None or self.recorded is None:
            return "nothing was changed"
        if self.writing:
            return f"whether the deployment {self.target} was changed is not known"
        if self.recorded.deployment is None:
            return f"no deployment {self.target} was created"
        image = self.recorded.deployment.job_variables.get("image", "the image of its work pool")
        return f"the deployment {self.target} still runs {image}"


def _plan(
    request: BuildRequest, project: Project, entrypoint: str, state: State, name: ImageName
) -> Plan:
    return make_plan(
        request,
        project=project.name,
        context=project.context,
        dependencies=project.dependencies,
        entrypoint=entrypoint,
        base=state.base,
        platform=state.platform,
        template_digest=templates.digest(request.template),
        name=name,
    )


def _target(request: BuildRequest, flow: FoundFlow) -> Target:
    name = request.name or flow.function.rpartition(".")[2]
    return Target(flow.flow_name or "", name, request.pool)


def _record(request: BuildRequest, plan: Plan, checkout: Checkout) -> Record:
    """The record under the image's name; its digest is known only after the push."""
    return Record(
        image=str(plan.name),
        pushed=request.push,
        entrypoint=plan.entrypoint,
        directory=plan.code.directory,
        version=plan.version,
        source=str(checkout.root),
        job_variables=request.job_variables,
    )


def _not_recorded(change: Change, error: ImagebuildError) -> NotRecorded:
    state = "is in the registry" if change.record.pushed else "is built"
    return NotRecorded(
        f"{change.record.image} {state}, and the deployment {change.target} does not name it",
        causes=(error.message, *error.causes),
        hint=error.hint or "run the same command again: nothing is built or pushed twice",
        body=error.body,
        unchanged=error.unchanged,
    )
