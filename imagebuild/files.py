"""Reads regular files, and nothing that was put in their place."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

# A FIFO would be waited for without O_NONBLOCK, and a link followed without O_NOFOLLOW.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 1 << 20  # bytes
_CHANGED = "it changed since it was read"


@dataclass(frozen=True, slots=True)
class Regular:
    """A regular file: its mode as stat(2) has it, its size in bytes, its SHA-256 in hexadecimal.

    `may_hold` is whether it may hold the word that was looked for; for a long file, true.
    """

    mode: int
    size: int
    digest: str
    may_hold: bool


def read_regular(name: str, folder: int, word: bytes) -> Regular:
    """Read a file in an open folder to its end.

    Raises `OSError`, also for what is no longer a regular file.
    """
    handle = os.open(name, _FLAGS, dir_fd=folder)
    try:
        status = _regular(handle, name)
        size, digest, may_hold = 0, hashlib.sha256(), False
        # Asked for by the size that is expected, as each call first allocates what it may get.
        while data := os.read(handle, min(max(status.st_size - size, 0) + 1, _CHUNK)):
            may_hold = may_hold or size > 0 or word in data
            size += len(data)
            digest.update(data)
    finally:
        os.close(handle)
    return Regular(status.st_mode, size, digest.hexdigest(), may_hold)


def open_agreed(path: str, digest: str) -> io.BufferedReader:
    """A file that must have the content that was agreed on, by its SHA-256 in hexadecimal.

    What is sent is filed under that content's digest and time, in the engine too: another content
    under them would be taken for it from then on. So reading raises `OSError`, at the latest at
    the end, where it is another content. Raises `OSError`, also for what is no regular file.
    """
    handle = os.open(path, _FLAGS)
    try:
        _regular(handle, path)
    except OSError:
        os.close(handle)
        raise
    return io.BufferedReader(_Agreed(handle, digest))


def read_agreed(path: str, digest: str, size: int) -> Iterator[bytes]:
    """The same, piece by piece, for a file that had `size` bytes; a small one is one piece."""
    if size >= _CHUNK:
        with open_agreed(path, digest) as file:
            while chunk := file.read(_CHUNK):
                yield chunk
        return
    handle = os.open(path, _FLAGS)
    try:
        data = os.read(handle, size + 1)
    finally:
        os.close(handle)
    if hashlib.sha256(data).hexdigest() != digest:
        raise OSError(_CHANGED)
    yield data


class _Agreed(io.RawIOBase):
    """Whatever reads it, in whatever pieces, comes through `readinto`."""

    def __init__(self, handle: int, digest: str) -> None:
        self._handle = handle
        self._digest = digest
        self._seen = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer)
        size = os.readv(self._handle, [view])
        self._seen.update(view[:size])
        if not size and view and self._seen.hexdigest() != self._digest:
            raise OSError(_CHANGED)
        return size

    def close(self) -> None:
        if not self.closed:
            super().close()
            os.close(self._handle)


def _regular(handle: int, path: str) -> os.stat_result:
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "no longer a regular file", path)
    return status
