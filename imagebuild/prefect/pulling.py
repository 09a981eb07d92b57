"""Where pull steps send runs, and so where the code has to lie in the image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from imagebuild.planning import PREFECTS_FOLDER
from imagebuild.record import SET_DIRECTORY
from imagebuild.roots import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def folder_of(steps: Any) -> str | None:
    """The folder in which pull steps begin; None where they say none, or what is not known yet."""
    first = steps[0] if isinstance(steps, list) and steps else steps
    inputs = first.get(SET_DIRECTORY) if isinstance(first, Mapping) else None
    folder = inputs.get("directory") if isinstance(inputs, Mapping) else None
    is_stated = isinstance(folder, str) and folder.startswith("/") and "{{" not in folder
    return folder if is_stated else None


def place_in(root: Path, sections: Iterable[Any]) -> str | None:
    """Where the pull sections of a project's file want its code, if not in its usual place.

    prefect-docker names the place by the folder, where we go by the file's `name`: a pull step that
    was written for the one does not fit the other. None where they do not say, or not all the same.
    """
    named = {folder_of(steps) for steps in sections} - {None, str(root)}
    place = named.pop() if len(named) == 1 else None
    is_inside = place and place.startswith(f"{PREFECTS_FOLDER}/{name_of(root)}/")
    return None if is_inside else place
