"""What the user asked for, before anything was looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagebuild.names import ImageName

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULT_BASE = "prefecthq/prefect:3-latest"


@dataclass(frozen=True)
class BuildRequest:
    """One deployment of one flow, as it was asked for; None where the user left it to us.

    `root` is the project root on this machine; `entrypoint` and `requirements` are paths as the
    user typed them, relative to `here` (the folder the user stands in) or to `root`.
    `name` is the deployment's name. `image` is None for a name made from the project's own.
    """

    root: Path
    here: Path
    entrypoint: str | None = None
    image: ImageName | None = None
    push: bool = True
    name: str | None = None
    pool: str | None = None
    base: ImageName = field(default_factory=lambda: ImageName.parse(DEFAULT_BASE))
    requirements: str | None = None
    template: str = "default"
    job_variables: Mapping[str, Any] = field(default_factory=dict)
