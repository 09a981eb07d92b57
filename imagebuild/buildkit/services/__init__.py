"""The services that a session offers to the engine: one file each, one line in the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from . import auth, filesync, health, secrets, ssh

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagebuild.buildkit.rpc import Methods, Served

SERVICES: Final[tuple[Callable[[Served], Methods], ...]] = (
    health.methods,
    filesync.methods,
    auth.methods,
    secrets.methods,
    ssh.methods,
)


def methods(served: Served) -> Methods:
    """All methods by their path (`/package.Service/Method`)."""
    return {path: method for service in SERVICES for path, method in service(served).items()}
