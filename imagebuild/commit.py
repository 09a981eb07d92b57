"""The commit that files are of, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Commit:
    """A commit of git: `revision` is its hash, 40 or 64 hexadecimal digits.

    `time` is when it was committed, in seconds since 1970 UTC; `dirty` whether tracked files
    differ from it; `url` where its repository lies, without anybody's name or password.
    """

    revision: str
    time: int
    dirty: bool = False
    url: str | None = None
