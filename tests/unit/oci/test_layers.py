"""The layer of code: what tar and gzip read out of it, and that it is one and the same."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from imagebuild.node import Node
from imagebuild.oci.layers import Layer, Unreadable, make_layer

if TYPE_CHECKING:
    from typing import BinaryIO

LONG = "/".join(["a" * 60] * 4)
PROMISED = ("9e91f3f0bd95e20b", "67102178186eb309")


def file(path: str, content: bytes, mode: int = 0o644) -> tuple[Node, bytes]:
    """A file with what is in it."""
    digest = hashlib.sha256(content).hexdigest()
    return Node(path, "file", mode, len(content), digest), content


def layer(*entries: tuple[Node, bytes]) -> Layer:
    """A layer of these, below /opt/prefect/app."""
    contents = {node.path: content for node, content in entries}
    return make_layer(
        [node for node, _ in entries], "/opt/prefect/app", lambda path: io.BytesIO(contents[path])
    )


def unpacked(made: Layer) -> list[tuple[tarfile.TarInfo, bytes]]:
    """What Python's own tar and gzip make of it."""
    found = []
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(made.open().read()))) as archive:
        for entry in archive:
            content = archive.extractfile(entry) if entry.isreg() else None
            found.append((entry, content.read() if content else b""))
    return found


@pytest.mark.parametrize(
    "path",
    [
        "flow.py",
        "a" * 100,
        f"{LONG}/flow.py",
        "a" * 255,
        "ключ/файл.py",
        "a b/$HOME/<<EOF",
        "x" * 82,  # exactly a name's field, with the directory before it
        "x" * 83,
        f"{'d' * 137}/x",
        f"{'d' * 139}/x",
        "\udcff\udcfe.py",  # bytes that are no UTF-8
    ],
)
@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_a_file_comes_out_as_it_went_in(path: str, mode: int) -> None:
    """With owner 0 and no names, and a time made of its content."""
    node, content = file(path, b"print()\n", mode)
    [(entry, read)] = unpacked(layer((node, content)))

    assert entry.name == f"opt/prefect/app/{path}"
    assert read == content
    assert (entry.mode, entry.size, entry.mtime) == (mode, 8, node.mtime_ns // 10**9)
    assert (entry.uid, entry.gid, entry.uname, entry.gname) == (0, 0, "", "")
    assert entry.isreg()


@pytest.mark.parametrize("target", ["flow.py", "../up", "t" * 100, "t" * 101, "цель", ""])
def test_a_link_keeps_its_target(target: str) -> None:
    """However long it is."""
    [(entry, _)] = unpacked(layer((Node("link", "link", 0o777, 0, "ab" * 32, target), b"")))

    assert entry.issym()
    assert (entry.linkname, entry.mode, entry.size) == (target, 0o777, 0)


def test_a_directory_is_one() -> None:
    """With the slash that tells it."""
    made = layer((Node("sub", "directory", 0o755), b""))
    [(entry, _)] = unpacked(made)

    assert entry.isdir()
    assert (entry.name, entry.mode) == ("opt/prefect/app/sub", 0o755)
    assert b"opt/prefect/app/sub/\0" in gzip.decompress(made.open().read())


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 65_535 - 1536, 65_535, 65_536, 3_000_001])
def test_its_digests_and_size_are_those_of_its_bytes(size: int) -> None:
    """Of the layer as it is sent, and of the tar in it."""
    made = layer(file("data", b"\xa5" * size))
    sent = made.open().read()

    assert made.size == len(sent)
    assert made.digest == f"sha256:{hashlib.sha256(sent).hexdigest()}"
    assert made.diff_id == f"sha256:{hashlib.sha256(gzip.decompress(sent)).hexdigest()}"
    assert unpacked(made)[0][1] == b"\xa5" * size


def test_it_is_the_same_everywhere() -> None:
    """These digests are the promise: whatever changes them changes every image of everybody."""
    made = layer(
        (Node("sub", "directory", 0o755), b""),
        file("sub/flow.py", b"print('hello')\n"),
        file("sub/run.sh", b"#!/bin/sh\n", 0o755),
        (Node("sub/to", "link", 0o777, 0, "cd" * 32, "flow.py"), b""),
        file(f"{LONG}/x.py", b"x\n" * 40_000),
    )

    assert (made.digest[7:23], made.diff_id[7:23]) == PROMISED


def test_it_can_be_read_by_several_at_once() -> None:
    """A try that broke off, and the next one."""
    made = layer(file("a", b"a" * 100_000))
    one, two = made.open(), made.open()
    half = one.read(50_000)

    assert two.read() == half + one.read()


@pytest.mark.parametrize("content", [b"less", b"much more than it was"])
def test_a_file_that_changed_meanwhile_is_an_error(content: bytes) -> None:
    """A torn file is worse than none."""
    node, _ = file("flow.py", b"as it was")
    with pytest.raises(Unreadable, match=r"flow\.py: it changed since it was read"):
        layer((node, content))


def test_a_file_that_is_gone_is_an_error() -> None:
    """That says which."""

    def gone(path: str) -> BinaryIO:
        raise FileNotFoundError(2, "No such file", path)

    node, _ = file("flow.py", b"")
    with pytest.raises(Unreadable, match=r"flow\.py: no such file or directory"):
        make_layer([node], "/app", gone)
