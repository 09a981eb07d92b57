"""Fills a new folder with the objects of a listing."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imagebuild.errors import ImagebuildError, UsageError
from imagebuild.parallel import each
from imagebuild.sources.blob_listing import revision_of
from imagebuild.sources.kept import UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagebuild.sources.blob_listing import Blob
    from imagebuild.sources.blob_store import Store

_MODE = 0o644  # a storage knows of no other
_MARKS = "revision.json"  # beside the folder: the mark of each object in it


@dataclass(frozen=True)
class Fetch:
    """What `Kept` asks to fill a folder.

    What did not change since another revision is copied from there, and so is what was fetched
    before somebody or something interrupted it.
    """

    store: Store
    blobs: Sequence[Blob]

    def __call__(self, root: Path) -> None:
        """Write every object; raises as `Store.fetch` does."""
        for blob in self.blobs:
            self._reserve(root, blob)
        notes = root.name not in {_MARKS, UNFINISHED}
        before = _before(root) if notes else {}
        if notes:
            _note(root.parent / UNFINISHED, {blob.key: _sure(blob) for blob in self.blobs})
        missing = [blob for blob in self.blobs if not _copied(blob, root, before)]
        each(lambda blob: self._get(blob, root), missing, self.store.at_once)
        for blob in self.blobs:
            (root / blob.key).chmod(_MODE)
        # An object written meanwhile would be kept as what was there before.
        self.store.forget()
        if revision_of(self.store.listing()) != revision_of(self.blobs):
            reason = "somebody wrote to it"
            raise self.store.changed(reason)
        if notes:
            _note(root.parent / _MARKS, {blob.key: blob.mark for blob in self.blobs})
            (root.parent / UNFINISHED).unlink(missing_ok=True)

    def is_done(self, root: Path) -> bool:
        """Whether a folder has every object in its size."""
        return all(_size(root / blob.key) == blob.size for blob in self.blobs)

    def _get(self, blob: Blob, root: Path) -> None:
        """Fetch it under another name: what has its own is whole."""
        number, name = tempfile.mkstemp(prefix=".part-", dir=root.parent)
        os.close(number)
        part = Path(name)
        try:
            self.store.fetch(blob, part)
            part.replace(root / blob.key)
        finally:
            part.unlink(missing_ok=True)

    def _reserve(self, root: Path, blob: Blob) -> None:
        """Make the empty file, so that two keys never mean one, whatever the file system."""
        target = root / blob.key
        told = f"cannot write the object {blob.key!r} of {self.store.address.url}"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.open("x").close()
        except (FileExistsError, NotADirectoryError):
            cause = "another has the same name on this machine's file system"
            raise UsageError(told, causes=(cause,), hint="rename one in the storage") from None
        except OSError as error:
            raise ImagebuildError(told, causes=(os.strerror(error.errno or 0),)) from None


def _sure(blob: Blob) -> str | None:
    """What tells that an object is the very one: its content may have been another meanwhile."""
    return f"{blob.mark} {blob.written}" if blob.mark and blob.written else None


def _note(path: Path, marks: dict[str, str | None]) -> None:
    if noted := {key: mark for key, mark in marks.items() if mark}:
        path.write_text(json.dumps(noted))


def _before(root: Path) -> dict[tuple[str, str], list[Path]]:
    """Where objects lie that were fetched before, by key and mark."""
    found: dict[tuple[str, str], list[Path]] = {}
    for name in (_MARKS, UNFINISHED):
        for path in root.parents[1].glob(f"*/{name}"):
            try:
                marks = json.loads(path.read_text())
            except (OSError, ValueError):
                continue
            for key, mark in marks.items():
                found.setdefault((key, mark), []).append(path.parent / root.name / key)
    return found


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _copied(blob: Blob, root: Path, before: dict[tuple[str, str], list[Path]]) -> bool:
    marks = [mark for mark in (blob.mark, _sure(blob)) if mark]
    places = [path for mark in marks for path in before.get((blob.key, mark), [])]
    return any(_copies(there, root / blob.key, blob.size) for there in places)


def _copies(there: Path, target: Path, size: int) -> bool:
    if there.is_symlink() or _size(there) != size:
        return False
    try:
        shutil.copyfile(there, target)
    except OSError:
        return False
    return True
