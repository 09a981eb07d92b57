"""Makes foreign text fit to be printed: a terminal obeys what it is sent."""

from __future__ import annotations

import json
import re
from typing import Any

import click

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    """The text without terminal commands; other control characters are written out.

    Line feeds and tabs stay. The commands' grammar is ECMA-48's.
    """
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", _ESCAPE.sub("", text))


def print_json(document: Any) -> None:
    """Print the one document that a command has for stdout."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def cut(text: str, limit: int = 100) -> str:
    """The text, shortened to at most `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def duration(seconds: float) -> str:
    """A duration as a person says it: `0.3 s`, `12 s`, `2 min 5 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def file_count(count: int) -> str:
    """A number of files, in words."""
    return f"{count} file{'' if count == 1 else 's'}"


def size(count: int) -> str:
    """A number of bytes, in the decimal units that docker uses."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
