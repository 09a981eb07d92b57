"""What a registry's refusal means, read from the words in which the engine passes it on.

The engine answers any refusal with status 500 and the registry's text, so the text is all there
is. The codes: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
"""

from __future__ import annotations

import re

from imagebuild.errors import Denied, ImagebuildError, PushFailed, Unreachable
from imagebuild.names import HUB, ImageName

_DENIED = re.compile(
    r"unauthorized|denied|no basic auth credentials|authentication required|\b40[13]\b|"
    r"incorrect username or password|insufficient_scope",
    re.IGNORECASE,
)
_MISSING = re.compile(
    r"manifest unknown|not found|name unknown|NAME_UNKNOWN|no such (image|manifest)|\b404\b|"
    r"repository name not known",
    re.IGNORECASE,
)
# What the same request may get past the next time.
_BUSY_WORDS = (
    r"timeout|timed out|deadline exceeded|connection reset|broken pipe|\bEOF\b|"
    r"\b(408|429|499|50[0234]|52[0-4])\b|too ?many ?requests|server misbehaving"
)
_BUSY = re.compile(_BUSY_WORDS, re.IGNORECASE)
_AWAY = re.compile(
    rf"{_BUSY_WORDS}|dial tcp|no such host|connection refused|server gave HTTP response|x509|"
    r"no route to host",
    re.IGNORECASE,
)


class RegistryBusy(Unreachable):
    """The registry did not answer as it should, and may the next time."""


def is_missing(text: str, name: ImageName) -> bool:
    """Whether the registry says that it does not have what has this name."""
    text = _without(name, text)
    return bool(_MISSING.search(text)) and not _AWAY.search(text)


def registry_error(action: str, name: ImageName, causes: tuple[str, ...]) -> ImagebuildError:
    """The error for what a registry did not do, by the words in `causes`."""
    text, message = _without(name, " ".join(causes)), f"cannot {action}"
    if _AWAY.search(text):
        kind = RegistryBusy if _BUSY.search(text) else Unreachable
        return kind(
            message, causes=causes, hint=f"check that {name.host} can be reached from the engine"
        )
    if _DENIED.search(text):
        return Denied(message, causes=causes, hint=login_hint(name))
    if _MISSING.search(text):
        return PushFailed(message, causes=causes, hint=repository_hint(name))
    return PushFailed(message, causes=causes)


def login_hint(name: ImageName) -> str:
    """What to do where the registry lets nobody in, or not for this."""
    host = "" if name.host == HUB else f" {name.host}"
    return f"log in with `docker login{host}`, as somebody who may use {name.repository}"


def repository_hint(name: ImageName) -> str:
    """What to do where the registry knows no such repository."""
    return f"check that {name.host} has a repository {name.repository}"


def _without(name: ImageName, text: str) -> str:
    """The text without the image's own name, in which any word may be."""
    places = [str(name.untagged), name.location, f"/{name.repository}"]
    if "/" in name.repository:
        places.append(name.repository)
    for place in places:
        tag = re.escape(f":{name.tag}") if name.tag else ""
        text = re.sub(rf"(?<![\w-]){re.escape(place)}(?:{tag})?(?![\w-])", "", text)
    return text
