"""The build context: one deterministic tree of the project's files, never written anywhere.

Sorted as BuildKit walks (component by component), owner 0, modes 0644 and 0755 by the owner's
execute bit alone, times made from the content. So the same files are the same context under any
umask, on any checkout and at any time.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from imagebuild.errors import ImagebuildError, UsageError
from imagebuild.files import Agreed, open_regular
from imagebuild.ignore import BadPattern, Ignore
from imagebuild.node import Node, tree_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagebuild.ignore import Rule

_CHUNK = 1 << 20
_IGNORE_FILE = ".dockerignore"


@dataclass(frozen=True)
class ProjectContext:
    """What is sent, in order, and what was left out.

    `withheld` are the key and secret files that were left out; `skipped` are entries that no
    image can hold (sockets, devices, FIFOs); `ignore` the rules that decided.
    """

    root: Path
    nodes: tuple[Node, ...]
    ignore: Ignore
    withheld: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
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
        return Agreed(open_regular(self.root / path), self.digests[path])

    def find(self, path: str) -> Node | None:
        """The entry at a path."""
        return self._by_path.get(path)

    def under(self, path: str) -> Iterator[Node]:
        """The entry at a path and, where that is a directory, all in it; everything for `.`."""
        path = path.rstrip("/")
        inside = "" if path in {"", "."} else f"{path}/"
        return (node for node in self.nodes if node.path == path or node.path.startswith(inside))


def read_context(root: Path) -> ProjectContext:
    """Walk the folder and hash what is to be sent.

    Raises `UsageError` for an ignore file that cannot be read, an entry that cannot be opened,
    a link that leaves the folder and a name that is not UTF-8.
    """
    walk = _Walk(root, _read_ignore(root))
    nodes = sorted(walk.guarded(""), key=lambda node: _order(node.path))
    return ProjectContext(
        root, tuple(nodes), walk.ignore, tuple(sorted(walk.withheld)), tuple(sorted(walk.skipped))
    )


class _Walk:
    """One walk over the folder, and what it noticed."""

    def __init__(self, root: Path, ignore: Ignore) -> None:
        self.root = root
        self.ignore = ignore
        self.withheld: list[str] = []
        self.skipped: list[str] = []

    def folder(self, path: str) -> Iterator[Node]:
        with os.scandir(self.root / path) as entries:
            for entry in entries:
                yield from self.entry(entry, f"{path}/{entry.name}" if path else entry.name)

    def entry(self, entry: os.DirEntry[str], path: str) -> Iterator[Node]:
        is_folder = entry.is_dir(follow_symlinks=False)
        rule = self.ignore.why(path, is_dir=is_folder)
        if is_folder:
            yield from self.directory(path, rule)
        elif rule is None:
            yield from self.leaf(entry, path)
        elif rule.kind == "secret":
            self.withheld.append(path)

    def directory(self, path: str, rule: Rule | None) -> Iterator[Node]:
        if rule is not None:
            if rule.kind == "secret":
                self.withheld.append(path + "/")
            if not self.ignore.may_hold_kept(path):
                return
        inside = list(self.guarded(path))
        if rule is None or inside:
            _check_name(path, path)
            yield Node(path, "directory", 0o755)
        yield from inside

    def guarded(self, path: str) -> Iterator[Node]:
        try:
            yield from self.folder(path)
        except OSError as error:
            raise _unreadable(path or str(self.root), error) from error

    def leaf(self, entry: os.DirEntry[str], path: str) -> Iterator[Node]:
        _check_name(path, path)
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            yield _link(self.root, path)
        elif stat.S_ISREG(mode):
            yield _file(self.root, path)
        else:
            self.skipped.append(path)


def _file(root: Path, path: str) -> Node:
    try:
        with open_regular(root / path) as file:
            size, digest = 0, hashlib.sha256()
            while chunk := file.read(_CHUNK):
                size += len(chunk)
                digest.update(chunk)
            mode = 0o755 if os.fstat(file.fileno()).st_mode & stat.S_IXUSR else 0o644
    except OSError as error:
        raise _unreadable(path, error) from error
    return Node(path, "file", mode, size, digest.hexdigest())


def _link(root: Path, path: str) -> Node:
    target = str((root / path).readlink())
    _check_name(path, target)
    if _leaves(path, target):
        message = f"cannot send {path}: it is a link to {target}, outside the project"
        raise UsageError(
            message,
            hint=f"copy the file into the project, or leave the link out: add {path} to"
            f" {_IGNORE_FILE}",
        )
    digest = hashlib.sha256(target.encode()).hexdigest()
    return Node(path, "link", 0o777, digest=digest, target=target)


def _leaves(path: str, target: str) -> bool:
    if target.startswith("/"):
        return True
    depth = len(PurePosixPath(path).parent.parts)
    for part in PurePosixPath(target).parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return False


def _read_ignore(root: Path) -> Ignore:
    try:
        text = (root / _IGNORE_FILE).read_bytes().decode()
    except FileNotFoundError:
        text = ""
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(_IGNORE_FILE, error) from error
    try:
        return Ignore.parse(text, is_virtualenv=lambda path: _is_virtualenv(root / path))
    except BadPattern as error:
        message = f"cannot use {_IGNORE_FILE}"
        raise UsageError(message, causes=(str(error),)) from error


def _is_virtualenv(folder: Path) -> bool:
    try:
        return (folder / "pyvenv.cfg").exists()
    except OSError:  # the walk tells of it, if it enters the folder at all
        return False


def _check_name(path: str, text: str) -> None:
    """Refuse an entry of which the name, or the link's target, cannot be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        shown = [part.encode(errors="backslashreplace").decode() for part in (path, text)]
        message = f"cannot send {shown[0]}"
        what = "its name" if path == text else f"the target {shown[1]} of this link"
        raise UsageError(
            message,
            causes=(f"{what} is not UTF-8",),
            hint=f"rename it, or leave it out: add it to {_IGNORE_FILE}",
        ) from error


def _unreadable(path: str, error: Exception) -> ImagebuildError:
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return UsageError(
        f"cannot read {path}",
        causes=(reason.lower(),),
        hint=f"make it readable, or leave it out: add it to {_IGNORE_FILE}",
    )


def _order(path: str) -> bytes:
    return path.encode().replace(b"/", b"\0")
