"""Fills a new folder with the objects of a listing."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild.errors import ImagebuildError, UsageError
from imagebuild.parallel import each
from imagebuild.sources.blob_listing import revision_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from imagebuild.sources.blob_listing import Blob
    from imagebuild.sources.blob_store import Store

_AT_ONCE = 8
_MODE = 0o644  # a storage knows of no other
_MARKS = "revision.json"  # beside the folder: the mark of each object in it


@dataclass(frozen=True)
class Fetch:
    """What `Kept` asks to fill a folder.

    With `reuse`, what did not change since the newest other revision is copied from there.
    """

    store: Store
    blobs: Sequence[Blob]
    reuse: bool

    def __call__(self, root: Path) -> None:
        """Write every object; raises as `Store.fetch` does."""
        for blob in self.blobs:
            self._reserve(root, blob)
        before = _newest(root) if self.reuse else {}
        missing = [blob for blob in self.blobs if not _copied(blob, root, before)]
        each(lambda blob: self.store.fetch(blob, root / blob.key), missing, _AT_ONCE)
        for blob in self.blobs:
            (root / blob.key).chmod(_MODE)
        # An object written meanwhile would be kept as what was there before.
        self.store.forget()
        if revision_of(self.store.listing()) != revision_of(self.blobs):
            reason = "somebody wrote to it"
            raise self.store.changed(reason)
        if self.reuse and root.name != _MARKS:
            marks = {blob.key: blob.mark for blob in self.blobs if blob.mark}
            (root.parent / _MARKS).write_text(json.dumps(marks))

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


def _newest(root: Path) -> dict[str, tuple[Path, str]]:
    """Where the objects of the newest kept revision lie, each with its mark."""
    kept = sorted(
        root.parents[1].glob(f"*/{_MARKS}"), key=lambda path: path.stat().st_mtime, reverse=True
    )
    for path in kept:
        try:
            marks = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        return {key: (path.parent / root.name / key, mark) for key, mark in marks.items()}
    return {}


def _copied(blob: Blob, root: Path, before: dict[str, tuple[Path, str]]) -> bool:
    there, mark = before.get(blob.key, (None, None))
    if there is None or blob.mark != mark:
        return False
    try:
        if there.is_symlink() or there.stat().st_size != blob.size:
            return False
        shutil.copyfile(there, root / blob.key)
    except OSError:
        return False
    return True
