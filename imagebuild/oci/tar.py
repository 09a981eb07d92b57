"""Entries of a tar, written by hand: nothing of the machine is in them, and it is quick.

POSIX.1-2001's format: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from imagebuild.node import Node

BLOCK: Final = 512
END: Final = bytes(2 * BLOCK)

_TYPES = {"directory": b"5", "file": b"0", "link": b"2"}
_NAME, _PREFIX, _LARGEST = 100, 155, 8**11 - 1
_ZEROS = b"0000000\x00" * 2  # owner and group; a device's two numbers
_REST = b"ustar\x0000" + bytes(64) + _ZEROS  # the format, no names of owners, no device
_HEADER = struct.Struct("100s48s8sc100s88s167s")
_FIXED = sum(_REST) + 8 * ord(" ")  # the checksum's own field counts as spaces


def entry(node: Node, path: str) -> bytes:
    """The header of a node at a path, its owner 0, its time in whole seconds; the content follows.

    A path, target or size that an old tar's header cannot hold stands in a header of its own.
    """
    name = path.encode("utf-8", "surrogateescape") + (b"/" if node.kind == "directory" else b"")
    target = node.target.encode("utf-8", "surrogateescape")
    more: dict[str, bytes] = {}
    split = _split(name)
    if split is None:
        more["path"] = name
        split = (name[:_NAME].decode("ascii", "replace").encode("ascii", "replace"), b"")
    if len(target) > _NAME or not target.isascii():
        more["linkpath"] = target
        target = b""
    if not _is_text(more.get("path", b"") + more.get("linkpath", b"")):
        more["hdrcharset"] = b"BINARY"
    size = node.size if node.kind == "file" else 0
    if size > _LARGEST:
        more["size"] = str(size).encode()
    seconds = node.mtime_ns // 10**9
    kind = _TYPES[node.kind]
    header = _header(split, node.mode, min(size, _LARGEST), seconds, kind, target)
    return (_extended(more, seconds) if more else b"") + header


def _is_text(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def padding(size: int) -> bytes:
    """What follows a content of this size, so that the next header begins a block."""
    return bytes(-size % BLOCK)


def _split(name: bytes) -> tuple[bytes, bytes] | None:
    """Name and prefix in their fields; None where they do not fit there."""
    if not name.isascii():
        return None
    if len(name) <= _NAME:
        return name, b""
    at = name.rfind(b"/", 0, min(_PREFIX + 1, len(name) - 1))
    if at <= 0 or len(name) - at - 1 > _NAME:
        return None
    return name[at + 1 :], name[:at]


def _header(
    name: tuple[bytes, bytes], mode: int, size: int, seconds: int, kind: bytes, target: bytes
) -> bytes:
    numbers = b"%07o\x00%s%011o\x00%011o\x00" % (mode, _ZEROS, size, seconds)
    checksum = sum(name[0]) + sum(numbers) + sum(kind) + sum(target) + sum(name[1]) + _FIXED
    return _HEADER.pack(name[0], numbers, b"%06o\x00 " % checksum, kind, target, _REST, name[1])


def _extended(more: dict[str, bytes], seconds: int) -> bytes:
    """A header that holds what the next one cannot."""
    content = b"".join(_record(key, value) for key, value in sorted(more.items()))
    name = (b"PaxHeaders/entry", b"")
    header = _header(name, 0o644, len(content), seconds, b"x", b"")
    return header + content + padding(len(content))


def _record(key: str, value: bytes) -> bytes:
    """`length key=value` in one line, where the length counts its own digits too."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key.encode(), value)
