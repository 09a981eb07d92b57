"""The credentials that there are for registries, as a build with BuildKit asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagebuild.oci.credentials import Logins as AllLogins
from imagebuild.oci.credentials import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagebuild.buildkit import Credential
    from imagebuild.names import ImageName


class Logins(AllLogins):
    """The same, for the engine."""

    def credential(self, host: str, bases: Iterable[ImageName] = ()) -> Credential | None:
        """What BuildKit's session is told of a host, when one of the bases needs it."""
        from imagebuild.buildkit import Credential

        mine = (base for base in bases if canonical(base.host) == canonical(host))
        login = next((self.find_for(base) for base in mine), None)
        login = self.find(host) if login is None else login
        if token := login.get("identitytoken"):
            return Credential("", token)
        if "username" not in login:
            return None
        return Credential(login["username"], login.get("password", ""))
