"""All that a prefect.yaml can be wrong in before any of its steps is run."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from imagebuild.errors import UsageError
from imagebuild.prefect import shell, step_names
from imagebuild.prefect.outputs import LATER
from imagebuild.prefect.sections import complaints
from imagebuild.prefect.stating import Misfit, request_of
from imagebuild.record import Target
from imagebuild.recorders import stated_checks
from imagebuild.recorders.changes import check_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imagebuild.prefect.drafting import Draft
    from imagebuild.prefect.file import Step
    from imagebuild.prefect.further import FurtherImages
    from imagebuild.prefect.step_images import StepImage

# Where the file says what Prefect's API has under another name.
_FIELD = {"concurrency_options": "concurrency_limit"}


def mistakes(
    draft: Draft, image: Callable[[Draft], StepImage], further: FurtherImages
) -> Iterator[str]:
    """What is wrong with a deployment, each with its line; `image` is what its build step asks for.

    Raises what `World` raises where Prefect has to be asked and does not answer.
    """
    deployment = draft.deployment
    for step, why in complaints(draft.sections, deployment.image):
        yield f"{place(draft, step)}: {why}"
    if not deployment.entrypoint:
        yield f"{deployment.where(['entrypoint'])}: it is missing: write path/to/flow.py:flow"
    for step in draft.sections.steps:
        yield from _of_step(draft, step, image, further)
    fields, unfilled = draft.fields(None)
    for one in unfilled:
        why = one.why or draft.world.why(one.name, draft.outputs(None))
        yield f"{deployment.where(one.at)}: nothing fills {{{{ {one.name} }}}}: {why}"
    if unfilled:
        return
    try:
        request = request_of(fields)
    except Misfit as misfit:
        why = str(misfit).replace(repr(LATER), "known only when its step was run")
        yield f"{deployment.where(misfit.at)}: {why}"
        return
    checks = [("name", partial(check_names, Target("flow", request.name or "name")))]
    checks += [(key, partial(_check, key, value)) for key, value in request.stated.items()]
    for key, check in checks:
        try:
            check()
        except UsageError as error:  # noqa: PERF203 - all that is wrong is told at once
            yield f"{deployment.where([_FIELD.get(key, key)])}: {_said(error)}"


def _check(key: str, value: Any) -> None:
    """Look at what is stated, if it is known before a step is run."""
    if LATER not in json.dumps(value):
        stated_checks.check({key: value})


def _said(error: UsageError) -> str:
    hint = f"; {error.hint}" if error.hint else ""
    return f"{': '.join((error.message, *error.causes))}{hint}"


def _of_step(
    draft: Draft, step: Step, image: Callable[[Draft], StepImage], further: FurtherImages
) -> Iterator[str]:
    inputs, unfilled = draft.inputs(step, None)
    for one in unfilled:
        why = one.why or draft.world.why(one.name, draft.outputs(None, step))
        at = ".".join(map(str, one.at))
        yield f"{place(draft, step)}: {at}: nothing fills {{{{ {one.name} }}}}: {why}"
    if unfilled:
        return
    try:
        if step.name == step_names.SHELL:
            shell.check(inputs)
        elif step is draft.sections.build:
            image(draft)
        elif draft.sections.further([step]):
            further.check(step, inputs)
    except UsageError as error:
        yield f"{place(draft, step)}: {_said(error)}"


def place(draft: Draft, step: Step) -> str:
    """Where a step stands; its line tells, as one of the file's is of several deployments."""
    where = f"line {step.line}" if step.line else f"deployment {draft.label!r}"
    return f"{where}: the step {step.name.rpartition('.')[2]}"
