"""Files that are read again must be what they were."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from imagebuild.files import read_agreed

if TYPE_CHECKING:
    from pathlib import Path

MEGABYTE = 1 << 20
SIZES = [0, 1, MEGABYTE - 1, MEGABYTE, MEGABYTE + 1, 3 * MEGABYTE]


def read(path: Path, content: bytes) -> bytes:
    """Read what is expected to hold this content."""
    digest = hashlib.sha256(content).hexdigest()
    return b"".join(read_agreed(str(path), digest, len(content)))


@pytest.mark.parametrize("size", SIZES)
def test_a_file_of_any_size_is_read_whole(tmp_path: Path, size: int) -> None:
    """Whether it comes in one piece or in several."""
    path, content = tmp_path / "file", os.urandom(size)
    path.write_bytes(content)

    assert read(path, content) == content


@pytest.mark.parametrize("size", SIZES[1:])
@pytest.mark.parametrize("change", ["shorter", "longer", "other"])
def test_a_file_that_is_another_by_now_is_an_error(tmp_path: Path, size: int, change: str) -> None:
    """Also where its size is the same."""
    path, content = tmp_path / "file", b"a" * size
    path.write_bytes({"shorter": content[1:], "longer": content + b"a"}.get(change, b"b" * size))

    with pytest.raises(OSError, match="it changed since it was read"):
        read(path, content)


def test_what_took_the_files_place_is_an_error(tmp_path: Path) -> None:
    """A link is not followed, and a FIFO not waited for."""
    content = b"content"
    (tmp_path / "file").write_bytes(content)
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "fifo")

    for name in ("link", "fifo", "gone"):
        with pytest.raises(OSError, match=r"changed|symbolic links|No such file"):
            read(tmp_path / name, content)
