"""Which entries of a tree the engine's `followpaths` mean.

The engine names what a Dockerfile copies, with wildcards and links unresolved; the sender resolves
the links inside the tree and sends what they lead to, its content and its parents.
https://github.com/tonistiigi/fsutil/blob/master/followlinks.go
"""

from __future__ import annotations

import re
from functools import cached_property
from posixpath import normpath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .tree import Entry

# Longer chains than Linux allows are loops: https://man7.org/linux/man-pages/man7/path_resolution.7.html
_MAX_LINKS = 40
_WILD = re.compile(r"[*?\[\\]")


def select(entries: Iterable[Entry], follow: Sequence[str]) -> Iterator[Entry]:
    """The entries that `follow` leads to, in their order; everything where it names the root.

    A path that does not exist selects nothing: the engine asks for `.dockerignore` this way.
    """
    known = {entry.path: entry for entry in entries}
    resolver = _Resolver(known)
    for pattern in follow:
        resolver.add(_parts(pattern), _MAX_LINKS)
    if "" in resolver.found:
        yield from known.values()
        return
    if resolver.found:
        yield from _around(resolver.found, known)


def _around(found: set[str], known: dict[str, Entry]) -> Iterator[Entry]:
    """What was found, all that is in it, and the directories above it."""
    parents = {parent for path in found for parent in _parents(path)}
    inside = "/"  # no path begins so
    for path, entry in known.items():
        if path in found and not path.startswith(inside):
            inside = path + "/"  # what is in a directory follows it at once
            yield entry
        elif path in parents or path.startswith(inside):
            yield entry


class _Resolver:
    """Finds paths component by component, since each component may be a wildcard or a link."""

    def __init__(self, known: dict[str, Entry]) -> None:
        self.found: set[str] = set()
        self._known = known

    def add(self, parts: list[str], links_left: int, at: str = "") -> None:
        """Follow `parts` from the directory `at` and keep what is there."""
        if not parts:
            self.found.add(at)
            return
        for name in self._matches(at, parts[0]):
            path = f"{at}/{name}".lstrip("/")
            entry = self._known[path]
            if not entry.is_symlink:
                self.add(parts[1:], links_left, path)
            elif links_left:
                self.found.add(path)
                target = _parts(
                    f"{at}/{entry.linkname}" if entry.linkname[:1] != "/" else entry.linkname
                )
                self.add(target + parts[1:], links_left - 1)

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        children: dict[str, list[str]] = {}
        for path in self._known:
            parent, _, name = path.rpartition("/")
            children.setdefault(parent, []).append(name)
        return children

    def _matches(self, directory: str, pattern: str) -> list[str]:
        if not _WILD.search(pattern):
            return [pattern] if f"{directory}/{pattern}".lstrip("/") in self._known else []
        expression = _expression(pattern)
        return [name for name in self._children.get(directory, ()) if expression.fullmatch(name)]


def _parts(path: str) -> list[str]:
    """The components of a path that is taken from the root, as Go's filepath.Clean makes them."""
    clean = normpath("/" + path).lstrip("/")
    return clean.split("/") if clean else []


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _expression(pattern: str) -> re.Pattern[str]:
    """Go's `filepath.Match` for one component; https://pkg.go.dev/path/filepath#Match.

    A pattern that Go calls malformed (`[a`) is taken literally.
    """
    tokens = re.findall(r"\\.|\[\^?(?:\\.|[^]\\])+\]|.", pattern, re.DOTALL)
    return re.compile("".join(map(_translate, tokens)), re.DOTALL)


def _translate(token: str) -> str:
    if token == "*":
        return ".*"
    if token == "?":
        return "."
    if token[0] == "[" and len(token) > 1:
        negated = token.startswith("[^")
        body = re.sub(r"([\[&|~])", r"\\\1", token[2 if negated else 1 : -1])
        return f"[{'^' if negated else ''}{body}]"
    return re.escape(token[1] if token[0] == "\\" and len(token) > 1 else token)
