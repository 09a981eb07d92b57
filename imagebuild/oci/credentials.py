"""The credentials that there are for registries: those given, else docker's, else podman's.

https://docs.docker.com/reference/cli/docker/login/#credential-stores
https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from imagebuild.names import HUB, HUB_ALIASES
from imagebuild.oci.login_files import LoginFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagebuild.names import ImageName

# What docker's configuration, its helpers and its API call Docker Hub.
HUB_KEY = "https://index.docker.io/v1/"


class Logins:
    """What is known in the environment `env`; read when it is first asked for.

    `given` are credentials that come before all that, by their registry's host: `username` and
    `password`.
    """

    def __init__(
        self, env: Mapping[str, str], given: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        self._env = env
        self._given = {canonical(host): dict(login) for host, login in (given or {}).items()}

    def find_for(self, name: ImageName) -> dict[str, str]:
        """The credentials for an image's own repository; else empty."""
        return self.find(name.host, name.path)

    def find(self, host: str, repository: str = "") -> dict[str, str]:
        """The credentials for a host, in the words of docker's API; else empty.

        They are `username`, `password` and `serveraddress`; or one `identitytoken`, or one
        `registrytoken`. A key can be a namespace or a repository of the host. Raises `UsageError`
        for a file that cannot be read, and `Denied` where a helper is named and does not work: to
        go on without it would offer somebody else's credentials, or none.
        """
        host = canonical(host)
        if host in self._given:
            return self._given[host]
        asked = HUB_KEY if host == HUB else host
        return self._docker.find(host, repository, asked) or self._podman.find(
            host, repository, host
        )

    @cached_property
    def _docker(self) -> LoginFile:
        what, folder = "docker's configuration", self._env.get("DOCKER_CONFIG")
        path = Path(folder or Path.home() / ".docker", "config.json")
        old = Path.home() / ".dockercfg"  # where docker kept it at first
        if not folder and not path.exists() and old.exists():
            return LoginFile.read(old, what, "docker's .dockercfg", self._env, auths_alone=True)
        return LoginFile.read(path, what, "docker's config.json", self._env)

    @cached_property
    def _podman(self) -> LoginFile:
        path = _podmans_place(self._env)
        return LoginFile.read(path, "podman's credentials", str(path), self._env)


def canonical(host: str) -> str:
    """Docker Hub has several names."""
    return HUB if host in HUB_ALIASES else host


def _podmans_place(env: Mapping[str, str]) -> Path:
    """Where podman would read it: the file that is named, else the first that there is."""
    if named := env.get("REGISTRY_AUTH_FILE"):
        return Path(named)
    inside = Path("containers", "auth.json")
    kept = Path(env.get("XDG_CONFIG_HOME") or Path.home() / ".config") / inside
    running = env.get("XDG_RUNTIME_DIR")
    session = Path(running) / inside if running else kept
    return session if session.exists() else kept
