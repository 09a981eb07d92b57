"""Splits the steps of a deployment at its image: before, between build and push, after. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagebuild.prefect.outputs import OF_IMAGE
from imagebuild.prefect.step_names import BUILD, PUSH
from imagebuild.prefect.templating import placeholders

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagebuild.prefect.file import FileDeployment, Step


@dataclass(frozen=True)
class Sections:
    """The steps of a deployment's build and push sections, in their order.

    `build` makes the image that the deployment runs, and `push` pushes that one; whatever other
    images there are, their steps are among the others. Without a `build` step there is no image to
    make, and `after` holds all.
    """

    before: tuple[Step, ...] = ()
    build: Step | None = None
    between: tuple[Step, ...] = ()
    push: Step | None = None
    after: tuple[Step, ...] = ()

    @property
    def steps(self) -> Iterator[Step]:
        """All of them, as Prefect would run them."""
        middle = (self.build, *self.between, self.push)
        yield from (step for step in (*self.before, *middle, *self.after) if step is not None)

    def further(self, steps: Sequence[Step]) -> list[Step]:
        """Those of the steps that build or push another image than the deployment's."""
        every = (step for step in steps if step.name in BUILD | PUSH)
        return [step for step in every if step is not self.build and step is not self.push]


def sections_of(deployment: FileDeployment) -> Sections:
    """Where each step belongs; of several images, the job variables name the deployment's own."""
    steps = (*(deployment.build or ()), *(deployment.push or ()))
    build = _own(deployment, steps)
    if build is None:
        return Sections(after=steps)
    start = _place(build, steps)
    before, rest = steps[:start], steps[start + 1 :]
    push = next((one for one in rest if one.name in PUSH and built_for(one, steps) is build), None)
    if push is None:
        return Sections(before, build, after=rest)
    end = _place(push, rest)
    return Sections(before, build, rest[:end], push, rest[end + 1 :])


def _own(deployment: FileDeployment, steps: Sequence[Step]) -> Step | None:
    """The step that builds the deployment's own image.

    A lone one is meant without being named, unless its image is used for something else.
    """
    named = _named(deployment.image, steps)
    builds = [step for step in steps if step.name in BUILD]
    if named or len(builds) != 1:
        return named
    ids = {step.id for step in steps if step.name in BUILD | PUSH}
    used = {one.partition(".")[0] for one in placeholders(deployment.fields)}
    return None if deployment.image and used & (ids | OF_IMAGE) else builds[0]


def built_for(push: Step, steps: Sequence[Step]) -> Step | None:
    """The step that builds what another pushes, if one that stands before it does."""
    builds = [step for step in steps if step.name in BUILD]
    before = steps[: _place(push, steps)]
    if len(builds) == 1:
        return builds[0] if builds[0] in before else None
    name, tag = push.inputs.get("image_name"), push.inputs.get("tag")
    return _named(name, before) or _called(f"{name}:{tag}", before)


def complaints(sections: Sections, image: Any) -> Iterator[tuple[Step, str]]:
    """What cannot be done as it stands; `image` is what the job variables name."""
    steps = list(sections.steps)
    builds = [step for step in steps if step.name in BUILD]
    if len(builds) > 1 and not image:
        why = "it is the second image, and the job variables do not say which one runs: write image"
        yield builds[1], f'{why}: "{{{{ ID.image }}}}", with the id of a step'
    for number, step in enumerate(builds):
        if "tag" in step.inputs and any(_names(step) & _names(one) for one in builds[:number]):
            yield step, "a step before it builds an image of the same name"
    for step in steps:
        if step.name not in PUSH or step is sections.push:
            continue
        built = built_for(step, steps)
        if not builds:
            yield step, "there is no image of a build section to push"
        elif built is None:
            yield step, "no step before it builds that image"
        elif built is sections.build:
            yield step, "the image is pushed already; further tags are its additional_tags"


def _named(name: Any, steps: Sequence[Step]) -> Step | None:
    """The step that builds the image of a name, as placeholders or the same words tell it."""
    keys = {one.partition(".")[0] for one in placeholders(name)}
    for step in reversed(steps):  # of one key, the last step gives it
        if step.name in BUILD | PUSH and (step.id in keys or keys & OF_IMAGE):
            return step if step.name in BUILD else built_for(step, steps)
    return _called(name, steps)


def _called(name: Any, steps: Sequence[Step]) -> Step | None:
    builds = (step for step in steps if step.name in BUILD)
    return next((step for step in builds if name in _names(step)), None)


def _names(step: Step) -> set[Any]:
    name, tag = step.inputs.get("image_name"), step.inputs.get("tag")
    further = step.inputs.get("additional_tags")
    tags = [tag, *(further if isinstance(further, list) else ())]
    return {f"{name}:{each}" for each in tags if each} or {name, f"{name}:None"}


def _place(step: Step, steps: Sequence[Step]) -> int:
    return next(number for number, one in enumerate(steps) if one is step)
