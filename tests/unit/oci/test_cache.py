"""What is remembered of registries: not for long, and never believed unseen."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from imagebuild.oci.cache import Cache

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = f"sha256:{hashlib.sha256(b'data').hexdigest()}"


def test_a_blob_is_remembered_by_its_digest(tmp_path: Path) -> None:
    """By whoever looks into the same folder."""
    Cache(tmp_path / "cache").keep(b"data")

    assert Cache(tmp_path / "cache").blob(DIGEST) == b"data"
    assert (tmp_path / "cache" / "blobs").stat().st_mode & 0o77 == 0


@pytest.mark.parametrize("content", [b"", b"dat", b"other"])
def test_a_blob_that_is_another_by_now_is_forgotten(tmp_path: Path, content: bytes) -> None:
    """Half written, or somebody's own."""
    cache = Cache(tmp_path)
    cache.keep(b"data")
    [path] = (tmp_path / "blobs").iterdir()
    path.write_bytes(content)

    assert cache.blob(DIGEST) is None


def test_what_a_name_means_is_remembered_for_a_day(tmp_path: Path) -> None:
    """Then the registry is asked."""
    Cache(tmp_path).learn("reg/app:v1", DIGEST)
    later = next((tmp_path / "names").iterdir()).stat().st_mtime + 24 * 3600

    assert Cache(tmp_path, lambda: later - 1).meaning("reg/app:v1") == DIGEST
    assert Cache(tmp_path, lambda: later + 1).meaning("reg/app:v1") is None
    assert Cache(tmp_path).meaning("reg/app:v2") is None


def test_a_name_can_be_forgotten(tmp_path: Path) -> None:
    """Once, and twice."""
    cache = Cache(tmp_path)
    cache.learn("reg/app:v1", DIGEST)
    cache.learn("reg/app:v1", None)
    cache.learn("reg/app:v1", None)

    assert cache.meaning("reg/app:v1") is None


def test_a_meaning_that_is_no_digest_is_none(tmp_path: Path) -> None:
    """It will be part of an address."""
    cache = Cache(tmp_path)
    cache.learn("reg/app:v1", "sha256:../../x")

    assert cache.meaning("reg/app:v1") is None


def test_the_folder_does_not_grow_for_ever(tmp_path: Path) -> None:
    """The newest stay."""
    cache = Cache(tmp_path)
    for number in range(500):
        cache.keep(str(number).encode())

    assert len(list((tmp_path / "blobs").iterdir())) <= 400
    assert cache.blob(f"sha256:{hashlib.sha256(b'499').hexdigest()}") == b"499"


@pytest.mark.parametrize("env", [{}, {"HOME": ""}, {"XDG_CACHE_HOME": "relative"}])
def test_without_a_home_nothing_is_remembered(env: dict[str, str]) -> None:
    """And nothing goes wrong."""
    cache = Cache.of(env)
    cache.keep(b"data")
    cache.learn("reg/app:v1", DIGEST)

    assert cache.blob(DIGEST) is None
    assert cache.meaning("reg/app:v1") is None


def test_a_folder_that_cannot_be_written_is_as_good_as_none(tmp_path: Path) -> None:
    """A file stands in its place."""
    (tmp_path / "imagebuild").write_text("")
    cache = Cache.of({"XDG_CACHE_HOME": str(tmp_path)})
    cache.keep(b"data")

    assert cache.blob(DIGEST) is None
