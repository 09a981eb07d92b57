"""Reads the project: its files, dependencies and Dockerfile. Asks nobody else, runs none of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from imagebuild import dockerfile, templates
from imagebuild.choosing import flows_of
from imagebuild.context import ProjectContext, read_context
from imagebuild.dependencies import (
    DEFAULT_FILE,
    find_dependencies,
    is_list,
    lines_with_passwords,
)
from imagebuild.errors import UsageError
from imagebuild.events import Note, Warned
from imagebuild.flow_keys import keys_of
from imagebuild.names import BadImageName, ImageName
from imagebuild.plan import Dependencies, OwnDockerfile, Template

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from imagebuild.commit import Commit
    from imagebuild.events import Emit
    from imagebuild.protocols import Checkout
    from imagebuild.request import BuildRequest


_LENT = "take it out, and lend it to the step alone: --secret id=netrc,src=FILE"


@dataclass(frozen=True)
class Project:
    """What the files say, before anybody else was asked; `name` is the project's own.

    `base` is what the image builds on, None for nothing at all; `bases` all that a Dockerfile of
    the user's own names.
    """

    name: str
    context: ProjectContext
    dependencies: Dependencies
    recipe: Template | OwnDockerfile
    base: ImageName | None
    bases: tuple[ImageName, ...] = ()
    commit: Commit | None = None

    @property
    def lists(self) -> Mapping[str, str]:
        """What all lists of requirements say that are installed from, the nested ones too."""
        files = (path for path in self.dependencies.sources if is_list(path))
        return {path: self.text(path) or "" for path in files}

    @cached_property
    def flow_keys(self) -> Mapping[str, str]:
        """The key of each flow by its entrypoint, where there is no doubt about it."""
        found, skipped = flows_of(self.context)
        likely = (one.maybe for one in skipped if one.maybe is not None)
        return keys_of(self.context, [*found, *likely])

    def text(self, path: str) -> str | None:
        """What a text file holds; None where it is not sent, or is no text."""
        if path not in self.context.digests:
            return None
        with self.context.open(path) as file:
            return file.read().decode("utf-8", "replace")


def survey(request: BuildRequest, checkout: Checkout, emit: Emit) -> Project:
    """The project as its files tell it; raises `UsageError` for what cannot be deployed."""
    own = _own_dockerfile(request, checkout.root)
    context = read_context(checkout.root, own, request.reports)
    _tell(context, emit)
    if own is not None:
        return _with_dockerfile(request, checkout, context, own, emit)
    here = request.typed_in(checkout.root)
    dependencies = find_dependencies(context, request.requirements, here)
    if not dependencies.requirements and (why := _nothing_to_install(request, context)):
        emit(Note(f"nothing is installed: {why}"))
    project = Project(
        checkout.name,
        context,
        dependencies,
        templates.load(request.template, request.here, checkout.root),
        request.base,
        commit=checkout.commit,
    )
    for path, text in project.lists.items():
        for line in lines_with_passwords(text):
            emit(
                Warned(f"a password stands in {path}, line {line}, and so in the image", hint=_LENT)
            )
    return project


def _nothing_to_install(request: BuildRequest, context: ProjectContext) -> str | None:
    """Why, where one could expect otherwise."""
    if request.requirements is not None or DEFAULT_FILE in context.digests:
        return f"{request.requirements or DEFAULT_FILE} names no package"
    if "pyproject.toml" in context.digests:
        return (
            "there is a pyproject.toml, and no requirements.txt; to install the project itself,"
            " write a line `.` into one"
        )
    return None


def _tell(context: ProjectContext, emit: Emit) -> None:
    for path in context.withheld:
        emit(Note(f"left out, as it looks like a secret: {path}"))
    for path in context.skipped:
        emit(Warned(f"left out, as no image can hold it: {path}"))
    for suspect in context.ignore.warnings:
        if any(suspect.misses(path) for path in context.digests):
            hint = f"write {suspect.instead}"
            emit(Warned(f"{suspect.rule} applies {suspect.meaning}", hint=hint))


def _own_dockerfile(request: BuildRequest, root: Path) -> Path | None:
    """Where the Dockerfile lies; as docker has it, that may be outside the build context."""
    typed = request.dockerfile
    if typed is None:
        return None
    found = next((path for path in (request.here / typed, root / typed) if path.is_file()), None)
    if found is None:
        message = f"there is no Dockerfile {typed}"
        raise UsageError(message, hint=f"give its path relative to {request.here}")
    return found.resolve()


def _with_dockerfile(
    request: BuildRequest, checkout: Checkout, context: ProjectContext, path: Path, emit: Emit
) -> Project:
    name = str(request.dockerfile)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = f"cannot read {name}"
        raise UsageError(message, causes=(str(error),)) from error
    parsed = dockerfile.parse(text, request.build_args, name)
    unread = [arg for arg in request.build_args if arg not in parsed.args]
    for arg in unread:
        emit(Warned(f"no step reads the build argument {arg}", hint=f"write ARG {arg} in {name}"))
    return Project(
        checkout.name,
        context,
        Dependencies(sources=_read_by(text, context)),
        OwnDockerfile(name, text),
        _image(parsed.final, name) if parsed.final else None,
        tuple(_image(base, name) for base in parsed.bases),
        checkout.commit,
    )


def _read_by(text: str, context: ProjectContext) -> tuple[str, ...]:
    """What the environment of a Dockerfile is made from; nothing where that cannot be told.

    So it is where there is no such stage, and where what is read lies behind a link.
    """
    try:
        read = dockerfile.environment_reads(text)
    except dockerfile.NotData:
        return ()
    if "./" in read:
        return ("./",)
    if not all(_is_plain(PurePosixPath(path), context) for path in read):
        return ()
    above = tuple(f"{path.rstrip('/')}/" for path in read)
    return tuple(
        path for path in read if not path.startswith(tuple(set(above) - {path, f"{path}/"}))
    )


def _is_plain(path: PurePosixPath, context: ProjectContext) -> bool:
    """Whether a path is there, and is neither a link nor below one."""
    found = [context.find(str(one)) for one in (path, *path.parents[:-1])]
    return all(node is not None and node.kind != "link" for node in found)


def _image(text: str, where: str) -> ImageName:
    try:
        return ImageName.parse(text)
    except BadImageName as error:
        message = f"{where} builds on {text!r}, which is no image name"
        raise UsageError(message, causes=(error.reason,)) from error
