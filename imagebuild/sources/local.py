"""Flow code in a folder of this machine."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class LocalCheckout:
    """The folder itself: it is read where it lies, and nothing is written into it."""

    root: Path
    name: str


@dataclass(frozen=True)
class LocalSource:
    """A project root on this machine."""

    root: Path

    @contextmanager
    def checkout(self) -> Iterator[LocalCheckout]:
        """The folder; raises `UsageError` where it is none, or the whole machine."""
        root = self.root.resolve()
        if not root.is_dir():
            message = f"there is no folder {self.root}"
            raise UsageError(message, hint="give the project root with --context")
        if not root.name:
            message = "the project root is /, the whole machine"
            raise UsageError(message, hint="change to the folder of the flow, or give --context")
        yield LocalCheckout(root, root.name)
