"""A registry asked through the engine, which is the one that will pull from it and push to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagebuild.engine import Engine
    from imagebuild.names import ImageName


@dataclass(frozen=True)
class EngineRegistry:
    """Every registry that the engine can reach, with the credentials that docker has."""

    engine: Engine

    def find(self, name: ImageName) -> str | None:
        """The manifest's digest, or None; raises `Denied` or `Unreachable`."""
        return self.engine.remote_digest(name)

    def check_push(self, name: ImageName) -> bool:
        """Whether docker has credentials for it; raise `Denied` where the registry refuses them.

        Whether they are enough to push is known only when it is tried.
        """
        return self.engine.check_login(name)
