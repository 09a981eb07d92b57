"""The stages of the way through, each told as it begins and ends, and what a failure leaves."""

from __future__ import annotations

import dataclasses
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imagebuild.errors import ImagebuildError, Interrupted, NotRecorded
from imagebuild.events import Note, StageEnded, StageStarted, Warned
from imagebuild.plan import Build, Pushed, Reuse

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping

    from imagebuild.events import Emit
    from imagebuild.names import ImageName
    from imagebuild.outcome import Outcome
    from imagebuild.plan import Plan, Push, Steps
    from imagebuild.protocols import Context, Image, Parts
    from imagebuild.record import Change, Target
    from imagebuild.state import Recorded

    Finish = Callable[[Change], str]


@dataclass
class Run:
    """One run, and how far it came: `target` and `recorded` once they are known."""

    parts: Parts
    emit: Emit
    seconds: dict[str, float] = field(default_factory=dict)
    target: Target | None = None
    recorded: Recorded | None = None
    writing: bool = False

    @contextmanager
    def told(self) -> Iterator[None]:
        """Let every error that leaves the block say what stands as it stood."""
        try:
            yield
        except ImagebuildError as error:
            error.unchanged = error.unchanged or self.unchanged
            raise
        except (KeyboardInterrupt, Interrupted):
            self.emit(Note(self.unchanged))
            raise

    @contextmanager
    def stage(self, name: str) -> Iterator[list[str]]:
        """One stage; what is put into the list says with what it ended."""
        self.emit(StageStarted(name))
        start, details = time.monotonic(), list[str]()
        yield details
        self.seconds[name] = time.monotonic() - start
        self.emit(StageEnded(name, self.seconds[name], ", ".join(details)))

    def build(self, plan: Plan, steps: Steps, context: Context) -> Image:
        """The image of the plan, built where it has to be; its names are not given yet."""
        with self.stage("build") as told:
            return self.make(plan, steps, context, told)

    def make(self, plan: Plan, steps: Steps, context: Context, told: list[str]) -> Image:
        """The same, inside a stage, which learns what was done."""
        if isinstance(steps.build, Reuse):
            told.append("nothing changed")
            return self.parts.builder.get(steps.build.image_id)
        image = self.parts.builder.image(plan, context, self.emit)
        told.append(f"{plan.name}, as {steps.build.why}")
        return image

    def name(self, image: Image, steps: Steps, held: Container[ImageName]) -> list[ImageName]:
        """Give the image its names, but those that it may have only when all the rest stands.

        A deployment may run a name that is `held` already, so whatever fails until then, the old
        image must run; what is pushed is pulled from the registry.
        """
        is_new = isinstance(steps.build, Build) and not steps.pushes
        late = [name for name in steps.tags if is_new and name in held]
        for name in steps.tags:
            if name not in late:
                image.tag(name)
        return late

    def push(self, pushes: Mapping[ImageName, Push | Pushed], image: Image) -> str | None:
        """Push under each name that needs it; the digest, None where nothing is to be pushed."""
        if not pushes:
            return None
        with self.stage("push") as told:
            return self.send(pushes, image, told)

    def send(self, pushes: Mapping[ImageName, Push | Pushed], image: Image, told: list[str]) -> str:
        """The same, inside a stage, where there is something to push."""
        digests = []
        for name, step in pushes.items():
            if isinstance(step, Pushed):
                digests.append(step.digest)
                told.append(f"the registry has {name}")
                continue
            digests.append(image.push(name, self.emit))
            told.append(f"{name}, as {step.why}")
        return digests[0]

    def record(self, change: Change, finish: Finish) -> str:
        """Write the change; the deployment's ID. `finish` is the command that does only this.

        Raises `NotRecorded`, and what `apply` raises where the image itself is recorded.
        """
        with self.stage("record") as told:
            return self.write(change, finish, told)

    def write(self, change: Change, finish: Finish, told: list[str]) -> str:
        """The same, inside a stage."""
        for note in change.notes:
            self.emit(Note(note))
        for warning in change.warnings:
            self.emit(Warned(warning))
        told.append(", ".join(change.fields) if change.needed else "nothing changed")
        self.writing = change.needed
        try:
            return self.parts.recorder.apply(change, self.emit)
        except NotRecorded as error:
            raise _not_recorded(change, error, finish) from error

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


def _not_recorded(change: Change, error: NotRecorded, finish: Finish) -> NotRecorded:
    state = "is in the registry" if change.record.pushed else "is built"
    bare = change.record.image is None
    names_it = bare or (change.deployment_id is not None and "job_variables" not in change.fields)
    lacks = f"lacks the new {', '.join(sorted(change.fields))}" if names_it else "does not name it"
    image = "" if bare else f"{change.record.image} {state}, and "
    return NotRecorded(
        f"{image}the deployment {change.target} {lacks}",
        causes=error.causes,
        hint="; then ".join(filter(None, [error.hint, f"finish with: {finish(change)}"])),
        body=error.body,
        unchanged=error.unchanged,
    )


def reference_of(name: ImageName, digest: str | None) -> str:
    """What a deployment names, or should: the digest too, where one is known."""
    return str(name.pinned(digest) if digest else name)


def any_pushed(pushes: Mapping[ImageName, Push | Pushed]) -> bool:
    """Whether there is a name under which the registry lacked the image."""
    return any(not isinstance(step, Pushed) for step in pushes.values())


def code_directory(plan: Plan, image: Image) -> str:
    """Where the code lies in an image: of a user's own Dockerfile, only what was built tells."""
    return plan.code.directory or image.config.directory or "/"


def with_deployment(outcome: Outcome, change: Change, deployment_id: str) -> Outcome:
    """The outcome, with what became of the deployment."""
    return dataclasses.replace(
        outcome,
        reference=change.runs,
        recorded=change.needed,
        deployment=str(change.target),
        deployment_id=deployment_id,
        pool=change.pool,
    )
