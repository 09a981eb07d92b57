"""A build context as a tar, made while it is sent: never whole in memory, never on disk.

POSIX.1-2001's format: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
"""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild.builders.failures import unsendable
from imagebuild.node import Node
from imagebuild.oci.tar import END, entry, padding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import BinaryIO

    from imagebuild.builders.recipe import Dockerfile

IGNORE_FILE = ".dockerignore"
_CHUNK = 1 << 20


def open_nothing(path: str) -> BinaryIO:
    """The content of a file where there are none."""
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


@dataclass(frozen=True)
class Packed:
    """A Dockerfile, which the engine takes out again, and the nodes of a context beside it.

    `open` gives a file's content by its path.

    The builder reads the Dockerfile, then removes it and the ignore file from the context, if
    the ignore file names them; it has no other use for that.
    https://github.com/moby/moby/blob/v20.10.24/builder/remotecontext/detect.go
    """

    dockerfile: Dockerfile
    nodes: Sequence[Node] = ()
    open: Callable[[str], BinaryIO] = open_nothing

    @property
    def dockerfile_name(self) -> str:
        """The Dockerfile's name in the tar, which no entry of the context has."""
        digest = hashlib.sha256(self.dockerfile.text.encode()).hexdigest()
        taken = {node.path for node in self.nodes}
        name = f".Dockerfile-{digest[:12]}"
        while name in taken:
            name += "-"
        return name

    @property
    def left_out(self) -> tuple[str, ...]:
        """The entries of the context that cannot be in the tar: an ignore file of its own."""
        return tuple(node.path for node in self.nodes if node.path == IGNORE_FILE)

    def __iter__(self) -> Iterator[bytes]:
        """The tar in pieces; raises `BuildFailed` for a file that changed since it was planned."""
        name = self.dockerfile_name
        for node in self.nodes:
            if node.path != IGNORE_FILE:
                yield from self._entry(node)
        yield from _small(name, self.dockerfile.text.encode())
        yield from _small(IGNORE_FILE, f"{name}\n{IGNORE_FILE}\n".encode())
        yield END

    def _entry(self, node: Node) -> Iterator[bytes]:
        yield entry(node, node.path)
        if node.kind == "file":
            yield from _padded(self._content(node), node.size)

    def _content(self, node: Node) -> Iterator[bytes]:
        sent = 0
        try:
            with self.open(node.path) as file:
                while chunk := file.read(_CHUNK):
                    sent += len(chunk)
                    if sent > node.size:
                        break
                    yield chunk
        except OSError as error:
            reason = os.strerror(error.errno).lower() if error.errno else str(error)
            raise unsendable(node.path, reason) from error
        if sent != node.size:
            raise unsendable(node.path, "it changed since it was read")


def _small(name: str, content: bytes) -> Iterator[bytes]:
    yield entry(Node(name, "file", 0o644, len(content)), name)
    yield from _padded([content], len(content))


def _padded(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    yield from chunks
    yield padding(size)
