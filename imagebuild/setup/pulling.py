"""What a deployment is to say whose runs pull their code."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imagebuild.events import Warned
from imagebuild.pairing import fitted, packages_for
from imagebuild.sources.references import Reference

if TYPE_CHECKING:
    from imagebuild.events import Emit
    from imagebuild.protocols import Source
    from imagebuild.setup.answers import Answers
    from imagebuild.state import Pool
    from imagebuild.survey import Project


def with_pull(
    answers: Answers, project: Project, pool: Pool, source: Source, emit: Emit
) -> Answers:
    """The answers with how each run fetches the code and, where no image has it, what it needs.

    Raises `UsageError` where runs in the pool cannot fetch it.
    """
    pulled = fitted(source.pulled(), pool, {})
    asked = answers.source
    reference = Reference.parse(asked.credentials) if asked and asked.credentials else None
    if reference is not None and reference.is_variable:
        name = reference.name
        text = f"prefect deploy writes the value of {name} into the deployment, if it is set there"
        hint = "take a block: block://secret/NAME; or imagebuild deploy, which leaves it to the run"
        emit(Warned(text, hint=hint))
    if pool.accepts_image:
        return dataclasses.replace(answers, pulled=pulled)
    env = packages_for(pulled, pool, {}).items()
    return dataclasses.replace(
        answers,
        pulled=pulled,
        requirements=project.dependencies.requirements,
        variables={"env": {name.removeprefix("env."): value for name, value in env}},
    )
