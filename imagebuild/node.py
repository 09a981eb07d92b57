"""One entry of a build context, as every builder sends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from imagebuild.digest import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["directory", "file", "link"]

_FIXED_SECOND = 315_532_800  # 1980-01-01, the first second that a zip file can hold


@dataclass(frozen=True, slots=True)
class Node:
    """A directory, file or link; its owner is 0 and `mode` its permission bits.

    `path` is relative, with `/` between its parts; `size` is in bytes; `digest` is of a file's
    content or of a link's target, in hexadecimal, and empty for a directory.
    """

    path: str
    kind: Kind
    mode: int
    size: int = 0
    digest: str = ""
    target: str = ""

    @property
    def mtime_ns(self) -> int:
        """The time it is given, in nanoseconds since 1970: made of the content.

        BuildKit takes a file for unchanged where its size and time are, so an edit must show in
        the time. A layer keeps whole seconds alone, so they hold 30 bits of the digest by
        themselves. https://github.com/tonistiigi/fsutil/blob/master/diff_containerd.go
        """
        if not self.digest:
            return _FIXED_SECOND * 10**9
        bits = int(self.digest[:16], 16)
        seconds, fraction = bits >> 34, (bits & (1 << 34) - 1) % 10**9
        return (_FIXED_SECOND + seconds) * 10**9 + fraction


def tree_digest(nodes: Iterable[Node]) -> str:
    """The digest of every path, kind, mode and content among entries, in hexadecimal."""
    return digest_of([(node.path, node.kind, node.mode, node.digest) for node in nodes])
