"""Trees in memory, for tests."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, BinaryIO

from imagebuild.buildkit import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class MemoryTree:
    """Files by path (a str is a link's target); directories appear by themselves."""

    def __init__(self, files: Mapping[str, bytes | str], *, constant_times: bool = False) -> None:
        self.files = dict(files)
        self.opened: list[str] = []
        self._constant_times = constant_times

    def entries(self) -> Iterable[Entry]:
        """All of them, in order."""
        folders = {
            "/".join(path.split("/")[:depth])
            for path in self.files
            for depth in range(1, len(path.split("/")))
        }
        made = [Entry.directory(path) for path in folders]
        for path, content in self.files.items():
            if isinstance(content, str):
                made.append(Entry.symlink(path, content))
            else:
                made.append(Entry.file(path, len(content), self._time(content)))
        return sorted(made, key=lambda entry: entry.sort_key)

    def open(self, path: str) -> BinaryIO:
        """A file's bytes."""
        self.opened.append(path)
        content = self.files[path]
        assert isinstance(content, bytes)
        return io.BytesIO(content)

    def _time(self, content: bytes) -> int:
        if self._constant_times:
            return 0
        return 10**18 + int.from_bytes(hashlib.sha256(content).digest()[:4], "big") % 10**9
