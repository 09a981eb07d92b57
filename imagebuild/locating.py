"""Finds the file that a user typed, among those that are in the build context."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from imagebuild.errors import UsageError

if TYPE_CHECKING:
    from imagebuild.context import ProjectContext


def locate(context: ProjectContext, typed: str, here: Path, what: str = "file") -> str:
    """The path relative to the project root; links are followed.

    `typed` is relative to `here`, the folder the user stands in, else to the root; `what` names
    such a file in a message. Raises `UsageError` for one that does not exist, that is outside the
    root, or that is left out.
    """
    candidates = [here / typed, context.root / typed]
    existing = next((path for path in candidates if path.is_file()), None)
    if existing is None:
        message = f"there is no {what} {typed}"
        raise UsageError(message, hint=f"give its path relative to {here}")
    path = Path(os.path.relpath(existing.resolve(), context.root)).as_posix()
    if path.startswith("../"):
        message = f"{typed} is outside the project root {context.root}"
        raise UsageError(
            message,
            causes=("only the project root is copied into the image",),
            hint="give a root that holds it and what it needs: --context FOLDER",
        )
    check_sent(context, path)
    return path


def check_sent(context: ProjectContext, path: str) -> None:
    """Raise `UsageError` for a path that exists and is left out of the image."""
    rule = context.ignore.why(path, is_dir=False)
    if rule is not None and (context.root / path).exists():
        message = f"{path} is needed, and left out of the image by {rule}"
        raise UsageError(message, hint=f"add the line !{path} to .dockerignore")
