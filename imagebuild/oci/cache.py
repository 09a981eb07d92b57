"""A short memory of what registries hold: small blobs by their digests, and what tags meant.

It is never the truth: a blob is hashed again when it is read, and a registry says by itself what
it lacks. It lies in the user's own cache folder, and without one nothing is remembered.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from imagebuild.places import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SECONDS = 24 * 3600.0
_KEPT = 400
_DIGEST = re.compile(rb"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Cache:
    """What is remembered in a folder, if there is one; `now` gives seconds since 1970."""

    folder: Path | None
    now: Callable[[], float] = field(default=time.time, repr=False, compare=False)

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Cache:
        """The user's own."""
        return cls(cache_folder(env))

    def blob(self, digest: str) -> bytes | None:
        """A blob, if it is remembered as it was."""
        data = self._read("blobs", digest.removeprefix("sha256:"))
        known = data is not None and f"sha256:{hashlib.sha256(data).hexdigest()}" == digest
        return data if known else None

    def keep(self, data: bytes) -> None:
        """Remember a blob."""
        self._write("blobs", hashlib.sha256(data).hexdigest(), data)

    def meaning(self, name: str) -> str | None:
        """The digest that a name had when it was last seen, not long ago."""
        data = self._read("names", _file(name))
        return data.decode() if data is not None and _DIGEST.fullmatch(data) else None

    def learn(self, name: str, digest: str | None) -> None:
        """Remember what a name means; None forgets it."""
        if digest is None and self.folder is not None:
            with suppress(OSError):
                (self.folder / "names" / _file(name)).unlink()
        elif digest is not None:
            self._write("names", _file(name), digest.encode())

    def _read(self, kind: str, name: str) -> bytes | None:
        if self.folder is None:
            return None
        path = self.folder / kind / name
        try:
            if not 0 <= self.now() - path.stat().st_mtime < _SECONDS:
                return None
            return path.read_bytes()
        except OSError:
            return None

    def _write(self, kind: str, name: str, data: bytes) -> None:
        if self.folder is None:
            return
        place = self.folder / kind
        with suppress(OSError):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, path = tempfile.mkstemp(dir=place)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(path).replace(place / name)
            _prune(place)


def _file(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _prune(folder: Path) -> None:
    """Keep the newest; what somebody else removes meanwhile is gone as well."""
    entries = [entry for entry in os.scandir(folder) if entry.is_file()]
    if len(entries) <= _KEPT:
        return
    by_age = sorted(entries, key=lambda entry: entry.stat().st_mtime)
    for entry in by_age[: len(entries) - _KEPT // 2]:
        with suppress(OSError):
            Path(entry).unlink()
