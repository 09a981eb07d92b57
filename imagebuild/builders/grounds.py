"""What code is added to, with all that it is made of; and the adding."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild import templates
from imagebuild.builders.environments import with_code
from imagebuild.builders.failures import unsendable
from imagebuild.dockerfile import NotData, code_part, environment_reads
from imagebuild.errors import UsageError
from imagebuild.oci.content import of_bytes, of_layer, of_store
from imagebuild.oci.layers import Unreadable, make_layer
from imagebuild.plan import Template

if TYPE_CHECKING:
    from imagebuild.builders.environments import Environment, Upper
    from imagebuild.dockerfile import CodePart
    from imagebuild.names import ImageName
    from imagebuild.oci.content import Blob, Store
    from imagebuild.plan import Plan
    from imagebuild.protocols import Context

_SHORT = 12


@dataclass(frozen=True)
class Ground:
    """An environment, and its layers, wherever they can be had."""

    environment: Environment
    blobs: tuple[Blob, ...]


def ground_in(store: Store, environment: Environment) -> Ground:
    """An environment whose layers are all in one place."""
    layers = environment.manifest.layers
    return Ground(environment, tuple(of_store(layer, store) for layer in layers))


def part_of(plan: Plan) -> tuple[str, CodePart]:
    """The plan's Dockerfile, and what its last stage adds to the environment.

    Raises `NotData` where a builder has to do it: also where the environment is made from files
    that its key does not cover, and where the base's user, whom nobody has asked for yet, matters.
    """
    text, recipe = templates.render(plan), plan.environment.recipe
    part = code_part(text)
    if isinstance(recipe, Template) and not recipe.own:
        return text, part
    covered = plan.environment.dependencies.sources
    for path in environment_reads(text):
        if not any(f"{path}/".startswith(one) or path == one for one in covered):
            message = f"the environment is made from {path}, which may change unseen"
            raise NotData(message)
    if part != code_part(templates.render(plan, user="1000")):
        message = "what is added depends on the base's user"
        raise NotData(message)
    return text, part


def checked_target(part: CodePart, directory: str) -> str:
    """Where the files go: the environment's own working directory, which surely is there.

    Raises `NotData` where they, or runs, would go elsewhere.
    """
    target = posixpath.normpath(posixpath.join(directory or "/", part.target or ""))
    if {target, (part.directory or target).rstrip("/")} != {directory}:
        message = f"the files go to {target}, and the environment's WORKDIR is {directory or '/'}"
        raise NotData(message)
    return target


def with_files(
    environment: Environment, plan: Plan, part: CodePart, context: Context
) -> tuple[Upper, tuple[Blob, ...]]:
    """The image with the code, if it holds any, and what is new in it: a layer and the config.

    Raises `NotData` where the files go elsewhere than into the environment's working directory,
    which alone is known to be there; `BuildFailed` for a file that cannot be read.
    """
    target = checked_target(part, environment.config.directory)
    if part.target is None:
        upper = with_code(environment, plan, part)
        return upper, (of_bytes(upper.manifest.config, upper.config.data),)
    try:
        layer = make_layer(context.nodes, target, context.read)
    except Unreadable as error:
        raise unsendable(error.path, error.reason) from error
    upper = with_code(environment, plan, part, layer)
    described = layer.descriptor(environment.manifest.layer_type)
    config = of_bytes(upper.manifest.config, upper.config.data)
    return upper, (of_layer(described, layer), config)


def called(plan: Plan) -> str:
    """What messages call the environment of a plan."""
    return f"the environment {plan.environment.key[:_SHORT]}"


def not_without_docker(name: ImageName, *causes: str) -> UsageError:
    """The error for what has to be built, where nobody is to build it."""
    message = f"cannot build {name} without Docker"
    return UsageError(
        message,
        causes=tuple(filter(None, causes)),
        hint="deploy once with --builder auto, on a machine that has an engine",
    )
