"""Opens regular files, and nothing that was put in their place."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def open_regular(path: Path) -> io.FileIO:
    """Open a regular file, and nothing that was put in its place since it was listed.

    A FIFO would be waited for without O_NONBLOCK, and a link followed without O_NOFOLLOW.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "no longer a regular file", str(path))
    return io.FileIO(handle)


class Agreed(io.BufferedReader):
    """A file that must have the content that was agreed on.

    What is sent is filed under that content's digest and time, in the engine too: another content
    under them would be taken for it from then on.
    """

    def __init__(self, raw: io.FileIO, digest: str) -> None:
        super().__init__(raw)
        self._digest = digest
        self._seen = hashlib.sha256()

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes; raises `OSError` at the end of another content."""
        data = super().read(size)
        self._seen.update(data)
        ended = not data if size is not None and size > 0 else size != 0
        if ended and self._seen.hexdigest() != self._digest:
            message = "it changed since it was read"
            raise OSError(message)
        return data
