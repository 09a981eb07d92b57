"""Checkouts that are kept, so that what has not changed is not fetched again.

They lie in the user's own cache folder, by source and revision, each made beside its place and
moved there whole. One that could not be finished is left for the next to go on from, where it says
what it has. Where none can be kept, a checkout lasts as long as it is used.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imagebuild.digest import digest_of
from imagebuild.places import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_UNUSED = 7 * 24 * 3600.0  # seconds after which another revision is no longer kept
_DIGITS = 32
_NEW, _LEFT = ".new-", ".left-"
UNFINISHED = "unfinished.json"  # beside a folder that is being filled: what it will hold


@dataclass(frozen=True)
class Kept:
    """Checkouts in a folder, if there is one."""

    folder: Path | None

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Kept:
        """The user's own."""
        folder = cache_folder(env)
        return cls(folder / "sources" if folder else None)

    @contextmanager
    def checkout(
        self,
        source: object,
        revision: str,
        name: str,
        fetch: Callable[[Path], None],
        is_whole: Callable[[Path], bool] = lambda _: True,
    ) -> Iterator[Path]:
        """The folder of a revision of a source, which ends with `name`.

        `source` is all that tells one source from others, as JSON can hold it; no secret. `fetch`
        fills a new folder; where it raises, nothing is kept, but for what it noted as UNFINISHED.
        What is kept and no longer `is_whole`, as somebody wrote to it, is fetched anew.
        """
        with self._of(source) as of_source:
            place = of_source / digest_of([revision, name])[:_DIGITS]
            if (place / name).is_dir() and not is_whole(place / name):
                shutil.rmtree(place)
            if not (place / name).is_dir():
                _fill(place, name, fetch)
            os.utime(place)
            _forget_others(of_source, place)
            yield place / name

    @contextmanager
    def _of(self, source: object) -> Iterator[Path]:
        """The folder of a source's checkouts, which nobody else writes to."""
        if self.folder is not None:
            found = self.folder / digest_of(source)[:_DIGITS]
            with suppress(OSError):
                found.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.access(found, os.W_OK | os.X_OK):
                yield found
                return
        with tempfile.TemporaryDirectory(prefix="imagebuild-") as folder:
            yield Path(folder)


def _fill(place: Path, name: str, fetch: Callable[[Path], None]) -> None:
    made = Path(tempfile.mkdtemp(prefix=_NEW, dir=place.parent))
    try:
        (made / name).mkdir()
        fetch(made / name)
        with suppress(OSError):  # somebody else was quicker, with the same
            made.rename(place)
    finally:
        if (made / UNFINISHED).is_file():
            made.rename(made.with_name(made.name.replace(_NEW, _LEFT)))
        shutil.rmtree(made, ignore_errors=True)
    for left in place.parent.glob(f"{_LEFT}*"):
        shutil.rmtree(left, ignore_errors=True)


def _forget_others(of_source: Path, place: Path) -> None:
    """Let go of what nobody has used for a while, this source's other revisions alone."""
    for other in of_source.iterdir():
        with suppress(OSError):
            if other != place and time.time() - other.stat().st_mtime > _UNUSED:
                shutil.rmtree(other, ignore_errors=True)
