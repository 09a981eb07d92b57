"""Blobs, wherever their bytes are: here, in a layer that was made, in a registry, in a layout."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    from imagebuild.oci.descriptors import Descriptor
    from imagebuild.oci.layers import Layer

_CHUNK = 1 << 20


class Store(Protocol):
    """Holds blobs."""

    def stream_blob(self, digest: str, size: int) -> Iterator[bytes]:
        """One of them, piece by piece; raises at its end where it was not what it is called."""


@dataclass(frozen=True)
class Blob:
    """A blob that can be read as often as somebody wants it.

    `sources` are paths of repositories that have it too, in the registry that it comes from.
    """

    descriptor: Descriptor
    stream: Callable[[], Iterator[bytes]]
    sources: tuple[str, ...] = ()

    def open(self) -> BinaryIO:
        """Its content as a file, from the beginning."""
        return io.BufferedReader(_Stream(self.stream()), _CHUNK)


def of_bytes(descriptor: Descriptor, data: bytes) -> Blob:
    """Bytes that are here."""
    return Blob(descriptor, lambda: iter((data,)))


def of_layer(descriptor: Descriptor, layer: Layer) -> Blob:
    """A layer that was made here."""

    def stream() -> Iterator[bytes]:
        with layer.open() as content:
            while chunk := content.read(_CHUNK):
                yield chunk

    return Blob(descriptor, stream)


def of_store(descriptor: Descriptor, store: Store, sources: tuple[str, ...] = ()) -> Blob:
    """What somebody else holds; nobody is asked before it is read."""
    return Blob(descriptor, lambda: store.stream_blob(descriptor.digest, descriptor.size), sources)


def checked(chunks: Iterable[bytes], digest: str, size: int) -> Iterator[bytes]:
    """The same chunks; raises `ValueError`, which says what they were, where it is not this blob.

    Whoever writes them down waits for the end.
    """
    hashed, got = hashlib.sha256(), 0
    for chunk in chunks:
        got += len(chunk)
        if got > size:
            message = f"it is longer than {size} bytes"
            raise ValueError(message)
        hashed.update(chunk)
        yield chunk
    if (got, f"sha256:{hashed.hexdigest()}") != (size, digest):
        message = f"it has {got} bytes that are sha256:{hashed.hexdigest()}"
        raise ValueError(message)


class _Stream(io.RawIOBase):
    """Reads what comes piece by piece."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._left = chunks, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = memoryview(chunk)
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count

    def close(self) -> None:
        """Let go of what it is read from."""
        end = getattr(self._chunks, "close", None)
        if end is not None:
            end()
        super().close()
