"""Finds what a project has and what is around it, and asks for the rest of a deployment."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from imagebuild.choosing import choose_flow, flows_of
from imagebuild.dependencies import candidates
from imagebuild.errors import ImagebuildError, Unreachable, UsageError
from imagebuild.events import Note, Warned
from imagebuild.names import BadImageName, ImageName
from imagebuild.planning import target_name
from imagebuild.record import Target
from imagebuild.recorders import pools
from imagebuild.recorders.changes import check_names
from imagebuild.records import target_of
from imagebuild.request import DeploymentRequest
from imagebuild.setup.answers import Answers
from imagebuild.setup.pulling import with_pull
from imagebuild.state import Pool
from imagebuild.survey import survey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imagebuild.entrypoint import FoundFlow
    from imagebuild.events import Emit
    from imagebuild.protocols import Checkout, Parts
    from imagebuild.request import BuildRequest
    from imagebuild.survey import Project

_Value = TypeVar("_Value")
_DOCKERFILE = "Dockerfile"


class Asker(Protocol):
    """Whom to ask: a person, or nobody, and then the default is the answer."""

    def choose(self, title: str, among: Sequence[str], default: str | None) -> str | None:
        """One of several; None where nobody chooses."""

    def text(self, title: str, default: str | None, read: Callable[[str], _Value]) -> _Value:
        """What a text means. Raises what `read` raises where nobody is there to try again."""

    def yes(self, title: str, *, default: bool) -> bool:
        """Whether it is so."""


@dataclass(frozen=True)
class Given:
    """What need not be asked; None where it has to be.

    `registry` is `host[/path]`, `pulled` whether each run is to fetch the code.
    """

    name: str | None = None
    pool: str | None = None
    registry: str | None = None
    push: bool | None = None
    pulled: bool | None = None


def ask(
    request: BuildRequest, given: Given, parts: Parts, checkout: Checkout, asker: Asker, emit: Emit
) -> Answers:
    """The deployment that is wanted, checked as far as it can be before a build.

    Raises `UsageError` where something is missing or cannot be meant, `Unreachable` where no work
    pool is named and Prefect is away, `Denied` where the registry refuses the credentials.
    """
    project = survey(request, checkout, emit)
    flow = _flow(request, project, asker)
    check_names(target_of(flow, DeploymentRequest()))
    _tell(project, flow, emit)
    pulled = _pulled(request, given, asker)
    dockerfile = _dockerfile(request, project, asker)
    target = target_of(flow, DeploymentRequest(name=given.name))
    name = _name(given.name) if given.name else asker.text("Deployment's name", target.name, _name)
    pool = _pool(given.pool, parts, asker, emit, image=not pulled)
    answers = Answers(flow.entrypoint, name, pool.name, source=request.source)
    if pulled:
        answers = with_pull(answers, project, pool, parts.source, emit)
    if not pool.accepts_image:
        return answers
    image, push = _image(request, given, project, pool, parts, asker)
    if push:
        _check(image, parts, emit)
    return dataclasses.replace(answers, image=image, push=push, dockerfile=dockerfile)


def _pulled(request: BuildRequest, given: Given, asker: Asker) -> bool:
    """Whether each run is to fetch the code; that is asked only where it is elsewhere."""
    if given.pulled is not None or request.source is None:
        return bool(given.pulled)
    return not asker.yes("Bake the code into the image? (no: each run pulls it)", default=True)


def _flow(request: BuildRequest, project: Project, asker: Asker) -> FoundFlow:
    entrypoint = request.entrypoint
    found, _ = flows_of(project.context)
    if entrypoint is None and len(found) > 1:
        entrypoint = asker.choose("Flow", [flow.entrypoint for flow in found], None)
        return choose_flow(project.context, entrypoint, project.context.root)
    return choose_flow(project.context, entrypoint, request.typed_in(project.context.root))


def _tell(project: Project, flow: FoundFlow, emit: Emit) -> None:
    emit(Note(f"the flow {flow.flow_name} is {flow.entrypoint}"))
    installed = project.dependencies.requirements
    for path in candidates(project.context, project.dependencies):
        emit(Note(f"{path} is {'installed' if path in installed else 'found, and not used'}"))


def _dockerfile(request: BuildRequest, project: Project, asker: Asker) -> str | None:
    """The Dockerfile that is to be built as it is, relative to the project root.

    Of code from elsewhere it may also lie here, where the file is written.
    """
    root = project.context.root
    if request.dockerfile is not None:
        typed = request.here / request.dockerfile
        if request.source is not None:
            return request.dockerfile
        return os.path.relpath(typed if typed.is_file() else root / request.dockerfile, root)
    there = project.context.find(_DOCKERFILE) is not None
    if there and asker.yes(f"Build with the {_DOCKERFILE} that is there?", default=False):
        return _DOCKERFILE
    return None


def _name(text: str) -> str:
    check_names(Target("flow", text))
    return text


def _pool(name: str | None, parts: Parts, asker: Asker, emit: Emit, *, image: bool) -> Pool:
    try:
        every = parts.recorder.work_pools().every()
    except ImagebuildError as error:
        if name is None:
            error.hint = "; ".join(filter(None, [error.hint, "or name the work pool: --pool"]))
            raise
        why = "; ".join((error.message, *error.causes))
        emit(Warned(f"whether there is a work pool {name} was not seen", cause=why))
        return Pool(name, "docker", {"image": {}})
    fit = sorted(pool.name for pool in every if pool.accepts_image or not image)
    if name is None and len(fit) > 1:
        name = asker.choose("Work pool", fit, None)
    return pools.named(name, every, image=image)


def _image(
    request: BuildRequest, given: Given, project: Project, pool: Pool, parts: Parts, asker: Asker
) -> tuple[ImageName, bool]:
    """The image's whole name, and whether it is pushed."""
    default = target_name(dataclasses.replace(request, push=False), project.name, None)
    image = request.image or asker.text("Image", str(default), _image_name)
    if image.digest is not None:
        message = f"{image} cannot be built: a digest is known only afterwards"
        raise UsageError(message, hint="leave it out")
    namespace = given.registry or parts.recorder.default_namespace()
    likely = bool(namespace) or not image.is_bare or not pool.runs_here
    push = given.push if given.push is not None else asker.yes("Push it?", default=likely)
    if not push or not image.is_bare:
        return image, push
    if given.registry is None:
        return image.below(
            asker.text("Registry, with a path if it has one", namespace, _registry)
        ), push
    return image.below(_registry(given.registry)), push


def _image_name(text: str) -> ImageName:
    try:
        return ImageName.parse(text)
    except BadImageName as error:
        message = f"{text!r} is no image"
        raise UsageError(
            message, causes=(error.reason,), hint="write [registry/]name[:tag]"
        ) from error


def _registry(text: str) -> str:
    place = text.strip().removeprefix("https://").rstrip("/")
    try:
        name = ImageName.parse(f"{place}/image")
    except BadImageName as error:
        message = f"{text!r} is no registry"
        hint = "write its host, and a path if it has one: registry.example.com/team"
        raise UsageError(message, causes=(error.reason,), hint=hint) from error
    return str(name.untagged).removesuffix("/image")


def _check(image: ImageName, parts: Parts, emit: Emit) -> None:
    """See that the registry takes the credentials; where nobody can be asked, that is said."""
    try:
        shown = parts.registry.check_push(image)
    except Unreachable as error:
        why = "; ".join((error.message, *error.causes))
        emit(Warned(f"whether {image.host} takes your credentials was not seen", cause=why))
        return
    if shown:
        emit(Note(f"{image.host} takes the credentials that docker has for it"))
        return
    hint = f"log in, unless it takes pushes from anybody: docker login {image.host}"
    emit(Warned(f"docker has no credentials for {image.host}", hint=hint))
