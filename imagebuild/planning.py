"""Makes the plan, and decides from the world as it is what is left to do. Pure, both."""

from __future__ import annotations

import dataclasses
import posixpath
import re
from typing import TYPE_CHECKING

from imagebuild.digest import digest_of
from imagebuild.errors import UsageError
from imagebuild.flow_labels import flow_in
from imagebuild.names import BadImageName, ImageName
from imagebuild.node import tree_digest
from imagebuild.plan import (
    OUR_LABELS,
    Build,
    Code,
    Environment,
    OwnDockerfile,
    Plan,
    Push,
    Pushed,
    Reuse,
    Steps,
    Template,
    version_in,
    version_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagebuild.plan import Base
    from imagebuild.request import BuildRequest
    from imagebuild.state import Existing, ImageConfig, State
    from imagebuild.survey import Project

# Where Prefect's images begin, and what starts there.
PREFECTS_FOLDER, PREFECTS_ENTRYPOINT = "/opt/prefect", "entrypoint.sh"

_FLOW_KEY = 16  # hexadecimal digits


def make_plan(
    request: BuildRequest,
    project: Project,
    state: State,
    *,
    name: ImageName,
    entrypoint: str | None = None,
) -> Plan:
    """The plan of one image, which says nothing yet of whence it comes.

    `name` is where the image goes, with the request's further tags beside its own; where there is
    none at all, or the request wants one of its own, it gets one made of the content. Raises
    `UsageError` for a label that is ours, and for a place in the image that is none.
    """
    _check_labels(request.labels)
    directory = directory_of(request, project)
    recipe = _recipe(project.recipe, state.bases)
    environment = Environment(
        base=state.base,
        dependencies=project.dependencies,
        sources=tree_digest(
            node
            for source in project.dependencies.sources
            for node in project.context.under(source)
        ),
        recipe=recipe,
        platform=state.platform,
        packages=request.packages,
        build_args=request.build_args,
        secrets=tuple(sorted(secret.id for secret in request.secrets)),
        ssh=tuple(sorted(request.ssh)),
        directory=directory,
        env=request.env if isinstance(recipe, Template) and recipe.own else {},
        libraries=request.libraries,
    )
    code = Code(_tree(request, recipe, project), directory, request.env, request.labels)
    made = [] if request.tags and not request.own_tag else [version_of(environment, code)]
    tags = dict.fromkeys([*([name.tag] if name.tag else made), *request.tags])
    names = tuple(map(name.with_tag, tags))
    return Plan(environment, code, entrypoint, names, flows=_flows(project, environment))


def _tree(request: BuildRequest, recipe: Template | OwnDockerfile, project: Project) -> str:
    """What a recipe of the user's own copies is its to say."""
    is_ours = isinstance(recipe, Template) and not recipe.own
    return "" if request.pulled and is_ours else project.context.digest


def _flows(project: Project, environment: Environment) -> dict[str, str]:
    """What stands for each flow, whose parameters depend on what is installed too."""
    keys = project.flow_keys.items()
    return {flow: digest_of([environment.key, key])[:_FLOW_KEY] for flow, key in keys}


def _check_labels(labels: Iterable[str]) -> None:
    for label in labels:
        if label in OUR_LABELS:
            message = f"cannot set the label {label}"
            cause = "by it an image is known again, so its value is made of the content"
            raise UsageError(message, causes=(cause,), hint="leave it out")


def _recipe(recipe: Template | OwnDockerfile, bases: tuple[Base, ...]) -> Template | OwnDockerfile:
    return dataclasses.replace(recipe, bases=bases) if isinstance(recipe, OwnDockerfile) else recipe


def directory_of(request: BuildRequest, project: Project) -> str | None:
    """Where the code lies in the image; None where a Dockerfile of the user's own decides it.

    Raises `UsageError` for a place that is none.
    """
    if request.dockerfile is not None:
        return None
    place = place_of_code(project.name if request.directory is None else request.directory)
    if place == PREFECTS_FOLDER and project.context.find(PREFECTS_ENTRYPOINT):
        message = f"the code cannot lie at {place} in the image"
        causes = (f"its {PREFECTS_ENTRYPOINT} would take the place of the base's own",)
        raise UsageError(message, causes=causes, hint="rename it, or let the code lie elsewhere")
    return place


def place_of_code(directory: str) -> str:
    """Where code may lie, by a path in the image or a name below Prefect's own folder.

    Raises `UsageError` for a place that is none, or where something else lies.
    """
    path = inside_image(directory)
    if path == "/" or (path == PREFECTS_FOLDER and not directory.startswith("/")):
        raise _no_place(directory)
    return path


def inside_image(directory: str) -> str:
    """A path in the image, or a name below Prefect's own folder, as an absolute path.

    Raises `UsageError` for what is neither.
    """
    path = posixpath.normpath(posixpath.join(PREFECTS_FOLDER, directory))
    is_below = directory.startswith("/") or path.startswith(f"{PREFECTS_FOLDER}/")
    if path.startswith("//") or not is_below:
        raise _no_place(directory)
    return path


def _no_place(directory: str) -> UsageError:
    message = f"the code cannot lie at {directory!r} in the image"
    return UsageError(message, hint="give a name or a path: --directory /opt/prefect/app")


def target_name(request: BuildRequest, project: str, namespace: str | None) -> ImageName:
    """Where the image goes, with a tag only if one was asked for.

    `project` names the image where the request does not; `namespace` is where images go whose
    name does not say it, as `registry[/path]`.

    Raises `UsageError` for a push of a name that says no registry, and for a digest in the name.
    """
    name = request.image or _name_from(project)
    if name.digest is not None:
        message = f"{name} cannot be built: a digest is known only afterwards"
        raise UsageError(
            message, hint=f"ask for --image {name.untagged.with_tag(name.tag or 'v1')}"
        )
    return placed(name, namespace, may_stay=True) if request.push else name


def placed(name: ImageName, namespace: str | None, *, may_stay: bool = False) -> ImageName:
    """The name of what is pushed: a bare one goes below `namespace`.

    Raises `UsageError` where there is none, or where it cannot be one; `may_stay` says whether the
    image could as well not be pushed.
    """
    if not name.is_bare:
        return name
    if namespace:
        return _below(name, namespace)
    message = f"cannot push {name}: the name says no registry"
    ways = [
        f"give the full name, such as registry.example.com/team/{name}",
        "set Prefect's PREFECT_DEFAULT_DOCKER_BUILD_NAMESPACE",
        *(["keep the image on this machine: --no-push"] if may_stay else []),
    ]
    raise UsageError(message, hint=", or ".join(ways))


def decide(plan: Plan, existing: Existing, *, push: bool, cache: bool = True) -> Steps:
    """What is left to do: equal keys mean equal images, whatever their digests.

    Without a push only the engine's image matters. With one, the registry must hold under each
    name the very manifest that the engine's image was pushed as. Without `cache`, all is built.
    """
    local = existing.local.get(plan.name)
    why = plan.outdated(local.labels) if local else "there is no such image yet"
    if local is None or why or not cache:
        why = why or "everything was asked to be built anew"
        new = dict.fromkeys(plan.names, Push("it is new"))
        return Steps(Build(why), plan.names, new if push else {})
    held = {name: image.id for name, image in existing.local.items()}
    tags = tuple(name for name in plan.names if held.get(name) != local.id)
    pushes = {name: push_step(name, local, existing.remote.get(name)) for name in plan.names}
    return Steps(Reuse(local.id), tags, pushes if push else {})


def alike(plan: Plan, entrypoint: str, images: Iterable[ImageConfig]) -> tuple[str, ...]:
    """The versions, among those of the images, whose code tells the same of a flow."""
    digits = plan.flows.get(entrypoint)
    found = {
        version_in(image.labels)
        for image in images
        if digits and flow_in(image.labels, entrypoint) == digits
    }
    return tuple(sorted(version for version in found if version))


def push_step(name: ImageName, local: ImageConfig, remote: str | None) -> Push | Pushed:
    """Whether an image has to go under a name where a registry has the manifest `remote`."""
    if remote is None:
        return Push("the registry does not have it")
    if remote != local.digest_in(name):
        return Push("the registry has another image under this name")
    return Pushed(remote)


def _below(name: ImageName, namespace: str) -> ImageName:
    try:
        return name.below(namespace)
    except BadImageName as error:
        message = f"cannot put {name} below {namespace!r}"
        raise UsageError(
            message,
            causes=(str(error),),
            hint="mend PREFECT_DEFAULT_DOCKER_BUILD_NAMESPACE: it is registry[/path], or a path",
        ) from error


def _name_from(project: str) -> ImageName:
    words = re.findall(r"[a-z0-9]+", project.lower())
    return ImageName(None, "-".join(words) or "flow")
