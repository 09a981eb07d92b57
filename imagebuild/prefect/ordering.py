"""From the deployments of a prefect.yaml to orders: what to build, and what to record of each."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagebuild.entrypoint import is_dotted
from imagebuild.errors import UsageError
from imagebuild.events import Note, ignore
from imagebuild.names import BadImageName, ImageName
from imagebuild.orders import Made, Order, Ready
from imagebuild.prefect.arguments import AUTO
from imagebuild.prefect.checking import mistakes
from imagebuild.prefect.drafting import Draft
from imagebuild.prefect.file import refuse
from imagebuild.prefect.outputs import LATER
from imagebuild.prefect.pull_source import source_of
from imagebuild.prefect.pulling import place_in
from imagebuild.prefect.stating import Misfit, request_of
from imagebuild.prefect.step_images import StepImage, image_of
from imagebuild.prefect.templating import ENVIRONMENT, placeholders
from imagebuild.record import SET_DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from imagebuild.events import Emit
    from imagebuild.orders import Hook
    from imagebuild.prefect.choices import Choices
    from imagebuild.prefect.file import FileDeployment, Step
    from imagebuild.prefect.running import Steps
    from imagebuild.prefect.templating import Unfilled
    from imagebuild.prefect.world import World
    from imagebuild.request import BuildRequest, DeploymentRequest


@dataclass(frozen=True)
class Ordering:
    """Makes orders of one file's deployments, whose paths are relative to `root`."""

    file: str
    root: Path
    world: World
    steps: Steps
    choices: Choices
    emit: Emit

    def orders(self, deployments: Sequence[FileDeployment]) -> list[Order]:
        """An order for each; the steps that an image depends on are run.

        Raises `UsageError` with all that is wrong in the file, before any step is run, and what
        the steps raise.
        """
        drafts = [Draft(one, self.world) for one in deployments]
        images = self.steps.images
        refuse(self.file, [text for one in drafts for text in mistakes(one, self._image, images)])
        if any(draft.sections.further(self._early(draft)) for draft in drafts):
            unsaid = dataclasses.replace(self, emit=ignore)
            self.choices.check([unsaid._order(draft) for draft in drafts])
        for draft in drafts:
            self._run(draft, self._early(draft), None)
        return [self._order(draft) for draft in drafts]

    def _early(self, draft: Draft) -> Sequence[Step]:
        """The steps that are run before the image is looked for."""
        sections = draft.sections
        is_waited_for = sections.build is None and draft.image_waits_for(sections.after)
        return sections.after if is_waited_for else sections.before

    def _order(self, draft: Draft) -> Order:
        sections = draft.sections
        image = self._image(draft) if sections.build else None
        ready = self._ready(draft, image.request if image else None)
        fields, _ = draft.fields(None)
        # The file's paths are relative to its root, wherever the user stands.
        entrypoint = fields["entrypoint"]
        request = self._place(draft, entrypoint, image)
        if image and not ready:
            request = self.choices.over(image.request)
        pulled = request.pulled
        if request.here != self.root and not is_dotted(entrypoint):
            entrypoint = str(self.root / entrypoint)
        order = Order(
            draft.label,
            dataclasses.replace(request, entrypoint=entrypoint),
            lambda made: self._wanted(draft, made, pulled=pulled),
            ready,
            builder=image.builder if image and not ready else None,
            logins=image.logins if image and not ready else {},
        )
        early = self._early(draft)
        late = [step for step in sections.after if step not in early]
        if ready:  # nothing is built between which the other images could be
            late = [*sections.further(sections.between), *late]
        if self.choices.dry:
            self._run(draft, sections.further([*sections.between, *late]), None)
        if sections.between:
            order = dataclasses.replace(order, built=self._hook(draft, sections.between))
        return dataclasses.replace(order, pushed=self._hook(draft, late)) if late else order

    def _place(self, draft: Draft, entrypoint: str, image: StepImage | None) -> BuildRequest:
        """Where the code lies for which nothing is built, or that is in no build step.

        What is not here, is read from where the pull steps fetch it.
        """
        baked = self.choices.baked
        source, pulled = (image.request.source, image.request.pulled) if image else (None, False)
        path = entrypoint.rpartition(":")[0]
        if image is None and not is_dotted(entrypoint) and not (self.root / path).exists():
            source = source_of(draft.pull(Made()) or ())
            if source is not None:
                text = f"{draft.label}: {path} is not here, so it is read from where its pull steps"
                self.emit(Note(f"{text} fetch it"))
        if source is None:
            return baked
        return dataclasses.replace(baked, here=self.root, source=source, pulled=pulled)

    def _image(self, draft: Draft) -> StepImage:
        """The image of the build step, from what the steps before it give."""
        assert draft.sections.build is not None
        build, _ = draft.inputs(draft.sections.build, None)
        where: dict[str, Any] = {
            "root": self.root,
            "env": self.world.env,
            "namespace": self.choices.namespace,
        }
        if build.get("dockerfile") == AUTO and (place := place_in(self.root, [draft.pull(Made())])):
            build.setdefault("directory", place)
        image = image_of(build, None, **where)
        if draft.sections.push is None:
            return image
        push, _ = draft.inputs(draft.sections.push, Made(image.request.image))
        return image_of(build, push, **where)

    def _ready(self, draft: Draft, request: BuildRequest | None) -> Ready | None:
        """The image that is there already; None where one is to be built."""
        built = request.image if request else None
        named = draft.image(Made(built))
        if named and not (request and _is_of(named, request, draft)):
            self._check_name(draft, named)
            if built and self.choices.build:
                self.emit(Note(f"{draft.label} runs {named}, so {built} is not built for it"))
            return Ready(named)
        if not self.choices.build:
            return _built_before(built)
        elsewhere = draft.pull(Made()) not in (None, self._here)
        says_none = draft.deployment.build is not None or elsewhere
        if built is None and (says_none or not self._takes_image(draft)):
            return Ready(None)
        return None

    def _takes_image(self, draft: Draft) -> bool:
        """Whether there is one to run; Prefect is asked only where the file does not say it."""
        if draft.sections.build or draft.deployment.image:
            return True
        return self.choices.takes_image(self.choices.typed(request_of(draft.fields(None)[0])).pool)

    def _check_name(self, draft: Draft, named: str) -> None:
        """Raise `UsageError` for an image that no worker can run; a run may fill in a part."""
        try:
            ImageName.parse(re.sub(r"{{\s*ctx\..*?}}", LATER, named))
        except BadImageName as error:
            place = draft.deployment.where(["work_pool", "job_variables", "image"])
            message = f"{place}: {named!r} is not an image name"
            raise UsageError(message, causes=(error.reason,), hint=f"mend {self.file}") from error

    def _wanted(self, draft: Draft, made: Made, *, pulled: bool) -> DeploymentRequest:
        """The deployment, with what its steps gave so far."""
        fields, unfilled = draft.fields(made)
        self._check(draft, unfilled)
        try:
            filed = request_of(fields)
        except Misfit as misfit:
            message = f"{draft.deployment.where(misfit.at)}: {misfit}"
            raise UsageError(message, hint=f"mend {self.file}") from misfit
        pull = draft.pull(made)
        if pull is None and not self._takes_image(draft):
            pull = self._here  # as Prefect has it
        if pull == self._here and made.directory is not None and not pulled:
            text = f"{draft.label}: its pull step names a folder of this machine"
            self.emit(Note(f"{text}; its runs use the image's"))
        elif pull is not None:
            self._tell_of_secrets(draft, pull)
            filed = dataclasses.replace(filed, stated={**filed.stated, "pull_steps": pull})
        return self.choices.typed(filed)

    def _tell_of_secrets(self, draft: Draft, pull: list[dict[str, Any]]) -> None:
        """Say what stays a placeholder that `prefect deploy` would write down in clear text."""
        for name in dict.fromkeys(placeholders(pull)):
            if name.startswith(ENVIRONMENT) and name.lstrip(ENVIRONMENT) in self.world.env:
                text = f"{draft.label}: its pull steps keep {{{{ {name} }}}}, which looks like a"
                self.emit(Note(f"{text} secret: each run reads that variable itself"))

    @property
    def _here(self) -> list[dict[str, Any]]:
        """Pull steps into this machine's folder, as `prefect init` writes them."""
        return [{SET_DIRECTORY: {"directory": str(self.root)}}]

    def _check(self, draft: Draft, unfilled: Sequence[Unfilled]) -> None:
        """Raise `UsageError` for what a step was to give, and did not."""
        for one in unfilled:
            message = f"deployment {draft.label!r}: nothing fills {{{{ {one.name} }}}}"
            causes = ("its step gave no such value",)
            raise UsageError(message, causes=causes, hint=f"mend {self.file}")

    def _hook(self, draft: Draft, steps: Sequence[Step]) -> Hook:
        return lambda made, _: self._run(draft, steps, made)

    def _run(self, draft: Draft, steps: Sequence[Step], made: Made | None) -> None:
        for step in steps:
            is_held_back = self.choices.dry or not self.choices.build
            if is_held_back and not draft.uses(step):
                self.emit(Note(f"{draft.label}: the step {step.name} is left out"))
                continue
            inputs, unfilled = draft.inputs(step, made)
            self._check(draft, unfilled)
            if is_held_back and draft.sections.further([step]):
                is_there = not self.choices.build
                given = self.steps.images.foreseen(step, inputs, final=is_there)
                draft.results[id(step)] = given
                what = "is there already" if is_there else "would be made too"
                self.emit(Note(f"{draft.label}: {given['image']} {what}"))
                continue
            draft.results[id(step)] = self.steps.run(step, inputs, draft.label)


def _is_of(named: str, request: BuildRequest, draft: Draft) -> bool:
    """Whether the image that a deployment names is the one that is built: by any of its names."""
    assert request.image is not None
    names = {str(request.image), *(str(request.image.with_tag(tag)) for tag in request.tags)}
    name, is_name, rest = named.partition(str(request.image.untagged))
    is_given = named == LATER or (is_name and not name and (not rest or LATER in rest))
    steps = tuple(step for step in (draft.sections.build, draft.sections.push) if step)
    return named in names or (bool(is_given) and draft.image_waits_for(steps))


def _built_before(built: ImageName | None) -> Ready:
    if built is None:
        return Ready(None)
    if built.tag is None:
        message = f"cannot tell which image {built} is meant"
        causes = ("its build step gives no tag, so one is made of the content",)
        raise UsageError(message, causes=causes, hint="give the step a tag, or let it build")
    return Ready(str(built))
