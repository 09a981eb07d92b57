"""One question to a registry, and its answer, as values."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from imagebuild.oci.addresses import shown
from imagebuild.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from imagebuild.names import ImageName

ERROR_LIMIT = 64 << 10
_SAID_LIMIT = 500


@dataclass(frozen=True)
class Access:
    """Whose repository it is about, and what a token has to allow, the most important first."""

    name: ImageName
    scopes: tuple[str, ...]


class Content(Protocol):
    """What is sent, as it is read."""

    def read(self, size: int = -1, /) -> bytes:
        """The next piece; empty at the end."""

    def close(self) -> None:
        """Nothing more is read."""


@dataclass(frozen=True)
class Ask:
    """A question: `action` is what it is for, as it stands after "cannot".

    `body` opens its content anew each time that it is sent, which is `size` bytes long; `limit` is
    how many bytes an answer may have.
    """

    action: str
    method: str
    url: str
    access: Access
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Callable[[], Content] | None = None
    size: int = 0
    limit: int = ERROR_LIMIT

    @property
    def shown(self) -> str:
        """Method and address, fit to be shown."""
        return f"{self.method} {shown(self.url)}"


@dataclass(frozen=True)
class Answer:
    """What came back: `url` is where it came from, after all redirects."""

    url: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    request: str

    @property
    def media_type(self) -> str:
        """What it says that its body is, without parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def errors(self) -> list[Mapping[str, Any]]:
        """What the registry says is wrong, in the protocol's own form; empty where it does not.

        https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
        """
        try:
            found = json.loads(self.body)["errors"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return []
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    @property
    def codes(self) -> set[str]:
        """The protocol's words for what is wrong."""
        return {str(error.get("code")) for error in self.errors}

    @property
    def said(self) -> str:
        """The status and what the registry says to it, fit to be shown on a line."""
        parts = [
            ": ".join(str(error[key]) for key in ("code", "message") if error.get(key))
            for error in self.errors
        ]
        text = "; ".join(part for part in parts if part)
        if not text and self.media_type.startswith("text/plain"):
            text = self.body.decode("utf-8", "replace").strip()
        return f"{self.request}: {self.status} {printable(text, _SAID_LIMIT)}".rstrip()
