"""Finds which files of a project an import may mean, without knowing where imports begin."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from imagebuild.flow_keys.doubts import Doubt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagebuild.node import Node

_PACKAGE: Final = "__init__.py"
_SUFFIXES: Final = (".py", ".so", ".pyd", ".pyc")


@dataclass(frozen=True)
class Import:
    """`import module`, or `from module import names`; `level` counts the dots before it."""

    module: str
    names: tuple[str, ...] = ()
    level: int = 0


class Modules:
    """The modules in a project.

    An absolute import may begin in any folder, be it the flow's own, `src`, one that is installed
    as a package or one that the image's PYTHONPATH names: all that it can mean is meant.
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.entries: set[str] = set()
        self._files: dict[str, list[str]] = {}
        self._folders: dict[str, list[str]] = {}
        self._packages: set[str] = set()
        self._links: set[str] = set()
        for node in nodes:
            folder, _, name = node.path.rpartition("/")
            self.entries.add(name)
            stem = name.partition(".")[0]
            if node.kind == "directory":
                self._folders.setdefault(name, []).append(node.path)
            elif node.kind == "link":
                self._links.add(stem)
            elif name == _PACKAGE:
                self._packages.add(folder)
            elif name.endswith(_SUFFIXES):
                self._files.setdefault(stem, []).append(node.path)

    def meant(self, wanted: Import, path: str) -> list[str]:
        """The files that run where the module at a path imports this, as far as they are here.

        Raises `Doubt` for an import of all names, and for one that leaves the project or may lead
        through a link.
        """
        folders = None if wanted.level == 0 else [_above(path, wanted.level)]
        found = self._run_in(folders or ())
        for name in filter(None, wanted.module.split(".")):
            files, folders = self._step(name, folders)
            found += files
        if "*" in wanted.names and (found or wanted.level):
            message = f"{path} imports all names of {wanted.module or 'a package'}"
            raise Doubt(message)
        for name in wanted.names:
            found += self._step(name, folders)[0] if name != "*" else ()
        return found

    def _step(self, name: str, folders: list[str] | None) -> tuple[list[str], list[str]]:
        """The files that a module of that name in the folders is, and the folders that it is."""
        if name in self._links:
            message = f"the module {name} may be a link"
            raise Doubt(message)
        files, inner = self._files.get(name, []), self._folders.get(name, [])
        if folders is not None:
            files = [one for one in files if posixpath.dirname(one) in folders]
            inner = [one for one in inner if posixpath.dirname(one) in folders]
        return [*files, *self._run_in(inner)], inner

    def _run_in(self, folders: Iterable[str]) -> list[str]:
        """What runs where something is imported from the folders."""
        return [posixpath.join(one, _PACKAGE) for one in folders if one in self._packages]


def _above(path: str, level: int) -> str:
    """The folder that a relative import begins in."""
    folder = posixpath.dirname(path)
    for _ in range(level - 1):
        if not folder:
            message = f"{path} imports from above the project"
            raise Doubt(message)
        folder = posixpath.dirname(folder)
    return folder
