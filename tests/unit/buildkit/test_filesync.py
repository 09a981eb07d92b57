"""The file sync, against a receiver that behaves as the engine's."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

import pytest

from imagebuild.buildkit import (
    BuildOptions,
    Sent,
    Session,
    Tree,
    build,
)
from imagebuild.buildkit.outgoing import BATCH_BYTES, CHUNK_BYTES, Outgoing
from imagebuild.buildkit.rpc import Ledger

from .fake_engine import IMAGE, Build, FakeEngine, check_health
from .trees import MemoryTree

if TYPE_CHECKING:
    import docker

DOCKERFILE = MemoryTree({"Dockerfile": b"FROM scratch\nCOPY . /app\n"})


def run(api: docker.APIClient, context: Tree, shared_key: str = "key") -> Sent:
    """One build; what was sent of `context`."""
    trees = {"context": context, "dockerfile": DOCKERFILE}
    with Session(api, trees=trees, shared_key=shared_key) as session:
        assert build(api, session, BuildOptions()) == IMAGE
        return session.sent["context"]


def follow(*patterns: str, encoded: bool = False) -> object:
    """A script that asks the context for `patterns`."""

    async def script(asked: Build) -> None:
        await asked.sync("context", *patterns, encoded=encoded)
        await asked.image()

    return script


FILES: dict[str, bytes | str] = {
    "a.py": b"a",
    "empty": b"",
    "link": "a.py",
    "src/b.py": b"bb",
    "src/deep/c.py": b"ccc",
    "src-x/d.py": b"dddd",
}


def test_first_build_sends_every_file_once(api: docker.APIClient, engine: FakeEngine) -> None:
    """All files arrive whole, though the engine asks the context twice."""
    sent = run(api, MemoryTree(FILES))
    files = {path: data for path, data in FILES.items() if isinstance(data, bytes)}
    assert engine.kept["key", "context"].files == files
    assert sorted(sent.paths) == sorted(files)
    assert (sent.files, sent.bytes) == (5, 10)


def test_entries_arrive_in_the_engines_order(api: docker.APIClient, engine: FakeEngine) -> None:
    """`src/…` comes before `src-x`, which sorting whole paths would turn round."""
    run(api, MemoryTree(FILES))
    expected = ["a.py", "empty", "link", "src", "src/b.py", "src/deep", "src/deep/c.py"]
    assert engine.received[-1].paths == [*expected, "src-x", "src-x/d.py"]


def test_links_are_announced_and_never_asked_for(api: docker.APIClient, engine: FakeEngine) -> None:
    """A link has its target in its entry."""
    run(api, MemoryTree(FILES))
    [link] = [stat for stat in engine.received[-1].stats if stat.path == "link"]
    assert (link.linkname, link.mode) == ("a.py", 1 << 27 | 0o777)


def test_second_build_without_change_sends_nothing(api: docker.APIClient) -> None:
    """The engine keeps the tree of a shared key."""
    run(api, MemoryTree(FILES))
    assert run(api, MemoryTree(FILES)) == Sent()


def test_one_changed_file_is_the_one_file_sent(api: docker.APIClient, engine: FakeEngine) -> None:
    """An edit of the same size is noticed by its time."""
    run(api, MemoryTree(FILES))
    sent = run(api, MemoryTree(FILES | {"src/b.py": b"BB"}))
    assert sent == Sent(("src/b.py",), 2)
    assert engine.kept["key", "context"].files["src/b.py"] == b"BB"


def test_another_shared_key_starts_anew(api: docker.APIClient) -> None:
    """What one key sent is nothing to another."""
    run(api, MemoryTree(FILES))
    assert run(api, MemoryTree(FILES), "other").files == 5


def test_constant_times_hide_an_edit(api: docker.APIClient) -> None:
    """The receiver is as blind as the engine: that is why times come from the content."""
    run(api, MemoryTree({"a": b"old"}, constant_times=True))
    assert run(api, MemoryTree({"a": b"new"}, constant_times=True)) == Sent()


def test_a_file_may_become_a_folder(api: docker.APIClient, engine: FakeEngine) -> None:
    """And its content arrives."""
    run(api, MemoryTree({"a": b"file"}))
    run(api, MemoryTree({"a/b": b"inside"}))
    assert engine.kept["key", "context"].files == {"a/b": b"inside"}


def test_an_absent_followpath_sends_nothing(api: docker.APIClient, engine: FakeEngine) -> None:
    """The engine asks for `.dockerignore` this way, and must not get everything."""
    run(api, MemoryTree(FILES))
    assert engine.received[1].paths == []


@pytest.mark.parametrize("encoded", [False, True])
def test_followpaths_limit_what_is_announced(
    api: docker.APIClient, engine: FakeEngine, encoded: bool
) -> None:
    """A file comes with its parents, whether the names are encoded or not."""
    engine.script = follow("src/deep/c d+é.py" if encoded else "src/deep/c.py", encoded=encoded)  # type: ignore[assignment]
    name = "c d+é.py" if encoded else "c.py"
    run(api, MemoryTree({f"src/deep/{name}": b"c", "src/b.py": b"b"}))
    assert engine.received[-1].paths == ["src", "src/deep", f"src/deep/{name}"]


def test_a_large_file_goes_in_chunks(api: docker.APIClient, engine: FakeEngine) -> None:
    """No packet comes near gRPC's limit of 4 MiB, and the bytes are the same."""
    content = bytes(range(256)) * 4 * 4096 + b"end"
    run(api, MemoryTree({"large": content}))
    assert engine.kept["key", "context"].files["large"] == content
    assert engine.received[-1].largest_packet < 1024 * 1024


def test_many_files_arrive(api: docker.APIClient, engine: FakeEngine) -> None:
    """More than a batch and a window hold."""
    files = {f"d{i % 7}/f{i:04}": f"{i}".encode() * 50 for i in range(3000)}
    assert run(api, MemoryTree(dict(files))).files == 3000
    assert engine.kept["key", "context"].files == files


def test_health_is_answered_while_a_file_blocks(api: docker.APIClient, engine: FakeEngine) -> None:
    """A slow disk must not cost the session."""
    import asyncio
    import threading

    blocked, release = threading.Event(), threading.Event()

    class Slow(MemoryTree):
        def open(self, path: str) -> BinaryIO:
            blocked.set()
            assert release.wait(10)
            return super().open(path)

    async def script(asked: Build) -> None:
        sync = asyncio.ensure_future(asked.sync("context"))
        while not blocked.is_set():
            await asyncio.sleep(0.01)
        assert await check_health(asked) == 1
        release.set()
        await sync
        await asked.image()

    engine.script = script
    assert run(api, Slow({"slow": b"data"})).bytes == 4


def test_announcements_go_in_few_large_writes() -> None:
    """An engine that asks for nothing costs no write a file."""
    tree = MemoryTree({f"d{i % 7}/f{i:05}": b"" for i in range(20_000)})
    outgoing = Outgoing(tree, (), Ledger())
    batches = list(iter(outgoing.stats, b""))

    size = sum(map(len, batches))
    assert len(batches) == -(-size // BATCH_BYTES) == 1
    assert outgoing.data() == b""


@pytest.mark.parametrize(
    ("size", "reads"),
    [(0, 1), (1, 1), (CHUNK_BYTES - 1, 1), (CHUNK_BYTES, 2), (3 * CHUNK_BYTES, 4)],
)
def test_a_file_is_opened_once_and_read_by_the_chunk(size: int, reads: int) -> None:
    """A small one, as most are, by one call; the byte beyond the announced size is asked for."""
    asked: list[int] = []

    class Counted(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            asked.append(size or 0)
            return super().read(size)

    class Tree(MemoryTree):
        def open(self, path: str) -> BinaryIO:
            return Counted(super().open(path).read())

    tree = Tree({"a": bytes(size)})
    outgoing = Outgoing(tree, (), Ledger())
    assert outgoing.stats()
    outgoing.request(0)
    assert b"".join(iter(outgoing.data, b""))

    assert tree.opened == ["a"]
    assert len(asked) == reads
    assert sum(asked) >= size + 1
