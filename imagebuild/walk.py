"""Walks a project's folder once: what is sent, in its order, and what stays behind and why.

Every folder is opened relative to the one above it, and no link is followed: whatever is swapped
while the walk goes on, it stays in the project.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from dataclasses import dataclass
from operator import attrgetter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from imagebuild.errors import UsageError
from imagebuild.files import read_regular
from imagebuild.flows import FLOW_WORD
from imagebuild.node import Node

if TYPE_CHECKING:
    from pathlib import Path

    from imagebuild.ignore import Ignore, Rule

LISTED_PER_RULE: Final = 20
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_by_name = attrgetter("name")


@dataclass(frozen=True, slots=True)
class Left:
    """An entry that a rule left out; of a directory that is not entered, nothing else is known."""

    path: str
    is_dir: bool
    rule: Rule


class Walk:
    """One walk over the folder, and what it noticed.

    Raises `UsageError` for an entry that cannot be read, a link that leaves the folder and a name
    that is not UTF-8.
    """

    def __init__(self, root: Path, ignore: Ignore) -> None:
        self.nodes: list[Node] = []
        self.withheld: list[str] = []
        self.skipped: list[str] = []
        self.left: list[Left] = []
        self.mentions: list[str] = []
        self.left_by: Counter[Rule] = Counter()
        self._ignore = ignore
        try:
            top = os.open(root, _FOLDER)
        except OSError as error:
            raise unreadable(str(root), error, ignore.source) from error
        self._folder("", top, str(root))

    def _folder(self, inside: str, handle: int, shown: str) -> None:
        """All that is in an open folder, which is closed; `inside` is its path with a `/`."""
        try:
            with os.scandir(handle) as found:
                entries = sorted(found, key=_by_name)
            for entry in entries:
                self._entry(entry, inside + entry.name, handle)
        except OSError as error:
            raise unreadable(shown, error, self._ignore.source) from error
        finally:
            os.close(handle)

    def _entry(self, entry: os.DirEntry[str], path: str, folder: int) -> None:
        is_dir = entry.is_dir(follow_symlinks=False)
        rule = self._ignore.why(path, is_dir=is_dir)
        if rule is not None and not (is_dir and self._ignore.may_hold_kept(path)):
            self._leave_out(path, rule, is_dir=is_dir)
            return
        if is_dir:
            self._directory(path, entry.name, folder, only_if_needed=rule is not None)
            return
        self._check_name(path, path)
        if entry.is_file(follow_symlinks=False):
            self.nodes.append(self._file(path, entry.name, folder))
        elif entry.is_symlink():
            self.nodes.append(self._link(path, entry.name, folder))
        else:
            self.skipped.append(path)

    def _directory(self, path: str, name: str, above: int, *, only_if_needed: bool) -> None:
        try:
            handle = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=above)
        except OSError as error:
            raise unreadable(path, error, self._ignore.source) from error
        node = Node(path, "directory", 0o755)
        self.nodes.append(node)
        self._folder(path + "/", handle, path)
        if only_if_needed and self.nodes[-1] is node:
            self.nodes.pop()
        else:
            self._check_name(path, path)

    def _leave_out(self, path: str, rule: Rule, *, is_dir: bool) -> None:
        if rule.kind == "secret":
            self.withheld.append(f"{path}/" if is_dir else path)
        self.left_by[rule] += 1
        if self.left_by[rule] <= LISTED_PER_RULE:
            self.left.append(Left(path, is_dir, rule))

    def _file(self, path: str, name: str, folder: int) -> Node:
        try:
            file = read_regular(name, folder, FLOW_WORD)
        except OSError as error:
            raise unreadable(path, error, self._ignore.source) from error
        if file.may_hold:
            self.mentions.append(path)
        mode = 0o755 if file.mode & stat.S_IXUSR else 0o644
        return Node(path, "file", mode, file.size, file.digest)

    def _link(self, path: str, name: str, folder: int) -> Node:
        target = os.readlink(name, dir_fd=folder)
        self._check_name(path, target)
        if _leaves(path, target):
            message = f"cannot send {path}: it is a link to {target}, outside the project"
            raise UsageError(
                message,
                hint=f"copy the file into the project, or leave the link out: add {path} to"
                f" {self._ignore.source}",
            )
        digest = hashlib.sha256(target.encode()).hexdigest()
        return Node(path, "link", 0o777, digest=digest, target=target)

    def _check_name(self, path: str, text: str) -> None:
        """Refuse an entry whose name, or the link's target, cannot be written as UTF-8."""
        try:
            text.encode()
        except UnicodeEncodeError as error:
            shown = [part.encode(errors="backslashreplace").decode() for part in (path, text)]
            message = f"cannot send {shown[0]}"
            what = "its name" if path == text else f"the target {shown[1]} of this link"
            raise UsageError(
                message,
                causes=(f"{what} is not UTF-8",),
                hint=f"rename it, or leave it out: add it to {self._ignore.source}",
            ) from error


def unreadable(path: str, error: Exception, ignore_file: str) -> UsageError:
    """The error for what cannot be read; `ignore_file` is where a line would leave it out."""
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return UsageError(
        f"cannot read {path}",
        causes=(reason.lower(),),
        hint=f"make it readable, or leave it out: add it to {ignore_file}",
    )


def _leaves(path: str, target: str) -> bool:
    if target.startswith("/"):
        return True
    depth = len(PurePosixPath(path).parent.parts)
    for part in PurePosixPath(target).parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return False
