"""Flow code in a folder of this machine."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from imagebuild.errors import UsageError
from imagebuild.git import read_commit
from imagebuild.record import SET_DIRECTORY, Pulled
from imagebuild.roots import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagebuild.commit import Commit
    from imagebuild.request import SourceRequest
    from imagebuild.sources.kept import Kept
    from imagebuild.sources.references import ReadBlock


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
            raise UsageError(message, hint="see whether the path is right")
        if not root.name:
            message = "the project root is /, the whole machine"
            raise UsageError(message, hint="change to the folder of the flow, or give --context")
        yield LocalCheckout(root, name_of(root), self.env)

    def pulled(self) -> Pulled:
        """A run goes to the folder, where it sees it."""
        folder = str(self.root.resolve())
        return Pulled(({SET_DIRECTORY: {"directory": folder}},), folder=folder)


def open_folder(
    asked: SourceRequest, here: Path, _: Kept, env: Mapping[str, str], __: ReadBlock
) -> LocalSource:
    """A folder by its path or its `file://` URL.

    Raises `UsageError` for one of another machine, and for what is said of other sources.
    """
    if asked.credentials or asked.submodules or asked.directories:
        message = f"{asked.address} is a folder of this machine"
        causes = ("credentials, submodules and directories are of a repository or a storage",)
        raise UsageError(message, causes=causes, hint="leave them out")
    if not asked.address.lower().startswith("file://"):
        return LocalSource(here / asked.address, env)
    parts = urlsplit(asked.address)
    if parts.netloc not in {"", "localhost"} or not parts.path:
        message = f"cannot read file://{parts.netloc.rpartition('@')[2]}{parts.path}"
        raise UsageError(message, causes=("it is not on this machine",), hint="give a path")
    return LocalSource(Path(unquote(parts.path)), env)
