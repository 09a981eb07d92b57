"""OCI image layouts, written: a folder or a tar of one, whole or not at all.

All is put beside its place first, each blob checked and several at once, and then renamed; the
same images make the same bytes.
https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagebuild.errors import ImagebuildError
from imagebuild.events import Transfer
from imagebuild.node import Node
from imagebuild.oci.content import Blob, checked, of_bytes
from imagebuild.oci.descriptors import OCI_INDEX, Descriptor, checked_digest
from imagebuild.oci.layouts import INDEX, MARK, REF_NAME, VERSION, BadLayout, Layout, name_of
from imagebuild.oci.manifests import described, encoded
from imagebuild.oci.tar import BLOCK, END, entry, padding
from imagebuild.parallel import each
from imagebuild.writing import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from imagebuild.events import Emit
    from imagebuild.oci.configs import Config
    from imagebuild.oci.manifests import ImageManifest

_BLOBS = "blobs/sha256"
_MARK = encoded({"imageLayoutVersion": VERSION})
# What containerd, and an engine on it, calls the image when it is loaded.
FULL_NAME = "io.containerd.image.name"


@dataclass(frozen=True)
class Written:
    """An image to be put into a layout: its manifest in OCI's words, its config, all its blobs.

    `names` are the names it gets there, each with the full name of the image.
    """

    manifest: ImageManifest
    config: Config
    blobs: Sequence[Blob]
    names: Mapping[str, str]

    def entries(self) -> list[dict[str, Any]]:
        """What an index says of it."""
        parts = ("os", "architecture", "variant")
        platform = {key: self.config.value[key] for key in parts if self.config.value.get(key)}
        return [
            {
                **described(self.manifest.descriptor),
                "platform": platform,
                "annotations": {REF_NAME: ref, FULL_NAME: full},
            }
            for ref, full in self.names.items()
        ]


@dataclass(frozen=True)
class Place:
    """Where a layout is written; what lies there already is one, or is not touched."""

    path: Path
    archive: bool

    def look(self) -> Layout | None:
        """What is there, None where there is nothing.

        Raises `BadLayout` for anything else than a layout, and `ImagebuildError` where nothing can
        be written.
        """
        taken = os.path.lexists(self.path)
        found = Layout.read(self.path, archive=self.archive) if taken else None
        folder = self.path.parent if self.archive or found is None else self.path
        with self._told():
            if not stat.S_ISDIR(folder.stat().st_mode):
                raise NotADirectoryError(20, f"{folder.name} is not a directory")
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(13, f"{folder.name} is not yours to write to")
        return found

    def write(self, image: Written, emit: Emit) -> None:
        """Let the layout have the image under its names; other names of a folder stay.

        An archive is of one image: it keeps the further names of that one.
        """
        layout, itself = self.look(), image.manifest.descriptor
        kept = [
            one
            for one in (layout.entries if layout else ())
            if name_of(one) not in image.names
            and (not self.archive or one.get("digest") == itself.digest)
        ]
        entries = [*kept, *image.entries()]
        index = encoded({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})
        whole = (*image.blobs, of_bytes(itself, image.manifest.data))
        blobs = list({one.descriptor.digest: one for one in whole}.values())
        with self._told():
            if self.archive:
                self._pack(index, blobs, emit)
            elif layout is None:
                self._create(index, blobs, emit)
            else:
                self._add(index, layout, blobs, emit)

    def _create(self, index: bytes, blobs: Iterable[Blob], emit: Emit) -> None:
        with _part(self.path) as part:
            _fill(part, blobs, emit)
            (part / MARK).write_bytes(_MARK)
            (part / INDEX).write_bytes(index)
            part.rename(self.path)

    def _add(self, index: bytes, layout: Layout, blobs: Iterable[Blob], emit: Emit) -> None:
        missing = [blob for blob in blobs if not layout.has(blob.descriptor)]
        with _part(self.path / "new") as part:
            _fill(part, missing, emit)
            (self.path / _BLOBS).mkdir(parents=True, exist_ok=True)
            for path in (part / _BLOBS).iterdir():
                path.replace(self.path / _BLOBS / path.name)
            write_whole(self.path / INDEX, index)

    def _pack(self, index: bytes, blobs: Iterable[Blob], emit: Emit) -> None:
        part = _beside(self.path)
        try:
            _write_archive(part, index, sorted(blobs, key=_digest), emit)
            part.replace(self.path)
        finally:
            part.unlink(missing_ok=True)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message, reason = f"cannot write {self.path}", (error.strerror or str(error)).lower()
            hint = "give a path in a folder that is there and can be written to"
            raise ImagebuildError(message, causes=(reason,), hint=hint) from error


def _write_archive(part: Path, index: bytes, blobs: Sequence[Blob], emit: Emit) -> None:
    """The parts of a tar, each at its place: their sizes are known before."""
    folders = [_folder("blobs"), _folder(_BLOBS)]
    start = sum(map(len, folders))
    places = []
    for blob in blobs:
        header = _file(_path(blob.descriptor), blob.descriptor.size)
        places.append((start, header, blob))
        start += len(header) + blob.descriptor.size + len(padding(blob.descriptor.size))
    ends = b"".join(
        _file(name, len(data)) + data + padding(len(data))
        for name, data in ((INDEX, index), (MARK, _MARK))
    )
    with part.open("xb") as file:
        file.write(b"".join(folders))
        file.truncate(start)
        file.seek(start)
        file.write(ends + END + bytes(-(start + len(ends) + len(END)) % (20 * BLOCK)))

    def put(place: tuple[int, bytes, Blob]) -> None:
        at, header, blob = place
        with part.open("r+b") as file:
            file.seek(at)
            file.write(header)
            for chunk in _told(blob, emit):
                file.write(chunk)

    each(put, places)


def _fill(root: Path, blobs: Iterable[Blob], emit: Emit) -> None:
    """The blobs as files of a layout."""
    (root / _BLOBS).mkdir(parents=True)

    def put(blob: Blob) -> None:
        with (root / _path(blob.descriptor)).open("xb") as file:
            for chunk in _told(blob, emit):
                file.write(chunk)

    each(put, blobs)


def _told(blob: Blob, emit: Emit) -> Iterator[bytes]:
    """A blob's content, checked, and told on its way."""
    what, got = blob.descriptor, 0
    try:
        for chunk in checked(blob.stream(), what.digest, what.size):
            got += len(chunk)
            emit(Transfer("build", _digest(blob)[:12], got, what.size))
            yield chunk
    except ValueError as error:
        message = f"cannot write {what.digest}"
        raise BadLayout(message, causes=(str(error),)) from error


@contextmanager
def _part(target: Path) -> Iterator[Path]:
    """A folder beside the target, which is gone with the block, unless it was renamed."""
    part = _beside(target)
    part.mkdir()
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name[:200]}.{os.getpid()}.part")


def _digest(blob: Blob) -> str:
    return checked_digest(blob.descriptor.digest).removeprefix("sha256:")


def _path(descriptor: Descriptor) -> str:
    return f"{_BLOBS}/{checked_digest(descriptor.digest).removeprefix('sha256:')}"


def _file(path: str, size: int) -> bytes:
    return entry(Node(path, "file", 0o644, size), path)


def _folder(path: str) -> bytes:
    return entry(Node(path, "directory", 0o755), path)
