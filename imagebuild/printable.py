"""Makes text that came from outside fit for a terminal."""

from __future__ import annotations

_LIMIT = 2000


def printable(text: str, limit: int = _LIMIT) -> str:
    r"""The text on one line: control characters escaped (`\x1b`), long ones cut short."""
    cut = text if len(text) <= limit else f"{text[:limit]}…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
