"""Lines written with gitignore in mind get a warning that says what they mean here."""

import pytest

from imagebuild.ignore import Ignore


@pytest.mark.parametrize(
    ("line", "instead", "covered"),
    [
        ("*.pyc", "**/*.pyc", False),
        ("__pycache__", "**/__pycache__", True),
        ("__pycache__/", "**/__pycache__", True),
        (".env", "**/.env", True),
        ("*.key", "**/*.key", True),
        ("*.log", "**/*.log", False),
        ("node_modules/", "**/node_modules", False),
        (".DS_Store", "**/.DS_Store", True),
        ("!.git/HEAD", "!.git", False),
        ("!src/.aws/config", "!src/.aws", False),
    ],
)
def test_suspect_says_what_to_write(line: str, instead: str, covered: bool) -> None:
    """The warning names the line, and the line that means what was likely meant."""
    (suspect,) = Ignore.parse(f"docs\n{line}").warnings

    assert (suspect.rule.pattern, suspect.rule.line) == (line, 2)
    assert (suspect.instead, suspect.covered) == (instead, covered)


@pytest.mark.parametrize(
    "text",
    [
        "/*.log",
        "**/*.pyc",
        "*.pyc\n**/*.pyc",
        "docs",
        "*",
        "src/*.log",
        ".git",
        ".venv",
        "**.log",
        "!src",
        "!.env",
        "!*.py",
        "# *.pyc",
    ],
)
def test_plain_line_is_no_suspect(text: str) -> None:
    """Anchored, doubled and ordinary lines pass in silence."""
    assert Ignore.parse(text).warnings == ()


def test_suspect_knows_the_files_it_misses() -> None:
    """A warning can be kept for when a file is really sent that was meant to stay."""
    (suspect,) = Ignore.parse("*.log").warnings

    paths = ["a.log", "src/a.log", "src/a.py", "logs/b.log/part", "a.log/b.log"]
    assert [path for path in paths if suspect.misses(path)] == ["src/a.log", "logs/b.log/part"]
