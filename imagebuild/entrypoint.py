"""Entrypoints, as a deployment names its flow, and what they name.

They are `path/to/file.py:function`, or `package.module.function`, which a run imports.

Format: https://github.com/PrefectHQ/prefect/blob/main/src/prefect/utilities/importtools.py
(`import_object`).
"""

from __future__ import annotations

import keyword
import posixpath
from dataclasses import dataclass


class BadEntrypoint(ValueError):
    """A text that is no entrypoint: `text` as it was given, `reason` why it is none."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"{text[:200]!r} is not an entrypoint: {reason}")
        self.text = text
        self.reason = reason


@dataclass(frozen=True)
class Entrypoint:
    """Where a flow is: `path` relative to the project, with `/`; `function` with its classes."""

    path: str
    function: str

    def __str__(self) -> str:
        return f"{self.path}:{self.function}"


@dataclass(frozen=True)
class FoundFlow:
    """A flow that an entrypoint can name; `flow_name` is None where only running it would tell.

    `dotted` is `package.module.function`, where it was named so; its `path` is absolute then if the
    module is not the project's, but installed on this machine.
    """

    path: str
    function: str
    flow_name: str | None
    line: int
    dotted: str | None = None

    @property
    def code(self) -> str:
        """`path:function`, where it is defined."""
        return f"{self.path}:{self.function}"

    @property
    def entrypoint(self) -> str:
        """As Prefect takes it: by its file, or by its module where it was named so."""
        return self.dotted or self.code


@dataclass(frozen=True)
class Skipped:
    """A file that could not be searched, or what is no flow that an entrypoint can name, and why.

    `maybe` is the flow that it could be all the same: right if the user names its entrypoint.
    """

    path: str
    line: int | None
    reason: str
    maybe: FoundFlow | None = None


def parse_entrypoint(text: str) -> Entrypoint:
    """Read `path/to/flow.py:function`; raises `BadEntrypoint`, which says what is wrong."""
    path, colon, function = text.rpartition(":")
    if not colon:
        reason = "it has no colon; write path/to/file.py:function, or package.module.function"
        raise BadEntrypoint(text, reason)
    if "\\" in path:
        raise BadEntrypoint(text, "the path is written with / on every system")
    if not path.endswith(".py"):
        reason = "before the colon comes a file that ends in .py; a module has a dot in its place"
        raise BadEntrypoint(text, reason)
    if not text.isprintable():
        raise BadEntrypoint(text, "it holds a character that cannot be printed")
    path = posixpath.normpath(path)
    if path.startswith(("/", "../")):
        raise BadEntrypoint(text, "the file must lie in the project, and its path begin there")
    if not _are_names(function):
        raise BadEntrypoint(text, "after the colon comes a function's name, such as my_flow")
    return Entrypoint(path, function)


def is_dotted(text: str) -> bool:
    """Whether a text is an entrypoint by its module, `package.module.function`."""
    return "." in text and not text.endswith(".py") and _are_names(text)


def _are_names(text: str) -> bool:
    return all(part.isidentifier() and not keyword.iskeyword(part) for part in text.split("."))
