"""Words of a Dockerfile: how they are quoted, and what their variables stand for.

https://docs.docker.com/reference/dockerfile/#environment-replacement
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PIECE: Final = r"""[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*'"""
WORD: Final = re.compile(rf"(?:{PIECE})+")
_QUOTING = re.compile(r"""\\(.)|["']""")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(:?[-+?])?)")


def unquoted(word: str) -> str:
    """A word without its quotes and backslashes."""
    return _QUOTING.sub(r"\1", word)


def expanded(text: str, values: Mapping[str, str]) -> str:
    """The text with its variables' values and without its quotes.

    A variable that has no value is empty. Raises `ValueError` for a substitution that cannot be
    made.
    """
    return _expanded(text, 0, values, "")[0]


def _expanded(text: str, at: int, values: Mapping[str, str], end: str) -> tuple[str, int]:
    """The text from a position until the character `end`, and that one's position.

    Between double quotes a single quote is one, and a backslash too, but before three characters.
    """
    found, is_inside = "", False
    while at < len(text) and text[at] != end:
        match text[at]:
            case "$":
                piece, at = _substituted(text, at, values)
                found += piece
            case "'" if not is_inside:
                piece, _, _ = text[at + 1 :].partition("'")
                found, at = found + piece, at + len(piece) + 2
            case '"':
                at, is_inside = at + 1, not is_inside
            case "\\" if not is_inside or text[at + 1 : at + 2] in {'"', "$", "\\"}:
                found, at = found + text[at + 1 : at + 2], at + 2
            case character:
                found, at = found + character, at + 1
    return found, at


def _substituted(text: str, at: int, values: Mapping[str, str]) -> tuple[str, int]:
    """What `$name`, `${name}` or `${name:-word}` at a position stands for, and what follows it."""
    variable = _VARIABLE.match(text, at)
    if variable is None:
        message = f"{text[at:]} is no variable"
        raise ValueError(message)
    plain, name, operator = variable.groups()
    if plain:
        return values.get(plain, ""), variable.end()
    word, end = "", variable.end()
    if operator:
        word, end = _expanded(text, end, values, "}")
    if text[end : end + 1] != "}":
        message = f"{text[at:]} can only be built with, not read"
        raise ValueError(message)
    return _chosen(name, values.get(name), operator or "", word), end + 1


def _chosen(name: str, value: str | None, operator: str, word: str) -> str:
    """With a colon in the operator, an empty value counts for none."""
    is_set = bool(value) if operator.startswith(":") else value is not None
    match operator[-1:]:
        case "-":
            return value or "" if is_set else word
        case "+":
            return word if is_set else ""
        case "?" if not is_set:
            message = f"{name}: {word or 'it has no value'}"
            raise ValueError(message)
        case _:
            return value or ""
