"""Which places of code go with which work pools, where each run fetches it by itself. Pure."""

from __future__ import annotations

import dataclasses
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from imagebuild.errors import UsageError
from imagebuild.record import SET_DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagebuild.protocols import Source
    from imagebuild.record import Pulled
    from imagebuild.request import BuildRequest
    from imagebuild.state import Pool

EXTRA_PACKAGES = "EXTRA_PIP_PACKAGES"


def with_libraries(request: BuildRequest, source: Source) -> BuildRequest:
    """The request with what its source needs where each run fetches the code by itself."""
    if not request.pulled:
        return request
    return dataclasses.replace(request, libraries=source.pulled().libraries)


def fitted(pulled: Pulled, pool: Pool, variables: Mapping[str, Any]) -> Pulled:
    """How runs in this pool fetch the code, by the deployment's job variables.

    A folder that a container mounts is found there under the container's own path. Raises
    `UsageError` where runs would not see the folder.
    """
    if pulled.folder is None or pool.type == "process":
        return pulled
    folder = PurePosixPath(pulled.folder)
    mount = f"--job-variable 'volumes=[\"{folder}:/code\"]'"
    volumes = variables.get("volumes") or ()
    if not isinstance(volumes, list | tuple):
        message = f"cannot use the job variable volumes={volumes!r}"
        raise UsageError(message, causes=("it is no list of texts",), hint=f"write it as {mount}")
    for volume in volumes:
        host, _, rest = str(volume).partition(":")
        inside = rest.partition(":")[0]
        if inside.startswith("/") and folder.is_relative_to(host):
            place = str(PurePosixPath(inside) / folder.relative_to(host))
            return dataclasses.replace(pulled, steps=({SET_DIRECTORY: {"directory": place}},))
    message = f"runs in the work pool {pool.name!r} do not see the folder {folder}"
    hints = ["bake the code into the image: --code baked"] if pool.accepts_image else []
    hints.append("name a git repository or a bucket: --source URL")
    if "volumes" in pool.variables:
        hints.append(f"mount it: {mount}")
    raise UsageError(
        message,
        causes=(f"it is on this machine, and a pool of type {pool.type} runs elsewhere",),
        hint=", or ".join(hints),
    )


def packages_for(pulled: Pulled, pool: Pool, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Job variables that install the libraries where no image of ours holds them.

    Prefect's own images install them as they start; a process has what its worker has.
    """
    key = f"env.{EXTRA_PACKAGES}"
    is_set = key in variables or EXTRA_PACKAGES in (variables.get("env") or {})
    if not pulled.libraries or pool.type == "process" or is_set:
        return {}
    return {key: " ".join(pulled.libraries)}
