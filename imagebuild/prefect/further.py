"""The images of a prefect.yaml besides a deployment's own, each built and pushed in its place."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagebuild.errors import ImagebuildError, UsageError
from imagebuild.events import Note, StageEnded, StageStarted, ignore
from imagebuild.names import ImageName
from imagebuild.orders import Made
from imagebuild.prefect import step_names
from imagebuild.prefect.outputs import LATER, of_image
from imagebuild.prefect.step_images import StepImage, image_of, pushed_image
from imagebuild.request import BuildRequest
from imagebuild.survey import survey
from imagebuild.wiring import opened

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from imagebuild.events import Emit, Event
    from imagebuild.prefect.file import Step
    from imagebuild.protocols import Parts

    Logins = Mapping[str, Mapping[str, str]]
    PartsOf = Callable[[BuildRequest, str, Logins], Parts]


@dataclass(frozen=True)
class FurtherImages:
    """Builds and pushes images whose paths are relative to `root`, as their steps say.

    `parts_of` gives the parts for a request, with a builder and logins. `namespace` is where images
    go whose name does not say it. Without `push`, none is pushed. `checked` are those that several
    deployments need not look at again.
    """

    root: Path
    env: Mapping[str, str]
    namespace: str | None
    parts_of: PartsOf
    emit: Emit
    push: bool = True
    checked: list[BuildRequest] = field(default_factory=list)

    def check(self, step: Step, inputs: Mapping[str, Any]) -> None:
        """Raise `UsageError` for what cannot be meant, as far as it is known before any step."""
        if step.name in step_names.PUSH:
            pushed_image(inputs, self.namespace)
            return
        request = self._image(inputs).request
        files = f"{request.root}{request.dockerfile}{request.requirements}{request.template}"
        if LATER in files or request in self.checked:
            return
        with opened(request, self.env) as source, source.checkout() as checkout:
            survey(request, checkout, ignore)
        self.checked.append(request)

    def foreseen(self, step: Step, inputs: Mapping[str, Any], *, final: bool) -> dict[str, Any]:
        """What a step would give that is not run; `final` where its image is there already.

        Raises `UsageError` for one that is there, and of which nobody knows the tag.
        """
        if step.name in step_names.PUSH:
            pushed = pushed_image(inputs, self.namespace)
            name, tags = pushed.name.with_tag(pushed.name.tag or "latest"), pushed.tags
        else:
            request = self._image(inputs).request
            assert request.image is not None
            name, tags = request.image, request.tags
        if final and name.tag is None:
            message = f"cannot tell which image {name} is meant"
            causes = ("its build step gives no tag, so one is made of the content",)
            raise UsageError(message, causes=causes, hint="give the step a tag, or let it build")
        return _given(name, tags, Made(final=final))

    def run(self, step: Step, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Build or push as a step says, where that is not done yet; what it gives.

        Raises what `pipeline.build` and `pipeline.push` do.
        """
        try:
            if step.name in step_names.BUILD:
                return self._build(self._image(inputs))
            if self.push:
                return self._push(inputs)
        except ImagebuildError as error:
            error.unchanged = None  # of this image; what of the deployment, its own order tells
            raise
        given = self.foreseen(step, inputs, final=True)
        self.emit(Note(f"{given['image']} is not pushed"))
        return given

    def _image(self, inputs: Mapping[str, Any]) -> StepImage:
        image = image_of(inputs, None, root=self.root, env=self.env, namespace=self.namespace)
        pushes = image.request.push and self.push
        return dataclasses.replace(image, request=dataclasses.replace(image.request, push=pushes))

    def _build(self, image: StepImage) -> dict[str, Any]:
        from imagebuild import pipeline

        parts = self.parts_of(image.request, image.builder, {})
        outcome = pipeline.build(image.request, parts, self._emit)
        name, *others = map(ImageName.parse, outcome.names)
        self.emit(Note(f"{name} {'is built' if outcome.built else 'has not changed'}"))
        made = Made(
            directory=outcome.directory,
            image_id=outcome.image_id,
            digest=outcome.digest,
            final=True,
        )
        return _given(name, [str(one.tag) for one in others], made)

    def _push(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        from imagebuild import pipeline

        pushed = pushed_image(inputs, self.namespace)
        parts = self.parts_of(BuildRequest(self.root, self.root), "docker", pushed.logins)
        outcome = pipeline.push(pushed.name, pushed.tags, parts, self._emit)
        name = ImageName.parse(outcome.names[0])
        self.emit(Note(f"{name} {'is pushed' if outcome.pushed else 'is in the registry'}"))
        made = Made(image_id=outcome.image_id, digest=outcome.digest, final=True)
        return _given(name, pushed.tags, made)

    def _emit(self, event: Event) -> None:
        """Tell what is done, but for the stages, which are those of the deployments."""
        if not isinstance(event, StageStarted | StageEnded):
            self.emit(event)


def _given(name: ImageName, tags: Sequence[str], made: Made) -> dict[str, Any]:
    every = (name.tag or LATER, *tags)
    return of_image(dataclasses.replace(made, name=name, tags=every))
