"""The credentials that there are for registries: docker's own, else podman's.

https://docs.docker.com/reference/cli/docker/login/#credential-stores
"""

from __future__ import annotations

import json
import warnings
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker.auth
import docker.errors

from imagebuild.engine.podman_logins import PodmanLogins
from imagebuild.errors import Denied, UsageError
from imagebuild.names import HUB, HUB_ALIASES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from imagebuild.buildkit import Credential
    from imagebuild.names import ImageName


class Logins:
    """What is known in the environment `env`; read when it is first asked for.

    `given` are credentials that come before all that, by their registry's host: `username` and
    `password`.
    """

    def __init__(
        self, env: Mapping[str, str], given: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        self._env = env
        self._given = {_one(host): dict(login) for host, login in (given or {}).items()}

    def find_for(self, name: ImageName) -> dict[str, str]:
        """The credentials for an image's own repository; else empty."""
        return self.find(name.host, name.location.partition("/")[2])

    def find(self, host: str, repository: str = "") -> dict[str, str]:
        """What docker's configuration and credential helpers know for a host; else empty.

        Where they know nothing, podman's are asked, which can tell repositories apart. Raises
        `UsageError` for a configuration that cannot be read, and `Denied` where a helper is named
        and does not work: to go on without it would offer somebody else's credentials, or none.
        """
        if _one(host) in self._given:
            return self._given[_one(host)]
        logins = self._docker
        with _told(f"get the credentials for {host}", "docker's config.json"):
            known = logins.resolve_authconfig(None if host in HUB_ALIASES else host)
        found = {key.lower(): value for key, value in (known or {}).items() if value}
        if found:
            return found
        podman = self._podman
        with _told(f"get the credentials for {host}", str(podman.path)):
            return podman.find(host, repository)

    def credential(self, host: str, bases: Iterable[ImageName] = ()) -> Credential | None:
        """The same, for BuildKit's session, which asks when one of the bases needs it."""
        from imagebuild.buildkit import Credential

        login = next((self.find_for(base) for base in bases if _is_of(base, host)), None)
        login = self.find(host) if login is None else login
        if token := login.get("identitytoken"):
            return Credential("", token)
        if "username" not in login:
            return None
        return Credential(login["username"], login.get("password", ""))

    @cached_property
    def _docker(self) -> docker.auth.AuthConfig:
        folder = self._env.get("DOCKER_CONFIG")
        path = Path(folder or Path.home() / ".docker", "config.json")
        with _readable("docker's configuration", path):
            if not folder and not path.exists():
                return docker.auth.load_config()  # ~/.dockercfg, where docker kept it at first
            config = {"auths": {}, **_json(path)}
            return docker.auth.load_config(config_dict=config)

    @cached_property
    def _podman(self) -> PodmanLogins:
        path = PodmanLogins.place(self._env)
        with _readable("podman's credentials", path):
            return PodmanLogins(path, _json(path))


def _is_of(base: ImageName, host: str) -> bool:
    return _one(base.host) == _one(host)


def _one(host: str) -> str:
    """Docker Hub has several names."""
    return HUB if host in HUB_ALIASES else host


def _json(path: Path) -> dict[str, Any]:
    """A JSON object; a file that is empty or is not there is an empty one."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    found = json.loads(text) if text.strip() else {}
    if not isinstance(found, dict):
        message = "it is not a JSON object"
        raise TypeError(message)
    return found


@contextmanager
def _readable(what: str, path: Path) -> Iterator[None]:
    try:
        yield
    except (docker.errors.DockerException, OSError, ValueError, TypeError, AttributeError) as error:
        message = f"cannot read {what}"
        raise UsageError(
            message, causes=(f"{path}: {error}",), hint="mend the file, or log in again"
        ) from error


@contextmanager
def _told(action: str, place: str) -> Iterator[None]:
    """Turn what a credential helper does wrong into an error of ours."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a helper is missing: an error, here
            yield
    except (docker.errors.DockerException, OSError, ValueError, KeyError) as error:
        message = f"cannot {action}"
        raise Denied(
            message,
            causes=(str(error) or type(error).__name__,),
            hint=f"install the credential helper that {place} names, or take its line out and log"
            " in again",
        ) from error
