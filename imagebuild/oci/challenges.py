"""Reads how a registry wants to be asked: the `WWW-Authenticate` of a 401.

https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PART = re.compile(
    rf'(?P<name>{_TOKEN})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,"]*))'
    rf"|(?P<scheme>{_TOKEN})"
)
_SPOKEN = {"basic", "bearer"}


@dataclass(frozen=True)
class Challenge:
    """A way to be let in; names are in small letters."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def scopes(self) -> tuple[str, ...]:
        """What one needs to be allowed, as the registry sees it."""
        return tuple(self.parameters.get("scope", "").split())


def challenge_in(values: Iterable[str]) -> Challenge | None:
    """The first that we can answer among all headers, each of which may hold several."""
    return next((one for one in _challenges(values) if one.scheme in _SPOKEN), None)


def _challenges(values: Iterable[str]) -> Iterator[Challenge]:
    for value in values:
        found: Challenge | None = None
        for part in _PART.finditer(value):
            if part["scheme"]:
                if found:
                    yield found
                found = Challenge(part["scheme"].lower())
            elif found:
                text = part["plain"]
                if part["quoted"] is not None:
                    text = re.sub(r"\\(.)", r"\1", part["quoted"])
                found.parameters.setdefault(part["name"].lower(), text)
        if found:
            yield found
