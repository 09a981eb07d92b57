"""Cuts a Dockerfile into instructions: directives, comments, continuations, here-documents.

As BuildKit's parser does:
https://github.com/moby/buildkit/blob/master/frontend/dockerfile/parser/parser.go
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild.dockerfile.words import PIECE, WORD, unquoted
from imagebuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIRECTIVE = re.compile(r"#\s*(syntax|escape|check)\s*=\s*(.+?)\s*", re.IGNORECASE)
_FLAG = re.compile(rf"\s*(--(?:{PIECE})+)")
_WORDS = re.compile(rf"(?:\s|{PIECE})*")
_HEREDOC = re.compile(r"\d*<<(-?)([^<]*)")
_HEREDOC_NAME = re.compile(r"""(["']?)[A-Za-z_]\w*\1""")
_WITH_HEREDOCS = {"RUN", "COPY", "ADD"}


@dataclass(frozen=True)
class Instruction:
    """One instruction: its keyword in capitals, its options as names and values, the rest.

    `line` is the first of its lines in `file`, counted from 1.
    """

    file: str
    line: int
    keyword: str
    flags: tuple[tuple[str, str], ...]
    arguments: str


def instructions(text: str, file: str) -> Iterator[Instruction]:
    """The instructions in their order; raises `UsageError` for a here-document without an end."""
    lines = text.removeprefix("\ufeff").split("\n")
    escape = re.escape(_escape_character(lines, file))
    continued = re.compile(rf"(?:(?<=[^{escape}])|^){escape}[ \t]*\Z")
    numbered = enumerate((line.rstrip("\r") for line in lines), 1)
    for number, line in numbered:
        statement, more = continued.subn("", "" if _is_comment(line) else line.lstrip())
        while more and (following := next(numbered, None)):
            if following[1].strip() and not _is_comment(following[1]):
                part, more = continued.subn("", following[1])
                statement += part
        if not statement.strip():
            continue
        instruction = _instruction(file, number, statement.strip())
        yield instruction
        for name, has_tabs in _heredocs(instruction):
            if not any((body.lstrip("\t") if has_tabs else body) == name for _, body in numbered):
                raise wrong(instruction, f"its here-document has no end: no line is {name}")


def wrong(place: Instruction | tuple[str, int], cause: str, hint: str | None = None) -> UsageError:
    """The error for what an instruction, or a line of a file, says."""
    file, line = (place.file, place.line) if isinstance(place, Instruction) else place
    message = f"cannot build with {file}, line {line}"
    return UsageError(message, causes=(cause,), hint=hint)


def _escape_character(lines: list[str], file: str) -> str:
    """What the directives at the top say; the first line that is none ends them."""
    for number, line in enumerate(lines, 1):
        directive = _DIRECTIVE.fullmatch(line.strip())
        if directive is None:
            break
        if directive[1].lower() == "escape":
            if directive[2] not in {"\\", "`"}:
                raise wrong((file, number), f"{directive[2]} is no escape character")
            return directive[2]
    return "\\"


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _instruction(file: str, line: int, statement: str) -> Instruction:
    keyword, *rest = statement.split(maxsplit=1)
    arguments, flags = "".join(rest), list[tuple[str, str]]()
    while flag := _FLAG.match(arguments):
        name, _, value = unquoted(flag[1]).partition("=")
        flags.append((name, value))
        arguments = arguments[flag.end() :]
    return Instruction(file, line, keyword.upper(), tuple(flags), arguments.strip())


def _heredocs(instruction: Instruction) -> Iterator[tuple[str, bool]]:
    """The names that end its here-documents, and whether tabs before them count for nothing."""
    keyword, text = instruction.keyword, instruction.arguments
    if keyword == "ONBUILD":
        keyword, _, text = text.partition(" ")
    if keyword.upper() not in _WITH_HEREDOCS or not _WORDS.fullmatch(text):
        return
    words = WORD.findall(text)
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if opening := _HEREDOC.fullmatch(word):
            apart = following if _HEREDOC_NAME.fullmatch(following) else ""
            if name := opening[2] or apart:
                yield unquoted(name), bool(opening[1])
