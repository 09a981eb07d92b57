"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from imagebuild.writing import check_writable, write_whole

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_new_or_old_and_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    """And nothing lies beside it afterwards."""
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)

    write_whole(link, b"new")
    write_whole(tmp_path / "fresh", b"x")

    assert link.is_symlink()
    assert real.read_text() == "new"
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fresh", "link", "real"]


def test_what_cannot_be_put_in_its_place_leaves_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the disk is full."""
    target = tmp_path / "file"
    target.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(target, b"new")

    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert target.read_text() == "old"


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    """As `--json-file /dev/stdout` is one."""
    pipe, read = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()

    check_writable(pipe)
    write_whole(pipe, b"said")
    reader.join(10)

    assert read == [b"said"]
    assert pipe.is_fifo()


@pytest.mark.parametrize("where", ["", "no/such/file", "file/inside"])
def test_what_cannot_be_written_is_known_before(tmp_path: Path, where: str) -> None:
    """A folder, a folder that is not there, a file in a file; nothing is left behind."""
    (tmp_path / "file").write_text("kept")

    with pytest.raises(OSError, match=r"folder|No such|Not a directory"):
        check_writable(tmp_path / where)
    check_writable(tmp_path / "file")
    check_writable(tmp_path / "new")

    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "kept"
