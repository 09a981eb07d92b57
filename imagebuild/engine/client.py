"""A Docker Engine, by the Docker SDK.

The API: https://docs.docker.com/reference/api/engine/version/v1.41/
"""

from __future__ import annotations

import base64
import json
from contextlib import closing, contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

import docker
import docker.utils
from docker.constants import DEFAULT_DOCKER_API_VERSION
from docker.context import ContextAPI
from docker.context.config import get_current_context_name

from imagebuild.engine.errors import EngineLacks, EngineRefused, at, translated
from imagebuild.engine.logins import Logins
from imagebuild.engine.ssh import SshAdapter
from imagebuild.errors import UsageError
from imagebuild.names import HUB_ALIASES, BadImageName, ImageName
from imagebuild.oci.credentials import HUB_KEY
from imagebuild.registry_errors import is_missing, registry_error
from imagebuild.state import ImageConfig

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping


_SECONDS = 60
# Seconds to connect, and to wait for an answer: a step may be silent for as long as it likes.
_BUILD_SECONDS = (10, None)


class Engine:
    """One engine, found as docker finds it: `DOCKER_HOST`, the context, the default socket.

    `env` is the environment to look in; `logins` are credentials that come before those that docker
    has, by registry. Connecting asks nothing of the engine; the first call does, and raises
    `Unreachable` where it does not answer.
    """

    def __init__(
        self, env: Mapping[str, str], logins: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        self.env = env
        self.logins = Logins(env, logins)
        with translated(f"reach the Docker Engine{at(env.get('DOCKER_HOST'))}"):
            self._settings = self._find()

    @cached_property
    def api(self) -> Any:
        """The SDK's client, at the newest version of the API that both sides speak."""
        with self.working("reach the Docker Engine"):
            if self.host.startswith("ssh://"):
                return _over_ssh(self.host)
            return _Client(version="auto", timeout=_SECONDS, **self._settings)

    @property
    def host(self) -> str:
        """Where it is, as `unix:///…`, `tcp://…` or `ssh://…`."""
        return str(self._settings.get("base_url", "unix:///var/run/docker.sock"))

    @cached_property
    def platform(self) -> str:
        """What it builds for and runs, as `os/architecture`."""
        with self.working("ask the Docker Engine for its version"):
            version = self.api.version()
        return f"{version['Os']}/{version['Arch']}"

    @property
    def proxies(self) -> dict[str, str]:
        """The build arguments for the proxies that docker's configuration names for containers.

        https://docs.docker.com/engine/cli/proxy/
        """
        return dict(self.api._proxy_configs.get_environment())

    def image(self, name: str) -> ImageConfig | None:
        """What an image says of itself, by name or ID; None where the engine has no such image."""
        try:
            with self.working(f"look for the image {name}"):
                return _config(self.api.inspect_image(name))
        except EngineLacks:
            return None

    def remote_digest(self, name: ImageName) -> str | None:
        """The digest of the manifest that a registry has under a name, asked for by the engine.

        None where the registry has none. Raises `Denied` or `Unreachable`.
        """
        login, action = self.logins.find_for(name), f"ask {name.host} for {name}"
        try:
            with self.working(action):
                found = self.api.inspect_distribution(str(name), auth_config=login)
        except EngineLacks:
            return None
        except EngineRefused as error:
            if is_missing(" ".join(error.causes), name):
                return None
            raise registry_error(action, name, error.causes) from error
        return str(found["Descriptor"]["digest"])

    def check_login(self, name: ImageName) -> bool:
        """Whether docker has credentials; raise `Denied` where the name's registry refuses them."""
        login = self.logins.find_for(name)
        if not login:
            return False
        body = {**login, "serveraddress": login.get("serveraddress") or name.host}
        action = f"log in to {name.host}"
        with self.working(action):
            answer = self.api._post_json(self.api._url("/auth"), data=body)
        if answer.status_code >= 400:
            raise registry_error(action, name, (_message_of(answer),))
        return True

    def push(self, name: ImageName) -> Iterator[Mapping[str, Any]]:
        """Push, and give the engine's events as they come; how it ended is in them.

        Raises `Unreachable` where the engine goes away in the middle.
        """
        login = self.logins.find_for(name)
        with self.working(f"push {name}"):
            yield from self.api.push(
                str(name.untagged), tag=name.tag, auth_config=login, stream=True, decode=True
            )

    def build(
        self, context: Iterable[bytes], query: Mapping[str, str], bases: Iterable[ImageName]
    ) -> Generator[Mapping[str, Any], None, None]:
        """Run the builder that came before BuildKit; its events as they come.

        `context` is a tar in pieces, which is sent as it is made; the credentials that docker has
        for the bases go along, and no others. To leave the events off cancels the build. Raises
        `EngineRefused` before the first event, `Unreachable` where the engine goes away.
        https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImageBuild
        """
        logins = {
            HUB_KEY if name.host in HUB_ALIASES else name.host: login
            for name in bases
            if (login := self.logins.find_for(name))
        }
        headers = {"Content-Type": "application/x-tar"}
        if logins:
            text = json.dumps(logins).encode()
            headers["X-Registry-Config"] = base64.urlsafe_b64encode(text).decode()
        with self.working("build with the Docker Engine"):
            path, timeout = self.api._url("/build"), _BUILD_SECONDS
            answer = self.api._post(
                path, data=context, params=query, headers=headers, stream=True, timeout=timeout
            )
            with closing(answer):
                self.api._raise_for_status(answer)
                yield from self.api._stream_helper(answer, decode=True)

    def tag(self, image_id: str, name: ImageName) -> None:
        """Let a name mean this image."""
        with self.working(f"name the image {name}"):
            self.api.tag(image_id, str(name.untagged), name.tag, force=True)

    def close(self) -> None:
        """Give the connections up."""
        if "api" in self.__dict__:
            self.api.close()

    def remove(self, image_id: str) -> None:
        """Take an image away that has no name."""
        with self.working(f"remove {image_id}"):
            self.api.remove_image(image_id)

    @contextmanager
    def working(self, action: str) -> Iterator[None]:
        """Translate what the SDK raises while it does `action`."""
        with translated(action, self.host):
            yield

    def _find(self) -> dict[str, Any]:
        """Base URL and TLS, in docker's own order.

        https://docs.docker.com/engine/manage-resources/contexts/
        """
        env = dict(self.env)
        if env.get("DOCKER_HOST"):
            return dict(docker.utils.kwargs_from_env(environment=env))
        name = env.get("DOCKER_CONTEXT") or get_current_context_name() or "default"
        if ContextAPI.get_context(name) is None:
            message = f"there is no docker context {name!r}"
            raise UsageError(message, hint="docker context ls lists them")
        return dict(ContextAPI.kwargs_from_context(name))


class _Client(docker.APIClient):
    """The SDK's client, on the engine's own terms alone.

    With the environment's, requests would send a password of .netrc, and check the engine against
    REQUESTS_CA_BUNDLE instead of the engine's CA: https://github.com/psf/requests/issues/3829
    """

    @property
    def trust_env(self) -> bool:
        """Never; requests itself sets it when it is made."""
        return False

    @trust_env.setter
    def trust_env(self, value: bool) -> None:
        pass


def _over_ssh(host: str) -> Any:
    """A client whose connections are programs; made for nobody, as the SDK would make its own."""
    client: Any = _Client("tcp://ssh:22", version=DEFAULT_DOCKER_API_VERSION, timeout=_SECONDS)
    client.mount("http+docker://", SshAdapter(host, _SECONDS))
    client.base_url = "http+docker://ssh"
    client._version = client._retrieve_server_version()
    return client


def _config(found: Mapping[str, Any]) -> ImageConfig:
    """An image as `GET /images/{name}/json` tells it."""
    config = found.get("Config") or {}
    pairs = (entry.partition("=") for entry in config.get("Env") or ())
    return ImageConfig(
        id=found["Id"],
        platform=f"{found.get('Os', '')}/{found.get('Architecture', '')}",
        labels=dict(config.get("Labels") or {}),
        env={name: value for name, _, value in pairs},
        user=config.get("User") or "",
        directory=config.get("WorkingDir") or "",
        diff_ids=tuple((found.get("RootFS") or {}).get("Layers") or ()),
        digests=dict(_digests(found.get("RepoDigests") or ())),
    )


def _digests(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Location and digest; an engine writes `<none>` for a repository that it has forgotten."""
    for text in names:
        with suppress(BadImageName):
            name = ImageName.parse(text)
            if name.digest:
                yield name.location, name.digest


def _message_of(answer: Any) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"
