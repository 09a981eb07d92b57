"""What a storage holds below a folder, and what tells that it is still the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagebuild.digest import digest_of
from imagebuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# What each library tells of an object's content, the surest first; times where there is no more.
_MARKS = ("md5Hash", "crc32c", "ETag", "etag", "generation", "content_md5")
_TIMES = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")


@dataclass(frozen=True, order=True)
class Blob:
    """An object: its key relative to the folder, its path as fsspec has it, its size and mark.

    `written` tells when it was, where that is known.
    """

    key: str
    path: str
    size: int
    mark: str | None
    written: str | None = field(default=None, compare=False)


def read_listing(found: Mapping[str, Mapping[str, Any]], base: str, told: str) -> list[Blob]:
    """The objects below a folder, sorted by key; `told` is what messages call the folder.

    Markers of folders are left out. Raises `UsageError` for a key that cannot be a file's path
    in the folder.
    """
    stem = base.strip("/") + "/"
    blobs = []
    for path, info in found.items():
        bare = path.removeprefix("/") if base.startswith("/") else path
        size = int(info.get("size") or 0)
        if info.get("type") == "directory" or (bare.endswith("/") and not size):
            continue
        if not f"{bare}/".startswith(stem):
            continue
        key = _checked(bare[len(stem) :], told)
        mark, written = _first(info, (*_MARKS, *_TIMES)), _first(info, _TIMES)
        blobs.append(Blob(key, path, size, mark, written))
    blobs.sort()
    _check_folders(blobs, told)
    return blobs


def revision_of(blobs: Iterable[Blob]) -> str:
    """The digest of what tells of each."""
    return digest_of([[blob.key, blob.size, blob.mark] for blob in blobs])


def _first(info: Mapping[str, Any], names: Iterable[str]) -> str | None:
    for name in names:
        if info.get(name):
            return f"{name}={info[name]}"
    return None


def _checked(key: str, told: str) -> str:
    if not key:
        message = f"{told} is one object, and no folder"
        raise UsageError(message, hint="give the folder that it lies in")
    if any(part in {"", ".", ".."} for part in key.split("/")):
        raise _unfit(key, told, "a part of it is empty, . or ..")
    if not key.isprintable():
        raise _unfit(key, told, "it has characters that cannot be printed")
    return key


def _check_folders(blobs: Iterable[Blob], told: str) -> None:
    keys = {blob.key for blob in blobs}
    for key in sorted(keys):
        parts = key.split("/")
        for end in range(1, len(parts)):
            if (folder := "/".join(parts[:end])) in keys:
                raise _unfit(folder, told, f"{key!r} is there too: a file and a folder at once")


def _unfit(key: str, told: str, reason: str) -> UsageError:
    message = f"cannot write the object {key!r} of {told} into a folder"
    return UsageError(message, causes=(reason,), hint="rename or remove it in the storage")
