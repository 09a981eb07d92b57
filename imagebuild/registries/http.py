"""A registry asked over HTTP, without an engine; where it is out of reach, through another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild.errors import ImagebuildError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagebuild.names import ImageName
    from imagebuild.oci.remote import Remote
    from imagebuild.protocols import Registry


@dataclass(frozen=True)
class HttpRegistry:
    """Every registry that this machine can reach, with the credentials that docker and podman have.

    `make_other` makes who asks those that it cannot reach, if anybody.
    """

    remote: Remote
    make_other: Callable[[], Registry] | None = None

    def find(self, name: ImageName) -> str | None:
        """The manifest's digest, or None; raises `Denied` or `Unreachable`."""
        try:
            return self.remote.digest(name)
        except Unreachable as error:
            other = self.make_other() if self.make_other else None
            if other is None:
                raise
            try:
                return other.find(name)
            except ImagebuildError:
                raise error from None

    def check_push(self, name: ImageName) -> bool:
        """Whether there are credentials for it; raise `Denied` where they cannot be had.

        Whether they are enough to push is known only when it is tried.
        """
        return self.remote.knows_login(name)
