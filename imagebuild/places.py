"""Where things are found by their names: the user's own folders, and what tables name."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def cache_folder(env: Mapping[str, str]) -> Path | None:
    """The folder for what can be had again; None where the user has none.

    https://specifications.freedesktop.org/basedir-spec/latest/
    """
    home = env.get("XDG_CACHE_HOME") or (env["HOME"] + "/.cache" if env.get("HOME") else "")
    return Path(home, "imagebuild") if home.startswith("/") else None


def load(place: str) -> Any:
    """What `module:name` names, which is imported for it."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
