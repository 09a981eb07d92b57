"""Reads the project: its files and its dependencies. Asks nobody else, runs none of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild.context import ProjectContext, read_context
from imagebuild.dependencies import find_dependencies
from imagebuild.events import Note, Warned

if TYPE_CHECKING:
    from imagebuild.events import Emit
    from imagebuild.plan import Dependencies
    from imagebuild.protocols import Checkout
    from imagebuild.request import BuildRequest


@dataclass(frozen=True)
class Project:
    """What the files say, before anybody else was asked; `name` is the project's own."""

    name: str
    context: ProjectContext
    dependencies: Dependencies


def survey(request: BuildRequest, checkout: Checkout, emit: Emit) -> Project:
    """The project as its files tell it; raises `UsageError` for what cannot be deployed."""
    context = read_context(checkout.root)
    dependencies = find_dependencies(context, request.requirements, request.here)
    for path in context.withheld:
        emit(Note(f"left out, as it looks like a secret: {path}"))
    for path in context.skipped:
        emit(Warned(f"left out, as no image can hold it: {path}"))
    for suspect in context.ignore.warnings:
        if any(suspect.misses(path) for path in context.digests):
            hint = f"write {suspect.instead}"
            emit(Warned(f"{suspect.rule} applies {suspect.meaning}", hint=hint))
    if not dependencies.requirements and "pyproject.toml" in context.digests:
        emit(
            Note(
                "nothing is installed: there is a pyproject.toml, and no requirements.txt; to"
                " install the project itself, write a line `.` into one"
            )
        )
    return Project(checkout.name, context, dependencies)
