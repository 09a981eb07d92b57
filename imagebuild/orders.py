"""Several deployments, as they were asked for: each with its image and what to do around it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imagebuild.names import BadImageName, ImageName

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from imagebuild.events import Emit
    from imagebuild.request import BuildRequest, DeploymentRequest

    Wanted = Callable[["Made"], DeploymentRequest]
    Hook = Callable[["Made", Emit], None]


@dataclass(frozen=True)
class Made:
    """An image, as whatever refers to it knows it; `digest` once a registry has it.

    Without a name there is none. What is not known yet is None; once it is `final`, it is what
    there is not.
    """

    name: ImageName | None = None
    tags: tuple[str, ...] = ()
    directory: str | None = None
    image_id: str | None = None
    digest: str | None = None
    final: bool = False


@dataclass(frozen=True)
class Ready:
    """An image that is there already, as it is to be recorded; None for the pool's own."""

    reference: str | None
    pushed: bool = True

    @property
    def name(self) -> ImageName | None:
        """Its name, where the reference is one: Prefect takes whatever its workers can run."""
        with suppress(BadImageName):
            return ImageName.parse(self.reference) if self.reference else None
        return None


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
