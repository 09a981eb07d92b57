"""Splits the steps of a deployment at its image: before, between build and push, after. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild.prefect import step_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imagebuild.prefect.file import FileDeployment, Step


@dataclass(frozen=True)
class Sections:
    """The steps of a deployment's build and push sections, in their order.

    Without a `build` step there is no image to make, and `after` holds all.
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


def sections_of(deployment: FileDeployment) -> Sections:
    """Where each step belongs; of several that build or push an image, the first counts."""
    steps = (*(deployment.build or ()), *(deployment.push or ()))
    start = _first(steps, step_names.BUILD)
    if start is None:
        return Sections(after=steps)
    before, build, rest = steps[:start], steps[start], steps[start + 1 :]
    end = _first(rest, step_names.PUSH)
    if end is None:
        return Sections(before, build, after=rest)
    return Sections(before, build, rest[:end], rest[end], rest[end + 1 :])


def _first(steps: tuple[Step, ...], names: Iterable[str]) -> int | None:
    return next((number for number, step in enumerate(steps) if step.name in names), None)


def complaints(sections: Sections) -> Iterator[tuple[Step, str]]:
    """What cannot be done as it stands: a second image, a push of what was not built."""
    for step in (*sections.between, *sections.after):
        if step.name in step_names.BUILD:
            yield step, "a deployment has one image, and this is the second: see imagebuild build"
        elif step.name in step_names.PUSH:
            why = (
                "there is no image of a build section to push"
                if sections.build is None
                else "the image is pushed already; further tags are its additional_tags"
            )
            yield step, why
    for step in sections.before:
        if step.name in step_names.PUSH:
            yield step, "it stands before the step that builds the image"
