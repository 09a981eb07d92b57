"""One file of credentials, docker's or podman's, and the helpers that it names."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagebuild.errors import Denied, UsageError
from imagebuild.names import HUB
from imagebuild.oci.login_helpers import HelperFailed, ask_helper

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    Login = dict[str, str]

# The names of Docker Hub in such files, the usual ones first.
_HUB_NAMES = ("index.docker.io", "docker.io", "registry-1.docker.io")
_SPELLINGS = ("{}", "https://{}", "http://{}")
_ENDINGS = ("", "/", "/v1", "/v1/", "/v2", "/v2/")


@dataclass(frozen=True)
class LoginFile:
    """What it says. `place` is its name in a hint, `env` where its helpers run."""

    place: str
    env: Mapping[str, str]
    auths: Mapping[str, Login]
    helpers: Mapping[str, str]
    store: str

    @classmethod
    def read(
        cls, path: Path, what: str, place: str, env: Mapping[str, str], *, auths_alone: bool = False
    ) -> LoginFile:
        """Read it; one that is empty or is not there knows nothing. Raises `UsageError`."""
        try:
            content = _json(path)
            found = content if auths_alone else content.get("auths") or {}
            auths = {str(key): _login(key, entry) for key, entry in _mapping(found).items()}
            found = _mapping(content.get("credHelpers") or {})
            helpers = {key: str(helper) for key, helper in found.items()}
        except (OSError, ValueError, TypeError) as error:
            message = f"cannot read {what}"
            raise UsageError(
                message, causes=(f"{path}: {error}",), hint="mend the file, or log in again"
            ) from error
        return cls(place, env, auths, helpers, str(content.get("credsStore") or ""))

    def find(self, host: str, repository: str, asked: str) -> Login:
        """The credentials for a repository, of which a helper is asked under the name `asked`.

        A helper of the host's own comes first, then the one for all, then the file. Raises `Denied`
        where the helper does not work.
        """
        helper = next((self.helpers[key] for key in _keys(host) if key in self.helpers), self.store)
        if helper and (login := self._ask(helper, host, asked)):
            return login
        keys = (*_inside(host, repository), *_keys(host))
        login = next((self.auths[key] for key in keys if self.auths.get(key)), {})
        return login | {"serveraddress": host} if "username" in login else dict(login)

    def _ask(self, helper: str, host: str, asked: str) -> Login:
        try:
            return ask_helper(helper, asked, self.env)
        except HelperFailed as error:
            message = f"cannot get the credentials for {host}"
            raise Denied(
                message,
                causes=(str(error),),
                hint=f"install the credential helper that {self.place} names, or take its line out"
                " and log in again",
            ) from error


def _keys(host: str) -> Iterator[str]:
    """How a file may name a whole registry: never by a part of its name."""
    for name in _HUB_NAMES if host == HUB else (host,):
        for spelling in _SPELLINGS:
            yield from (f"{spelling.format(name)}{ending}" for ending in _ENDINGS)


def _inside(host: str, repository: str) -> Iterator[str]:
    """From the repository itself up to the namespace below its host."""
    parts = repository.split("/") if repository else []
    for length in range(len(parts), 0, -1):
        yield "/".join([host, *parts[:length]])


def _json(path: Path) -> Mapping[str, Any]:
    """A JSON object; a file that is empty or is not there is an empty one."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    return _mapping(json.loads(text) if text.strip() else {})


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        message = "it is not a JSON object"
        raise TypeError(message)
    return value


def _login(key: str, entry: Any) -> Login:
    """One entry, as docker and podman write them; an empty one means that a helper has it."""
    if not isinstance(entry, dict):
        message = f"the entry for {key} is not a JSON object"
        raise TypeError(message)
    for token in ("identitytoken", "registrytoken"):
        if entry.get(token):
            return {token: str(entry[token])}
    if entry.get("auth"):
        return _decoded(key, entry["auth"])
    if entry.get("username"):
        return {"username": str(entry["username"]), "password": str(entry.get("password") or "")}
    return {}


def _decoded(key: str, auth: Any) -> Login:
    message = f"the entry for {key} has an `auth` that is not a user and a password"
    try:
        text = base64.b64decode(auth, validate=True).decode("utf-8")
    except (ValueError, TypeError) as error:
        raise ValueError(message) from error
    username, colon, password = text.partition(":")
    if not colon:
        raise ValueError(message)
    return {"username": username, "password": password.rstrip("\0")}
