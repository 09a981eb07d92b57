"""What ends a file sync too early, and how both sides hear of it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

import pytest

from imagebuild.buildkit import (
    BuildFailed,
    Entry,
    FileChanged,
    Tree,
    UnreadableFile,
)

from .trees import MemoryTree

if TYPE_CHECKING:
    from collections.abc import Iterable

    import docker

    from .fake_engine import Build, FakeEngine

from .test_filesync import FILES, run


class Broken(MemoryTree):
    """A tree where `bad` cannot be opened."""

    def open(self, path: str) -> BinaryIO:
        if path == "bad":
            raise PermissionError(13, "Permission denied", "/somewhere/bad")
        return super().open(path)


class Unlisted(MemoryTree):
    """A tree that cannot be listed."""

    def entries(self) -> Iterable[Entry]:
        yield Entry.file("a", 1, 0)
        raise PermissionError(13, "Permission denied", "folder")


class Resized(MemoryTree):
    """A tree whose file `bad` has another size than announced."""

    def __init__(self, really: bytes) -> None:
        super().__init__({"bad": b"1234"})
        self._really = really

    def open(self, path: str) -> BinaryIO:
        return io.BytesIO(self._really)


@pytest.mark.parametrize(
    ("context", "kind", "path", "reason"),
    [
        (Broken({"bad": b"x", "good": b"y"}), UnreadableFile, "bad", "Permission denied"),
        (Unlisted({}), UnreadableFile, "folder", "Permission denied"),
        (Resized(b"12345"), FileChanged, "bad", "4 bytes were announced"),
        (Resized(b"123"), FileChanged, "bad", "4 bytes were announced"),
        (MemoryTree({"bad\udcff": b""}), UnreadableFile, "bad\udcff", "not valid Unicode"),
    ],
    ids=["unreadable", "unlisted", "grown", "shrunk", "name"],
)
def test_what_cannot_be_sent_ends_the_build_by_name(
    api: docker.APIClient, context: Tree, kind: type[UnreadableFile], path: str, reason: str
) -> None:
    """The engine is told by an ERR packet, the caller by an exception that names the path."""
    with pytest.raises(kind, match=reason) as caught:
        run(api, context)
    assert caught.value.path == path
    assert isinstance(caught.value.__cause__, BuildFailed)
    assert "error from sender: cannot send" in str(caught.value.__cause__)


def test_an_error_of_the_trees_own_is_raised_as_it_is(api: docker.APIClient) -> None:
    """A bug in a tree is not hidden behind the engine's words."""

    class Buggy(MemoryTree):
        def open(self, path: str) -> BinaryIO:
            raise KeyError(path)

    with pytest.raises(KeyError, match="bad"):
        run(api, Buggy({"bad": b"x"}))


@pytest.mark.parametrize("number", [1, 7, -1], ids=["directory", "unknown", "negative"])
def test_a_request_for_what_is_no_file_is_refused(
    api: docker.APIClient, engine: FakeEngine, number: int
) -> None:
    """As fsutil's sender does."""

    async def script(asked: Build) -> None:
        await asked.sync("context", wrong_request=number)

    engine.script = script
    with pytest.raises(BuildFailed, match="invalid file id"):
        run(api, MemoryTree({"a": b"", "d/e": b""}))


def test_only_the_trees_given_are_served(api: docker.APIClient, engine: FakeEngine) -> None:
    """Another dir-name is refused."""

    async def script(asked: Build) -> None:
        await asked.sync("home")

    engine.script = script
    with pytest.raises(BuildFailed, match="no access allowed to dir 'home'"):
        run(api, MemoryTree(FILES))
