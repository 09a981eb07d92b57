"""Which entries a followpath leads to."""

from __future__ import annotations

import pytest

from imagebuild.buildkit.followpaths import select

from .trees import MemoryTree

TREE = MemoryTree(
    {
        "a.py": b"",
        "b.txt": b"",
        "[x].py": b"",
        "src/a.py": b"",
        "src/deep/c.py": b"",
        "src-x/d.py": b"",
        "to-src": "src",
        "to-root": "/",
        "deep/up": "../src/a.py",
        "deep/absolute": "/b.txt",
        "out": "../../etc/passwd",
        "loop": "loop",
        "chain": "deep/up",
    }
)
SRC = ["src", "src/a.py", "src/deep", "src/deep/c.py"]


@pytest.mark.parametrize(
    ("follow", "expected"),
    [
        (["a.py"], ["a.py"]),
        (["/a.py"], ["a.py"]),
        (["./src/../a.py"], ["a.py"]),
        (["absent"], []),
        (["a.py/below-a-file"], []),
        (["src"], SRC),
        (["src/deep"], ["src", "src/deep", "src/deep/c.py"]),
        (["src/a.py"], ["src", "src/a.py"]),
        (["*.py"], ["[x].py", "a.py"]),
        (["?.txt"], ["b.txt"]),
        (["[ab].*"], ["a.py", "b.txt"]),
        (["[^b-z].py"], ["a.py"]),
        ([r"\[x\].py"], ["[x].py"]),
        (["[a"], []),
        (["src*/d.py"], ["src-x", "src-x/d.py"]),
        (["s*/deep/*.py"], ["src", "src/deep", "src/deep/c.py"]),
        (["to-src"], [*SRC, "to-src"]),
        (["to-src/a.py"], ["src", "src/a.py", "to-src"]),
        (["deep/up"], ["deep", "deep/up", "src", "src/a.py"]),
        (["deep/absolute"], ["b.txt", "deep", "deep/absolute"]),
        (["chain"], ["chain", "deep", "deep/up", "src", "src/a.py"]),
        (["out"], ["out"]),
        (["loop"], ["loop"]),
        (["a.py", "b.txt"], ["a.py", "b.txt"]),
        (["src/deep", "src"], SRC),
        (["src", "src/a.py", "src-x"], [*SRC, "src-x", "src-x/d.py"]),
    ],
)
def test_followpaths_lead_to(follow: list[str], expected: list[str]) -> None:
    """What is named, what it links to, its content and its parents; nothing else."""
    assert [entry.path for entry in select(TREE.entries(), follow)] == expected


@pytest.mark.parametrize("follow", [["."], ["/"], [""], ["to-root"], ["a.py", "."]])
def test_the_root_means_everything(follow: list[str]) -> None:
    """`COPY . /app` filters nothing."""
    assert list(select(TREE.entries(), follow)) == list(TREE.entries())
