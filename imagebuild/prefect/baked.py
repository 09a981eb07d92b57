"""The storage of flow code that is baked into the image: nothing is pulled.

It is a `RunnerStorage` of Prefect's, for `flow.from_source(source=Baked(...), entrypoint=...)`:
https://github.com/PrefectHQ/prefect/blob/main/src/prefect/runner/storage.py
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imagebuild.planning import place_of_code
from imagebuild.record import SET_DIRECTORY
from imagebuild.sources.local import LocalSource


@dataclass(frozen=True)
class Baked:
    """Flow code that lies in the image where `FlowImage` of the same folder puts it.

    `folder` is the project root on this machine, and the entrypoint is relative to it. `directory`
    is where it lies in the image: what was given as `FlowImage`'s `directory`, or the folder that a
    Dockerfile of your own copies it to. Raises `UsageError` for a folder that there is not, and for
    a directory that is no place for code.
    """

    folder: str | os.PathLike[str]
    directory: str | None = None
    destination: Path = field(init=False, repr=False)

    def __post_init__(self) -> None:
        with LocalSource(Path(self.folder), os.environ).checkout() as checkout:
            root, name = checkout.root, checkout.name
        place = name if self.directory is None else self.directory
        object.__setattr__(self, "destination", root)
        object.__setattr__(self, "directory", place_of_code(place))

    @property
    def pull_interval(self) -> int | None:
        """None: what is in an image stays as it is."""
        return None

    def set_base_path(self, path: Path) -> None:
        """Nothing: the code is read where it lies."""

    async def pull_code(self) -> None:
        """Nothing: the code is there."""

    def to_pull_step(self) -> dict[str, Any]:
        """What a run does to find the code: it goes to the folder in the image."""
        return {SET_DIRECTORY: {"directory": self.directory}}
