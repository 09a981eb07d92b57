"""The credentials that podman, buildah and skopeo keep.

https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker.auth
import docker.credentials
import docker.errors

from imagebuild.names import HUB, HUB_ALIASES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class PodmanLogins:
    """What a file says; raises what the SDK does for one that makes no sense.

    Its keys are `host[/namespace[/repository]]`, of which the longest that fits is meant.
    """

    def __init__(self, path: Path, content: Mapping[str, Any]) -> None:
        self.path = path
        self._auths = docker.auth.AuthConfig.parse_auth(
            content.get("auths") or {}, raise_on_error=True
        )
        self._helpers = dict(content.get("credHelpers") or {})

    @staticmethod
    def place(env: Mapping[str, str]) -> Path:
        """Where podman would read it: the file that is named, else the first that there is."""
        if named := env.get("REGISTRY_AUTH_FILE"):
            return Path(named)
        inside = Path("containers", "auth.json")
        kept = Path(env.get("XDG_CONFIG_HOME") or Path.home() / ".config") / inside
        running = env.get("XDG_RUNTIME_DIR")
        session = Path(running) / inside if running else kept
        return session if session.exists() else kept

    def find(self, host: str, repository: str) -> dict[str, str]:
        """The credentials for a repository in the words of docker's API; else empty.

        Raises `DockerException` where the helper for the host does not work.
        """
        host = HUB if host in HUB_ALIASES else host
        if helper := self._helpers.get(host):
            return _asked(helper, host)
        for key in _keys(host, repository):
            if found := self._auths.get(key):
                login = {name.lower(): value for name, value in found.items() if value}
                return login | {"serveraddress": host}
        return {}


def _keys(host: str, repository: str) -> Iterator[str]:
    """From the repository itself up to its host, and that one as `docker login` once wrote it."""
    parts = [host, *repository.split("/")] if repository else [host]
    for length in range(len(parts), 0, -1):
        yield "/".join(parts[:length])
    for old in (host, "index.docker.io") if host == HUB else (host,):
        yield from (old, f"https://{old}", f"https://{old}/v1/", f"https://{old}/v2/")


def _asked(helper: str, host: str) -> dict[str, str]:
    try:
        store: Any = docker.credentials.Store(helper)
        found = store.get(host)
    except docker.credentials.CredentialsNotFound:
        return {}
    except docker.credentials.StoreError as error:
        message = f"Credentials store error: {error!r}"
        raise docker.errors.DockerException(message) from error
    if found["Username"] == docker.auth.TOKEN_USERNAME:
        return {"identitytoken": found["Secret"], "serveraddress": host}
    return {"username": found["Username"], "password": found["Secret"], "serveraddress": host}
