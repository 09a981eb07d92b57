"""The build context: one deterministic tree of the project's files, never written anywhere.

Sorted as BuildKit walks (component by component), owner 0, modes 0644 and 0755 by the owner's
execute bit alone, times made from the content. So the same files are the same context under any
umask, on any checkout and at any time.
"""

from __future__ import annotations

import dataclasses
import errno
import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO

from imagebuild.errors import UsageError
from imagebuild.files import open_agreed, read_agreed
from imagebuild.ignore import DEFAULT_SOURCE, BadPattern, Ignore
from imagebuild.node import Node, tree_digest
from imagebuild.walk import LISTED_PER_RULE, Left, Walk, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from imagebuild.ignore import Rule

__all__ = ["Left", "ProjectContext", "read_context"]


@dataclass(frozen=True)
class ProjectContext:
    """What is sent, in order, and what was left out.

    `withheld` are the key and secret files that were left out; `skipped` are entries that no
    image can hold (sockets, devices, FIFOs); `ignore` the rules that decided. `ignored` are the
    first entries that each rule left out, and `ignored_more` says how many more there are.
    `mentions` are the files that may mention a flow.
    """

    root: Path
    nodes: tuple[Node, ...]
    ignore: Ignore
    withheld: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    ignored: tuple[Left, ...] = ()
    ignored_more: Mapping[Rule, int] = field(default_factory=dict)
    mentions: tuple[str, ...] = ()
    _by_path: dict[str, Node] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_path", {node.path: node for node in self.nodes})

    @cached_property
    def digest(self) -> str:
        """The digest of every path, kind, mode and content, in hexadecimal."""
        return tree_digest(self.nodes)

    @cached_property
    def digests(self) -> dict[str, str]:
        """The content digest of each regular file, by its path."""
        return {node.path: node.digest for node in self.nodes if node.kind == "file"}

    def open(self, path: str) -> BinaryIO:
        """A regular file's content: exactly the one whose digest is in `digests`.

        Raises `OSError`, at the latest at the content's end where it is another by now.
        """
        if path not in self.digests:
            raise FileNotFoundError(errno.ENOENT, "not in the build context", path)
        return open_agreed(f"{self.root}/{path}", self.digests[path])

    def read(self, path: str) -> Iterator[bytes]:
        """The same, piece by piece; raises `OSError` before the end where it is another by now."""
        node = self._by_path[path]
        return read_agreed(f"{self.root}/{path}", node.digest, node.size)

    def find(self, path: str) -> Node | None:
        """The entry at a path."""
        return self._by_path.get(path)

    def under(self, path: str) -> Iterator[Node]:
        """The entry at a path and, where that is a directory, all in it; everything for `.`."""
        path = path.rstrip("/")
        inside = "" if path in {"", "."} else f"{path}/"
        return (node for node in self.nodes if node.path == path or node.path.startswith(inside))


def read_context(
    root: Path, dockerfile: Path | None = None, reports: Iterable[Path] = ()
) -> ProjectContext:
    """Walk the folder and hash what is to be sent.

    `dockerfile` is one of the user's own, absolute or relative to `root`: an ignore file beside it
    under its name and `.dockerignore` counts instead of the root's.
    https://docs.docker.com/build/concepts/context/#filename-and-location

    `reports` are files that are left out, as they tell of an image and are none of it.

    Raises `UsageError` for an ignore file that cannot be read, an entry that cannot be opened,
    a link that leaves the folder and a name that is not UTF-8.
    """
    ignore = dataclasses.replace(
        _read_ignore(root, dockerfile),
        reports=frozenset(os.path.relpath(path, root) for path in reports),
    )
    walk = Walk(root, ignore)
    more = {rule: count - LISTED_PER_RULE for rule, count in walk.left_by.items()}
    return ProjectContext(
        root,
        tuple(walk.nodes),
        ignore,
        tuple(walk.withheld),
        tuple(walk.skipped),
        tuple(walk.left),
        {rule: count for rule, count in more.items() if count > 0},
        tuple(walk.mentions),
    )


def _read_ignore(root: Path, dockerfile: Path | None) -> Ignore:
    files = [root / DEFAULT_SOURCE]
    if dockerfile is not None:
        files.insert(0, root / dockerfile.with_name(f"{dockerfile.name}{DEFAULT_SOURCE}"))
    for file in files:
        source = os.path.relpath(file.parent.resolve() / file.name, root.resolve())
        try:
            return _parse(file.read_bytes().decode(), source, root)
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise unreadable(source, error, source) from error
    return _parse("", DEFAULT_SOURCE, root)


def _parse(text: str, source: str, root: Path) -> Ignore:
    try:
        return Ignore.parse(
            text, source=source, is_virtualenv=lambda path: _is_virtualenv(root / path)
        )
    except BadPattern as error:
        message = f"cannot use {source}"
        raise UsageError(message, causes=(str(error),)) from error


def _is_virtualenv(folder: Path) -> bool:
    try:
        return (folder / "pyvenv.cfg").exists()
    except OSError:  # the walk tells of it, if it enters the folder at all
        return False
