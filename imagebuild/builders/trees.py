"""What a BuildKit session serves: a build context, and files that lie on no disk."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from imagebuild import buildkit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imagebuild.protocols import Context


@dataclass(frozen=True)
class ContextTree:
    """A build context."""

    context: Context

    def entries(self) -> Iterator[buildkit.Entry]:
        """Its nodes, in their order."""
        for node in self.context.nodes:
            if node.kind == "directory":
                yield buildkit.Entry.directory(node.path, node.mtime_ns, node.mode)
            elif node.kind == "link":
                yield buildkit.Entry.symlink(node.path, node.target, node.mtime_ns)
            else:
                yield buildkit.Entry.file(node.path, node.size, node.mtime_ns, node.mode)

    def open(self, path: str) -> BinaryIO:
        """A file's content."""
        return self.context.open(path)


@dataclass(frozen=True)
class Files:
    """A few files, by name."""

    files: Mapping[str, bytes]

    def entries(self) -> Sequence[buildkit.Entry]:
        """All of them, with times that differ where the content does."""
        return [
            buildkit.Entry.file(path, len(content), _content_time(content))
            for path, content in sorted(self.files.items())
        ]

    def open(self, path: str) -> BinaryIO:
        """A file's content."""
        return io.BytesIO(self.files[path])


def _content_time(content: bytes) -> int:
    """Nanoseconds since 1970 that differ where the content does."""
    return int.from_bytes(hashlib.sha256(content).digest()[:7], "big")
