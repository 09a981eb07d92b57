"""The time that an entry is given: made of its content, for BuildKit and for layers alike."""

from __future__ import annotations

import hashlib

from imagebuild.node import Node

FIRST = 315_532_800  # 1980-01-01


def node(content: bytes) -> Node:
    """A file with this content."""
    return Node("a", "file", 0o644, len(content), hashlib.sha256(content).hexdigest())


def test_a_directory_has_the_fixed_time() -> None:
    """It has no content of its own."""
    assert Node("a", "directory", 0o755).mtime_ns == FIRST * 10**9


def test_equal_contents_have_equal_times_under_any_name() -> None:
    """Neither path, mode nor size is in the time."""
    one = Node("a", "file", 0o644, 1, "ab" * 32)
    other = Node("b/c", "file", 0o755, 2, "ab" * 32)

    assert one.mtime_ns == other.mtime_ns


def test_the_seconds_alone_tell_contents_apart() -> None:
    """A layer keeps no fractions: 2,000 contents collide about as often as 30 bits allow."""
    seconds = {node(b"%d" % number).mtime_ns // 10**9 for number in range(2000)}

    assert len(seconds) >= 1998


def test_every_time_fits_a_tar_header_and_comes_after_1980() -> None:
    """From the smallest digest to the largest."""
    lowest, highest = (Node("a", "file", 0o644, 1, digit * 64).mtime_ns for digit in "0f")

    assert lowest == FIRST * 10**9
    assert highest // 10**9 == (FIRST + 2**30 - 1)
    assert highest // 10**9 < 8**11
