"""The credentials that docker has for registries: its configuration and credential helpers.

https://docs.docker.com/reference/cli/docker/login/#credential-stores
"""

from __future__ import annotations

import warnings
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import docker.auth
import docker.errors

from imagebuild.errors import Denied, UsageError
from imagebuild.names import HUB_ALIASES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagebuild.buildkit import Credential


class Logins:
    """What docker knows in the environment `env`; read when it is first asked for."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env

    def find(self, host: str) -> dict[str, str]:
        """What docker's configuration and credential helpers know for a host; else empty.

        Raises `Denied` where a helper is named and does not work: to go on without it would
        offer somebody else's credentials, or none.
        """
        logins = self._logins
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # a helper is missing: an error, here
                found = logins.resolve_authconfig(None if host in HUB_ALIASES else host)
        except (docker.errors.DockerException, OSError, ValueError, KeyError) as error:
            message = f"cannot get the credentials for {host}"
            raise Denied(
                message,
                causes=(str(error) or type(error).__name__,),
                hint="install the credential helper that docker's config.json names, or take its"
                " line out and log in again",
            ) from error
        return {key.lower(): value for key, value in (found or {}).items() if value}

    def credential(self, host: str) -> Credential | None:
        """The same, for BuildKit's session, which asks when a base needs it."""
        from imagebuild.buildkit import Credential

        login = self.find(host)
        if token := login.get("identitytoken"):
            return Credential("", token)
        if "username" not in login:
            return None
        return Credential(login["username"], login.get("password", ""))

    @cached_property
    def _logins(self) -> docker.auth.AuthConfig:
        folder = self._env.get("DOCKER_CONFIG")
        path = Path(folder, "config.json") if folder else None
        try:
            if path is not None and not path.exists():
                return docker.auth.load_config(config_dict={"auths": {}})
            return docker.auth.load_config(str(path) if path else None)
        except (docker.errors.DockerException, OSError, ValueError, TypeError) as error:
            message = "cannot read docker's configuration"
            raise UsageError(
                message, causes=(str(error),), hint="mend its config.json, or log in again"
            ) from error
