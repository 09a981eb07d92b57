"""The storage of flow code that is baked into the image: nothing is pulled.

It is a `RunnerStorage` of Prefect's, for `flow.from_source(source=Baked(...), entrypoint=...)`:
https://github.com/PrefectHQ/prefect/blob/main/src/prefect/runner/storage.py
"""

from __future__ import annotations

import asyncio
import os
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagebuild.places import cache_folder
from imagebuild.planning import place_of_code
from imagebuild.prefect.keywords import Keywords, refuse
from imagebuild.prefect.storing import storage_in
from imagebuild.record import SET_DIRECTORY
from imagebuild.request import BuildRequest
from imagebuild.sources.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagebuild.prefect.storing import Storage
    from imagebuild.protocols import Source


@dataclass
class Baked:
    """Flow code that lies in the image where `FlowImage` of the same source puts it.

    `source` is the project root on this machine, or whatever else `FlowImage` takes as `source`,
    with the same further keywords; the entrypoint is relative to it. `directory` is where the code
    lies in the image: what was given as `FlowImage`'s `directory`, or the folder that a Dockerfile
    of your own copies it to; if it is not given, it is known once the code was fetched.

    Code from elsewhere is fetched when Prefect wants to read the flow, by the same way as for the
    image, and kept in the user's cache folder; without one, it is put where Prefect says.

    Raises `UsageError` for a source that is none, for a folder that there is not, and for a
    directory that is no place for code.
    """

    source: Any = field(repr=False)
    directory: str | None = None
    _: KW_ONLY
    source_credentials: str | None = field(default=None, repr=False)
    source_submodules: bool | None = None
    source_directories: Sequence[str] | None = None
    _storage: Storage = field(init=False, repr=False, compare=False)
    _here: Path = field(init=False, repr=False, compare=False, default_factory=Path.cwd)
    _base: Path = field(init=False, repr=False, compare=False, default_factory=Path.cwd)
    _root: Path | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        given = {name: value for name, value in vars(self).items() if name.startswith("source")}
        storage = storage_in(Keywords(given))
        if storage is None:
            refuse("source=None", "it says nothing of where code is", "give a folder, '.'")
        self._storage = storage
        if self.directory is not None:
            self.directory = place_of_code(self.directory)
        with self._opened():  # which refuses what cannot be meant, and asks nobody
            pass
        if kind_of(storage.asked) == "folder":
            self._fetch()

    @property
    def destination(self) -> Path:
        """The project root on this machine; before it is fetched, where Prefect would have it."""
        return self._root or self._base

    @property
    def pull_interval(self) -> int | None:
        """None: what is in an image stays as it is."""
        return None

    def set_base_path(self, path: Path) -> None:
        """Take what Prefect gives for as long as it reads the flow."""
        self._base = path

    async def pull_code(self) -> None:
        """Fetch what is not here yet. Raises `UsageError`, `Denied` or `Unreachable`."""
        await asyncio.to_thread(self._fetch)

    def to_pull_step(self) -> dict[str, Any]:
        """What a run does to find the code: it goes to the folder in the image.

        Raises what `pull_code` does.
        """
        if self.directory is None:
            self._fetch()
        return {SET_DIRECTORY: {"directory": self.directory}}

    @contextmanager
    def _opened(self) -> Iterator[Source]:
        from imagebuild.wiring import opened

        env = dict(os.environ)
        if cache_folder(env) is None:
            env["XDG_CACHE_HOME"] = str(self._base.absolute())
        asked = BuildRequest(self._here, self._here, source=self._storage.asked)
        with opened(asked, env, self._storage.blocks) as source:
            yield source

    def _fetch(self) -> None:
        with self._opened() as source, source.checkout() as checkout:
            self._root = checkout.root
            if self.directory is None:
                self.directory = place_of_code(checkout.name)
