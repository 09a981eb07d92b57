"""Entrypoints, `path/to/file.py:function`, as a deployment names its flow, and what they name.

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
    """A flow that an entrypoint can name; `flow_name` is None where only running it would tell."""

    path: str
    function: str
    flow_name: str | None
    line: int

    @property
    def entrypoint(self) -> str:
        """`path:function`, as Prefect takes it."""
        return f"{self.path}:{self.function}"


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
    """Read `path/to/flow.py:function`; raises `BadEntrypoint`, which says what is wrong.

    Module paths (`package.module.function`), which Prefect takes too, are refused: the file must
    be in the image at a place that is known.
    """
    path, colon, function = text.rpartition(":")
    if not colon:
        raise BadEntrypoint(text, "it has no colon; write path/to/file.py:function")
    if "\\" in path:
        raise BadEntrypoint(text, "the path is written with / on every system")
    if not path.endswith(".py"):
        raise BadEntrypoint(text, "before the colon comes a file that ends in .py")
    if not text.isprintable():
        raise BadEntrypoint(text, "it holds a character that cannot be printed")
    path = posixpath.normpath(path)
    if path.startswith(("/", "../")):
        raise BadEntrypoint(text, "the file must lie in the project, and its path begin there")
    if not all(part.isidentifier() and not keyword.iskeyword(part) for part in function.split(".")):
        raise BadEntrypoint(text, "after the colon comes a function's name, such as my_flow")
    return Entrypoint(path, function)
