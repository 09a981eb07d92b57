"""A registry asked by ourselves, without an engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagebuild.names import ImageName
    from imagebuild.oci.client import Registries


@dataclass(frozen=True)
class HttpRegistry:
    """Every registry that this machine can reach, with the credentials that docker or podman has.

    They are asked as for a push, so that one token serves this and the push itself.
    """

    registries: Registries

    def find(self, name: ImageName) -> str | None:
        """The manifest's digest, or None; raises `Denied` or `Unreachable`."""
        repository = self.registries.repository(name, push=True)
        found = repository.head_manifest(name.digest or name.tag or "latest")
        return found.digest if found else None

    def check_push(self, name: ImageName) -> bool:
        """Whether there are credentials for it; raise `Denied` where the registry refuses them.

        Whether they are enough to push is known only when it is tried.
        """
        if not self.registries.login(name):
            return False
        self.registries.repository(name, push=True).check_login()
        return True
