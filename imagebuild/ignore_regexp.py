"""Turns one `.dockerignore` pattern into a Python regular expression with Docker's meaning.

Docker checks a pattern with Go's `filepath.Match`, then matches it with a regular expression that
it pastes together character by character. What it pastes inside a character class becomes part of
the class, so the result is read here as Go's own parser would read it, and written anew.

Format: https://pkg.go.dev/path/filepath#Match for what is refused,
https://github.com/moby/patternmatcher/blob/main/patternmatcher.go (`compile`) for the pasting,
https://github.com/google/re2/wiki/Syntax for the reading.
"""

from __future__ import annotations

import posixpath
import re
from typing import Literal

# Unicode's White_Space, as Go's strings.TrimSpace trims it; str.strip() takes \x1c-\x1f as well.
SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_PASTED_ESCAPED = frozenset(".+()|{}$")
_OPERATORS = frozenset(".*?()^")
_UNCLOSED = "the class that begins with `[` is not closed; write `\\[` for a bracket"


class PatternError(ValueError):
    """A pattern that cannot be used; its text says why."""


def cleaned_line(line: str) -> str:
    """The pattern as Docker holds it, with its `!`; empty for comments and blank lines."""
    text = "" if line.startswith("#") else line.strip(SPACE)
    mark = text[:1] if text.startswith("!") else ""
    text = text.removeprefix("!").strip(SPACE) if mark else text
    if text:
        text = _go_clean(text)
        text = text[1:] if len(text) > 1 and text.startswith("/") else text
    # Docker trims and cleans a second time, in patternmatcher.New: `/ a` is `a`, `/!a` is `!a`,
    # and `!/` is a lone `!`.
    text = (mark + text).strip(SPACE)
    text = _go_clean(text) if text else ""
    if text == "!":
        msg = "nothing comes after the `!`"
        raise PatternError(msg)
    return text


def _go_clean(path: str) -> str:
    # posixpath keeps two leading slashes, Go does not: https://pkg.go.dev/path/filepath#Clean
    return posixpath.normpath(re.sub("^/+", "/", path))


def to_regexp(pattern: str) -> str:
    """The regular expression, anchored at its start, of a pattern that is already cleaned.

    Raises `PatternError` where `docker build` stops (a bad class, a backslash at the end), and for
    what works in Docker only by accident of its implementation: `[[:alpha:]]`, `\\d`.
    """
    _check(_Characters(pattern))
    kind, pasted = _paste(_Characters(pattern))
    if kind == "exact":
        return rf"^{re.escape(pattern)}\Z"
    if kind == "prefix":
        return f"^{re.escape(pattern[:-2])}"
    if kind == "suffix":
        folders = "(?s:.*/)?" if pattern.startswith("**/") else "(?s:.*)"
        return rf"^{folders}{re.escape(pattern[2:].removeprefix('/'))}\Z"
    return rf"^{_reread(_Characters(pasted))}\Z"


class _Characters:
    """A text that is read one character at a time."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def ended(self) -> bool:
        return self.at >= len(self.text)

    def peek(self, ahead: int = 0) -> str:
        return self.text[self.at + ahead : self.at + ahead + 1]

    def take(self) -> str:
        self.at += 1
        return self.text[self.at - 1 : self.at]

    def took(self, character: str) -> bool:
        found = self.peek() == character
        self.at += found
        return found


def _check(rest: _Characters) -> None:
    """Refuse what `filepath.Match` refuses."""
    while not rest.ended():
        character = rest.take()
        if character == "\\" and not rest.take():
            msg = "a backslash at the end escapes nothing; write two of them for a backslash"
            raise PatternError(msg)
        if character == "[":
            rest.took("^")
            empty = True
            while empty or not rest.took("]"):
                _check_member(rest)
                if rest.took("-"):
                    _check_member(rest)
                empty = False


def _check_member(rest: _Characters) -> None:
    if rest.peek() in {"-", "]"}:
        msg = "in a class, `-` (unless it makes a range) and `]` are written `\\-` and `\\]`"
        raise PatternError(msg)
    if rest.take() == "\\":
        rest.take()
    if rest.ended():
        raise PatternError(_UNCLOSED)


def _paste(rest: _Characters) -> tuple[Literal["exact", "prefix", "suffix", "regexp"], str]:
    """What kind of match Docker chooses, and the regular expression that it would paste."""
    kind: Literal["exact", "prefix", "suffix", "regexp"] = "exact"
    pasted = ""
    while not rest.ended():
        begins = rest.at == 0
        character = rest.take()
        if character == "*" and rest.took("*"):
            rest.took("/")
            pasted += ".*" if rest.ended() else "(.*/)?"
            kind = "prefix" if rest.ended() and kind == "exact" else "regexp"
            if begins:
                kind = "suffix"
            continue
        if character in "*?[]\\":
            kind = "regexp"
        pasted += _pasted(character, rest)
    return kind, pasted


def _pasted(character: str, rest: _Characters) -> str:
    if character == "*":
        return "[^/]*"
    if character == "?":
        return "[^/]"
    if character == "\\":
        return f"\\{rest.take()}"
    return f"\\{character}" if character in _PASTED_ESCAPED else character


def _reread(rest: _Characters) -> str:
    """Write a Go regular expression as Python's."""
    written = ""
    while not rest.ended():
        character = rest.take()
        if character == "[":
            written += _reread_class(rest)
        elif character == "\\":
            written += re.escape(_escaped(rest))
        else:
            written += character if character in _OPERATORS else re.escape(character)
    return written


def _reread_class(rest: _Characters) -> str:
    written = "[^" if rest.took("^") else "["
    empty = True
    while empty or not rest.took("]"):
        if rest.peek() == "[" and rest.peek(1) == ":" and ":]" in rest.text[rest.at + 2 :]:
            msg = "named classes such as `[:alpha:]` are not part of the format; write `[A-Za-z]`"
            raise PatternError(msg)
        low = high = _class_character(rest)
        if rest.peek() == "-" and rest.peek(1) not in {"", "]"}:
            rest.take()
            high = _class_character(rest)
        if high < low:
            msg = f"the range {low}-{high} in a class runs backwards"
            raise PatternError(msg)
        written += f"{_in_class(low)}-{_in_class(high)}" if high != low else _in_class(low)
        empty = False
    return written + "]"


def _class_character(rest: _Characters) -> str:
    if rest.ended():
        raise PatternError(_UNCLOSED)
    character = rest.take()
    return _escaped(rest) if character == "\\" else character


def _escaped(rest: _Characters) -> str:
    character = rest.take()
    if not character.isascii() or character.isalnum():
        msg = f"`\\{character}` escapes a character that needs none; write `{character}`"
        raise PatternError(msg)
    return character


def _in_class(character: str) -> str:
    # re.escape leaves & ~ alone, which Python warns about when they are doubled in a class.
    return character if character.isalnum() else f"\\{character}"
