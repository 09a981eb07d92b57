"""Flow code in a folder of this machine."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from imagebuild.errors import UsageError
from imagebuild.git import read_commit
from imagebuild.roots import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from imagebuild.commit import Commit


@dataclass(frozen=True)
class LocalCheckout:
    """The folder itself: it is read where it lies, and nothing is written into it."""

    root: Path
    name: str
    env: Mapping[str, str]

    @cached_property
    def commit(self) -> Commit | None:
        """What git says of it, if it is asked."""
        return read_commit(self.root, self.env)


@dataclass(frozen=True)
class LocalSource:
    """A project root on this machine; `env` is the environment that git is asked in."""

    root: Path
    env: Mapping[str, str]

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
        yield LocalCheckout(root, name_of(root), self.env)
