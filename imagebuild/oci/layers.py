"""A layer of files, the same bytes on every machine: a tar in gzip's own words, not compressed.

What a compressor makes of the same input differs by library, release and processor; gzip's
`stored` blocks do not, and cost no time. https://www.rfc-editor.org/rfc/rfc1951#section-3.2.4
"""

from __future__ import annotations

import hashlib
import io
import os
import struct
import tempfile
import threading
import weakref
import zlib
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from imagebuild.oci.descriptors import Descriptor
from imagebuild.oci.tar import END, entry, padding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    from imagebuild.node import Node

_HEADER = b"\x1f\x8b\x08" + bytes(6) + b"\xff"  # no name, no time, an unknown system
_BLOCK = 65535
_CHUNK = 1 << 20
_IN_MEMORY = 16 << 20


class Unreadable(Exception):
    """A file could not be read as it was planned: its `path`, and the `reason`."""

    def __init__(self, path: str, error: OSError) -> None:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


@dataclass(frozen=True)
class Layer:
    """A layer that was made: its digests, its `size` in bytes, and its content."""

    digest: str
    diff_id: str
    size: int
    _file: IO[bytes]
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def descriptor(self, media_type: str) -> Descriptor:
        """What a manifest says of it."""
        return Descriptor(media_type, self.digest, self.size)

    def open(self) -> BinaryIO:
        """Its content from the beginning, for whoever reads it beside others."""
        return io.BufferedReader(_View(self._file, self._lock), _CHUNK)


def make_layer(
    nodes: Iterable[Node], directory: str, read: Callable[[str], Iterable[bytes]]
) -> Layer:
    """The layer that puts the nodes below an absolute directory.

    `read` gives a file's content, piece by piece, by its path. The layer lies in memory, or where
    it is large in a file without a name, as long as somebody holds it. Raises `Unreadable`.
    """
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
    try:
        layer = _written(_tar(nodes, directory, read), _Writer(file))
    except BaseException:
        file.close()
        raise
    weakref.finalize(layer, file.close)
    return layer


def _written(pieces: Iterable[bytes], writer: _Writer) -> Layer:
    pending, size = list[bytes](), 0
    for piece in pieces:
        pending.append(piece)
        size += len(piece)
        if size >= _CHUNK:
            writer.write(b"".join(pending))
            pending, size = [], 0
    return writer.end(b"".join(pending))


def _tar(
    nodes: Iterable[Node], directory: str, read: Callable[[str], Iterable[bytes]]
) -> Iterator[bytes]:
    below = directory.strip("/") + "/"
    for node in nodes:
        yield entry(node, below + node.path)
        if node.kind == "file":
            try:
                yield from _whole(node, read(node.path))
            except OSError as error:
                raise Unreadable(node.path, error) from error
            yield padding(node.size)
    yield END


def _whole(node: Node, content: Iterable[bytes]) -> Iterator[bytes]:
    seen = 0
    for chunk in content:
        seen += len(chunk)
        yield chunk
    if seen != node.size:
        message = "it changed since it was read"
        raise OSError(message)


class _View(io.RawIOBase):
    """Reads a file that others read too."""

    def __init__(self, file: IO[bytes], lock: threading.Lock) -> None:
        self._file, self._lock, self._at = file, lock, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        with self._lock:
            self._file.seek(self._at)
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


class _Writer:
    """Writes gzip's stored blocks, and counts both digests on the way."""

    def __init__(self, file: Any) -> None:
        self._file: IO[bytes] = file
        self._inner, self._outer = hashlib.sha256(), hashlib.sha256()
        self._crc, self._size, self._rest = 0, 0, b""
        self._out(_HEADER)

    def write(self, data: bytes) -> None:
        """Write what surely is not the end, in whole blocks."""
        self._inner.update(data)
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)
        data = self._rest + data
        whole = (len(data) - 1) // _BLOCK * _BLOCK if data else 0
        blocks = (data[start : start + _BLOCK] for start in range(0, whole, _BLOCK))
        self._out(b"".join(_stored(block) for block in blocks))
        self._rest = data[whole:]

    def end(self, data: bytes) -> Layer:
        self.write(data)
        tail = struct.pack("<II", self._crc, self._size & 0xFFFFFFFF)
        self._out(_stored(self._rest, last=True) + tail)
        digest, diff_id = (f"sha256:{one.hexdigest()}" for one in (self._outer, self._inner))
        return Layer(digest, diff_id, self._file.tell(), self._file)

    def _out(self, data: bytes) -> None:
        self._outer.update(data)
        self._file.write(data)


def _stored(data: bytes, *, last: bool = False) -> bytes:
    return struct.pack("<BHH", last, len(data), len(data) ^ 0xFFFF) + data
