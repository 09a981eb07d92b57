"""Makes the plan, and decides from the world as it is what is left to do. Pure, both."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagebuild.errors import UsageError
from imagebuild.names import BadImageName, ImageName
from imagebuild.node import tree_digest
from imagebuild.plan import (
    Base,
    Build,
    Code,
    Dependencies,
    Environment,
    Plan,
    Push,
    Pushed,
    Reuse,
    Steps,
    version_of,
)

if TYPE_CHECKING:
    from imagebuild.protocols import Context
    from imagebuild.request import BuildRequest
    from imagebuild.state import Existing

_IMAGE_FOLDER = "/opt/prefect"


def make_plan(
    request: BuildRequest,
    *,
    project: str,
    context: Context,
    dependencies: Dependencies,
    entrypoint: str,
    base: Base,
    platform: str,
    template_digest: str,
    name: ImageName,
) -> Plan:
    """The plan of one image.

    `project` names the directory in the image; `name` is where the image goes, and gets a tag
    made of the content where it has none.
    """
    environment = Environment(
        base=base,
        dependencies=dependencies,
        sources=tree_digest(
            node for source in dependencies.sources for node in context.under(source)
        ),
        template=request.template,
        template_digest=template_digest,
        platform=platform,
    )
    code = Code(tree=context.digest, directory=f"{_IMAGE_FOLDER}/{project}")
    if name.tag is None:
        name = name.with_tag(version_of(environment, code))
    return Plan(environment, code, entrypoint, name)


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
    if not request.push or not name.is_bare:
        return name
    if namespace:
        return _below(name, namespace)
    message = f"cannot push {name}: the name says no registry"
    raise UsageError(
        message,
        hint=f"give the full name (--image registry.example.com/team/{name}), set Prefect's"
        " PREFECT_DEFAULT_DOCKER_BUILD_NAMESPACE, or keep the image on this machine (--no-push)",
    )


def decide(plan: Plan, existing: Existing, *, push: bool) -> Steps:
    """What is left to do: equal keys mean equal images, whatever their digests.

    Without a push only the engine's image matters. With one, the registry must hold under the
    name the very manifest that the engine's image was pushed as.
    """
    local = existing.local
    why = plan.outdated(local.labels) if local else "the engine has no such image"
    if local is None or why:
        return Steps(Build(str(why)), Push("it is new") if push else None)
    if not push:
        return Steps(Reuse(local.id), None)
    known = local.digest_in(plan.name)
    if existing.remote is None:
        return Steps(Reuse(local.id), Push("the registry does not have it"))
    if existing.remote != known:
        return Steps(Reuse(local.id), Push("the registry has another image under this name"))
    return Steps(Reuse(local.id), Pushed(existing.remote))


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
