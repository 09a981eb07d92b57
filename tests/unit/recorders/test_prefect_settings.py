"""Prefect's settings, as far as they are read without Prefect."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from imagebuild.recorders import prefect_settings
from imagebuild.recorders.prefect_settings import PrefectSettings

if TYPE_CHECKING:
    from pathlib import Path

URL = "http://127.0.0.1:4200/api"
SECRET = "pnu_canary"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home of Prefect, which is also the current folder."""
    folder = tmp_path / "prefect"
    folder.mkdir()
    return folder


def read(home: Path, **env: str) -> PrefectSettings:
    """What is read there in this environment."""
    return prefect_settings.read({"PREFECT_HOME": str(home), **env}, home)


def test_no_secret_is_in_a_repr(home: Path) -> None:
    """Not the key, not the password, not a header, not the password in the URL."""
    settings = read(
        home,
        PREFECT_API_URL=f"http://user:{SECRET}@host/api",
        PREFECT_API_KEY=SECRET,
        PREFECT_API_AUTH_STRING=f"user:{SECRET}",
        PREFECT_CLIENT_CUSTOM_HEADERS=f'{{"X-Token": "{SECRET}"}}',
    )
    assert settings.api_key == SECRET
    assert SECRET not in repr(settings)


def test_the_usual_sources_are_read_without_prefect(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Importing it takes seconds, so a profile and the environment do not need it."""
    monkeypatch.delitem(sys.modules, "prefect", raising=False)  # other tests compare us with it
    (home / "profiles.toml").write_text(
        f'active = "p"\n[profiles.p]\nPREFECT_API_URL = "{URL}"\nPREFECT_API_KEY = "k"\n'
    )
    (home / "pyproject.toml").write_text('[project]\ndependencies = ["prefect"]\n')
    (home / ".env").write_text("OTHER=1\n")
    settings = read(home, PREFECT_API_KEY="from the environment")
    assert (settings.api_url, settings.api_key) == (URL, "from the environment")
    assert "prefect" not in sys.modules


def test_without_any_source_prefect_may_start_its_own_server(home: Path) -> None:
    """That is the profile that Prefect brings."""
    assert read(home) == PrefectSettings(ephemeral=True)
