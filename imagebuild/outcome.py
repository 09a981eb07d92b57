"""What a command came to, and what it hands to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Outcome:
    """What there is now, and what had to be done for it.

    `reference` is what a deployment runs, or should: the image that it names, else its pool's, and
    None for that of Prefect itself; of what was written to a layout, its place there. `names` are
    all names that mean the image; `digest` is its manifest's where a registry or a layout holds
    it. `flow` is a flow's name, `entrypoint` where it is in the `directory` of the image; both are
    None where no one flow is meant. `seconds` are those of each stage. What a command has nothing
    to do with is None: `built` where it builds nothing, `pushed` where nothing is to be pushed,
    `recorded` where it records nothing; and then all of the deployment too, unless a command
    before it recorded one.
    """

    reference: str | None
    names: tuple[str, ...]
    image_id: str | None = None
    digest: str | None = None
    version: str | None = None
    flow: str | None = None
    entrypoint: str | None = None
    directory: str | None = None
    built: bool | None = None
    pushed: bool | None = None
    recorded: bool | None = None
    deployment: str | None = None
    deployment_id: str | None = None
    pool: str | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def recorded_deployment(self) -> str | None:
        """The deployment, where it is this command that was to record it."""
        return None if self.recorded is None else self.deployment
