"""Several deployments, as they were asked for: each with its image and what to do around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from imagebuild.events import Emit
    from imagebuild.names import ImageName
    from imagebuild.request import BuildRequest, DeploymentRequest

    Wanted = Callable[["Made"], DeploymentRequest]
    Hook = Callable[["Made", Emit], None]


@dataclass(frozen=True)
class Made:
    """An image, as whatever refers to it knows it; `digest` once a registry has it.

    Of one that is about to be made, the last two are not known. Without a name there is none.
    """

    name: ImageName | None = None
    tags: tuple[str, ...] = ()
    directory: str | None = None
    image_id: str | None = None
    digest: str | None = None


@dataclass(frozen=True)
class Ready:
    """An image that is there already, as it is to be recorded; None for the pool's own."""

    reference: str | None
    pushed: bool = True


def nothing(made: Made, emit: Emit) -> None:
    """Nothing is to be done."""


@dataclass(frozen=True)
class Order:
    """One deployment of several.

    `request` is the image to build, with the deployment's own entrypoint; where a `ready` one is
    to run, only where its code lies. `wanted` is the deployment for an image, which is asked
    before anything is made too. `built` is done between build and push, `pushed` after the push.
    `builder` is which one to build with, None for the usual one; `logins` are
    credentials by their registry's host, that come before those that docker has.
    """

    label: str
    request: BuildRequest
    wanted: Wanted
    ready: Ready | None = None
    built: Hook = nothing
    pushed: Hook = nothing
    builder: str | None = None
    logins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def has_hooks(self) -> bool:
        """Whether anything is to be done with its image besides."""
        return self.built is not nothing or self.pushed is not nothing
