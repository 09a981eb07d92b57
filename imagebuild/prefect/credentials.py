"""Reads the credentials that a step is given: a dictionary, or a block of Prefect's. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from imagebuild.names import HUB, HUB_ALIASES
from imagebuild.prefect.keywords import refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagebuild.names import ImageName

_KEYS = ("username", "password", "registry_url", "reauth")
_HINT = (
    'name a block, as "{{ prefect.blocks.docker-registry-credentials.NAME }}", or give username,'
    " password and registry_url; or leave it out, and docker's own credentials are used"
)


def logins_of(credentials: Any, name: ImageName) -> dict[str, dict[str, str]]:
    """The `username` and `password` to push an image with, by their registry's host.

    `credentials` is None, a dictionary, or a `DockerRegistryCredentials` block; one that names no
    registry is for the image's own. Raises `UsageError`, which tells no password.
    https://docs.prefect.io/integrations/prefect-docker
    """
    if credentials is None:
        return {}
    given = credentials if isinstance(credentials, dict) else _fields(credentials)
    if unknown := sorted(map(str, given.keys() - _KEYS)):
        _refuse(f"there is no key {unknown[0]!r} in credentials")
    texts = {key: _plain(given.get(key)) for key in _KEYS[:3]}
    for key in _KEYS[:2]:
        if not texts[key]:
            _refuse(f"there is no {key}")
    host = _host(texts["registry_url"]) or name.host
    if host != name.host and not {host, name.host} <= HUB_ALIASES:
        _refuse(f"they are for {host}, and the image goes to {name.host}")
    return {name.host: {key: texts[key] for key in _KEYS[:2]}}


def _fields(block: Any) -> Mapping[str, Any]:
    """A block's own fields; what is no block has none of them."""
    found = {key: getattr(block, key) for key in _KEYS if hasattr(block, key)}
    if not found:
        kind = "empty" if not block else f"of the type {type(block).__name__}"
        _refuse(f"it is {kind}")
    return found


def _plain(value: Any) -> str:
    """A text; a secret's is asked for."""
    if hasattr(value, "get_secret_value"):
        value = value.get_secret_value()
    return "" if value is None else str(value)


def _host(url: str) -> str:
    """The host of a registry's URL, with or without its scheme."""
    host = urlsplit(url if "//" in url else f"//{url}").netloc.rpartition("@")[2]
    return HUB if host in HUB_ALIASES else host


def _refuse(cause: str) -> NoReturn:
    refuse("the credentials of push_docker_image", cause, _HINT)
