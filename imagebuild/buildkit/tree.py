"""What a session serves: trees of entries, and credentials; and the count of what it sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

# Go's os.FileMode bits, which are not stat(2)'s: https://pkg.go.dev/io/fs#FileMode
MODE_DIRECTORY = 1 << 31
MODE_SYMLINK = 1 << 27
MODE_TYPE = 0x8F280000


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, directory or symbolic link of a tree.

    `path` is relative, with `/` between its components and none at its ends; `mode` has the bits
    of Go's `os.FileMode`; `size` is in bytes (0 for what is not a file); `mtime_ns` is in
    nanoseconds since 1970. The engine takes a file for unchanged when path, mode, size and
    `mtime_ns` are those of the last build, so derive `mtime_ns` from the content.
    Wire format: https://github.com/tonistiigi/fsutil/blob/master/types/stat.proto
    """

    path: str
    mode: int
    size: int = 0
    mtime_ns: int = 0
    linkname: str = ""

    @classmethod
    def file(cls, path: str, size: int, mtime_ns: int, permissions: int = 0o644) -> Entry:
        """A regular file of `size` bytes."""
        return cls(path, permissions & 0o7777, size, mtime_ns)

    @classmethod
    def directory(cls, path: str, mtime_ns: int = 0, permissions: int = 0o755) -> Entry:
        """A directory; its own entries follow it."""
        return cls(path, MODE_DIRECTORY | permissions & 0o7777, 0, mtime_ns)

    @classmethod
    def symlink(cls, path: str, target: str, mtime_ns: int = 0) -> Entry:
        """A symbolic link to `target`, which need not exist."""
        return cls(path, MODE_SYMLINK | 0o777, 0, mtime_ns, target)

    @property
    def is_directory(self) -> bool:
        """Whether other entries can lie in it."""
        return self.mode & MODE_DIRECTORY != 0

    @property
    def is_symlink(self) -> bool:
        """Whether it is a symbolic link."""
        return self.mode & MODE_SYMLINK != 0

    @property
    def is_file(self) -> bool:
        """Whether the engine can ask for its bytes."""
        return self.mode & MODE_TYPE == 0

    @property
    def sort_key(self) -> tuple[str, ...]:
        """The order that `Tree.entries` must have: component by component, bytes by bytes.

        UTF-8 keeps the order of code points, so Python's order of str is Go's order of bytes.
        """
        return tuple(self.path.split("/"))


class Tree(Protocol):
    """What is served under one name (`context`, `dockerfile`). Called from a worker thread."""

    def entries(self) -> Iterable[Entry]:
        """All entries, sorted by `Entry.sort_key`, directories before what is in them.

        Called once for each request of the engine (it asks two or three times in a build), so
        cache what is expensive. An OSError ends the build as `UnreadableFile`.
        """

    def open(self, path: str) -> BinaryIO:
        """The bytes of the file at `path`, buffered: a `read` that gives less was the last one.

        An OSError of it, or of its `read`, ends the build as `UnreadableFile`.
        """


@dataclass(frozen=True)
class Credential:
    """User and password (or token) for a registry. An empty `username` sends a token.

    https://github.com/moby/buildkit/blob/master/session/auth/auth.proto
    """

    username: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Sent:
    """What was sent of one tree: the files' paths in the order asked for, and their bytes."""

    paths: tuple[str, ...] = ()
    bytes: int = 0

    @property
    def files(self) -> int:
        """How many files were sent whole."""
        return len(self.paths)
