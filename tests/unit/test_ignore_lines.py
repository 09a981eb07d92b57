"""Several lines together: the last match wins, children come back, and walks stay exact."""

from __future__ import annotations

import random

import pytest
from pathspec import PathSpec

from imagebuild.ignore import DockerignorePattern, Ignore, Rule

TREE = ["a", "b/a", "b/c.py", "b/d/e.txt", "b/d/f/a.py", "src/app.py", "src/pkg/mod.py"]
FOLDERS = sorted({path[:at] for path in TREE for at, x in enumerate(path) if x == "/"})


def sent(text: str) -> list[str]:
    """The files of the tree that are sent."""
    ignore = Ignore.parse(text)
    return [path for path in TREE if ignore.why(path, is_dir=False) is None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", TREE),
        ("*", []),
        ("*\n!src", ["src/app.py", "src/pkg/mod.py"]),
        ("*\n! src/pkg ", ["src/pkg/mod.py"]),
        ("*\n!/src/pkg/mod.py", ["src/pkg/mod.py"]),
        ("**\n!**/*.py", ["b/c.py", "b/d/f/a.py", "src/app.py", "src/pkg/mod.py"]),
        ("b\n!b/d\nb/d/f", ["a", "b/d/e.txt", "src/app.py", "src/pkg/mod.py"]),
        ("!a\na", TREE[1:]),
        ("a\n!a", TREE),
        ("src\n!b", TREE[:5]),
        ("*\n./!a", ["a"]),
        # BuildKit asked `!b` about `b` before anything in `b` was left out, and not again.
        ("b/d\n!b", [path for path in TREE if not path.startswith("b/d/")]),
    ],
)
def test_last_match_wins(text: str, expected: list[str]) -> None:
    """Later lines overrule earlier ones, in excluded directories too."""
    assert sent(text) == expected


def test_reason_is_the_deciding_line() -> None:
    """`why` gives the line that left the path out, as it was written, or that of a directory."""
    ignore = Ignore.parse("# first\n\n  src/  \n!src/app.py\n")

    rule = Rule("src/", ".dockerignore", line=3)
    assert ignore.why("src", is_dir=True) == rule
    assert ignore.why("src/pkg/mod.py", is_dir=False) == rule
    assert ignore.why("src/app.py", is_dir=False) is None


def test_root_is_never_left_out() -> None:
    """No pattern is about the project's root itself."""
    ignore = Ignore.parse("**")

    assert ignore.why(".", is_dir=True) is None
    assert ignore.may_hold_kept(".")


def test_equal_texts_are_equal_values() -> None:
    """What was asked before does not make two rule sets differ."""
    asked, fresh = Ignore.parse("a\nb"), Ignore.parse("a\nb")
    asked.why("b/c", is_dir=False)

    assert asked == fresh
    assert asked != Ignore.parse("a")
    assert hash(asked) == hash(fresh)


@pytest.mark.parametrize(
    ("text", "folder", "entered"),
    [
        ("*\n!*.py", "b", False),
        ("*\n!src", "b", False),
        ("*\n!b/d", "b", True),
        ("*\n!b/d", "b/c", False),
        ("*\n!*/d", "b", True),
        ("*\n!b/?", "b", True),
        ("*\n!**/*.py", "b/d", True),
        ("*\n!b[^x]d", "b", True),
        ("!b/d\n*", "b", False),
        ("b", "b", False),
        ("a", "b", True),
    ],
)
def test_walk_enters_where_something_may_come_back(text: str, folder: str, entered: bool) -> None:
    """An ignored directory is entered only where a later `!` line can reach into it."""
    assert Ignore.parse(text).may_hold_kept(folder) is entered


def test_walk_that_prunes_finds_everything() -> None:
    """No file that is sent lies in a directory that need not be entered, over 2,000 rule sets."""
    chance = random.Random(5)
    parts = ["a", "b", "d", "src", "pkg", "*", "**", "?", "*.py", "[a-f]", "[^x]", "b**"]
    pruned = 0
    for _ in range(2000):
        ignore = Ignore.parse(
            "\n".join(
                chance.choice(["", "!"])
                + "/".join(chance.choice(parts) for _ in range(chance.randint(1, 4)))
                for _ in range(chance.randint(1, 5))
            )
        )
        closed = [folder for folder in FOLDERS if not ignore.may_hold_kept(folder)]
        pruned += len(closed)
        for path in [*TREE, *FOLDERS]:
            if any(path.startswith(folder + "/") for folder in closed):
                assert ignore.why(path, is_dir=path in FOLDERS) is not None
    assert pruned > 1000


def test_order_of_questions_does_not_matter() -> None:
    """What is remembered about directories never changes an answer."""
    text = "*\n!src\nsrc/pkg\n!**/mod.py"
    forward, backward = Ignore.parse(text), Ignore.parse(text)
    answers = {path: forward.why(path, is_dir=False) for path in TREE}

    assert answers == {path: backward.why(path, is_dir=False) for path in reversed(TREE)}


def test_pattern_class_works_in_a_pathspec() -> None:
    """One line by itself is a pathspec pattern like any other."""
    spec = PathSpec.from_lines(DockerignorePattern, ["*.py", "# no", "!b.py"])

    assert [name for name in ("a.py", "b.py", "c.txt", "d/a.py") if spec.match_file(name)] == [
        "a.py"
    ]
