"""What holds for all deployments of a prefect.yaml besides the file itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imagebuild.orders import Order
    from imagebuild.request import BuildRequest, DeploymentRequest


@dataclass(frozen=True)
class Choices:
    """What holds for all deployments besides the file.

    `baked` is the image of a deployment of which the file says nothing, `over` puts what was typed
    over the image of a build step, and `typed` over a deployment. Without `build` the images are
    there already. `namespace` is where images go whose name does not say it. Without `build`, and
    with `dry`, a step is run only where something stands for what it gives. `takes_image` tells of
    a work pool, if one is named, whether its runs take one. `check` raises for what is wrong with
    orders as far as it is known before any step is run.
    """

    baked: BuildRequest
    over: Callable[[BuildRequest], BuildRequest]
    typed: Callable[[DeploymentRequest], DeploymentRequest]
    build: bool = True
    namespace: str | None = None
    dry: bool = False
    takes_image: Callable[[str | None], bool] = lambda _: True
    check: Callable[[Sequence[Order]], None] = lambda _: None
