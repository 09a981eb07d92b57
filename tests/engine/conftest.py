"""Tests on real parts see none of the user's own settings of Prefect and of this project."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget PREFECT_* and IMAGEBUILD_*; the engine stays the one that docker finds."""
    for name in list(os.environ):
        if name.startswith(("PREFECT_", "IMAGEBUILD_")):
            monkeypatch.delenv(name)
