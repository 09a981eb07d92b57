"""A stand-in image is built again when what it is made of has changed, and only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.images import PREFECT
from tests.support.images.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path


def test_the_key_follows_the_files_content_and_not_their_times(tmp_path: Path) -> None:
    """One changed byte is another image."""
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("FROM a\n")
    recipe = Recipe("image:1", tmp_path)
    before = recipe.key()

    dockerfile.touch()
    dockerfile.chmod(0o600)
    assert recipe.key() == before
    dockerfile.write_text("FROM b\n")
    assert recipe.key() != before


def test_the_key_follows_what_this_machine_brings(tmp_path: Path) -> None:
    """The lock is part of the recipe, wherever it lies."""
    folder = tmp_path / "folder"
    folder.mkdir()
    lock = tmp_path / "lock"
    lock.write_text("a==1\n")
    recipe = Recipe("image:1", folder, {"requirements.lock": lock})
    before = recipe.key()

    lock.write_text("a==2\n")
    assert recipe.key() != before


def test_prefects_stand_in_is_made_from_our_lock() -> None:
    """So the image has the version that the tests run."""
    assert "prefect==" in PREFECT.files()["requirements.lock"].read_text()
