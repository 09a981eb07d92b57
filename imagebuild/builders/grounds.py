"""What code is added to, with all that it is made of; and the adding."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild.builders.environments import with_code
from imagebuild.builders.failures import unsendable
from imagebuild.dockerfile import NotData
from imagebuild.errors import UsageError
from imagebuild.oci.content import of_bytes, of_layer, of_store
from imagebuild.oci.layers import Unreadable, make_layer

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


def target_of(part: CodePart, directory: str) -> str:
    """Where the files go, as an absolute path."""
    return posixpath.normpath(posixpath.join(directory or "/", part.target))


def with_files(
    environment: Environment, plan: Plan, part: CodePart, context: Context
) -> tuple[Upper, tuple[Blob, Blob]]:
    """The image with the code, and what is new in it: a layer and the config.

    Raises `NotData` where the files go elsewhere than into the environment's working directory,
    which alone is known to be there; `BuildFailed` for a file that cannot be read.
    """
    directory = environment.config.directory
    target = target_of(part, directory)
    if {target, part.directory or target} != {directory}:
        message = f"the files go to {target}, and the environment has {directory}"
        raise NotData(message)
    try:
        layer = make_layer(context.nodes, target, context.open)
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
