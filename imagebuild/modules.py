"""Finds the file of a module as a run would import it, without importing anything.

A run imports from its working directory, which is the project's folder in the image, and from what
is installed there: https://github.com/PrefectHQ/prefect/blob/main/src/prefect/utilities/importtools.py
(`load_module`).
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imagebuild.flows import imported
from imagebuild.locating import locate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec

    from imagebuild.context import ProjectContext

# Where projects keep packages that are imported only once they are installed.
SOURCES = "src/"


@dataclass(frozen=True)
class Module:
    """A module and its file: `path` relative to the project, absolute for an installed one."""

    name: str
    path: str
    source: bytes

    def origin(self, name: str) -> str | None:
        """`package.module.name` of what it imports under a name."""
        try:
            dotted = imported(ast.parse(self.source)).get(name)
            return dotted and importlib.util.resolve_name(dotted, self._package)
        except (SyntaxError, ValueError, ImportError):
            return None

    @property
    def _package(self) -> str:
        is_package = self.path.endswith("/__init__.py")
        return self.name if is_package else self.name.rpartition(".")[0]


def find_module(context: ProjectContext, name: str) -> Module | None:
    """The module, in the project, else in its `src`, else among what is installed here.

    Raises `UsageError` for a file of the project that is left out of the image.
    """
    for path in _candidates(name):
        if (context.root / path).is_file():
            found = locate(context, path, context.root)
            with context.open(found) as file:
                return Module(name, found, file.read())
    installed = _installed(name)
    return Module(name, installed.as_posix(), installed.read_bytes()) if installed else None


def _candidates(name: str) -> Iterator[str]:
    """A package comes before a module of its name, as Python has it."""
    below = name.replace(".", "/")
    for folder in ("", SOURCES):
        yield from (f"{folder}{below}/__init__.py", f"{folder}{below}.py")


def _installed(name: str) -> Path | None:
    """The file of an installed module; to ask `importlib` would import the packages around it."""
    spec: ModuleSpec | None = None
    parts = name.split(".")
    for number in range(len(parts)):
        within = spec.submodule_search_locations if spec else None
        if number and within is None:
            return None
        full = ".".join(parts[: number + 1])
        every = (finder.find_spec(full, within) for finder in sys.meta_path)
        spec = next((found for found in every if found is not None), None)
        if spec is None:
            return None
    is_source = spec is not None and (spec.origin or "").endswith(".py")
    return Path(str(spec.origin)) if spec and is_source else None
