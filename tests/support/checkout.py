"""A folder as git has it: with a place where it comes from, and commits at a set time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.processes import run

if TYPE_CHECKING:
    from pathlib import Path

ORIGIN = "https://example.com/team/flows"
TIME = 1_700_000_000  # 2023-11-14T22:13:20Z
_WHO = {
    **dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "Tests"),
    **dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "tests@example.com"),
    **dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), f"{TIME} +0000"),
}


def check_in(folder: Path, message: str) -> str:
    """Commit all that is in a folder, be it something new or not; the commit's ID.

    A new repository's branch is called `trunk`, as nothing is to count on another name.
    """
    git = ("git", "-C", str(folder))
    if not (folder / ".git").exists():
        run(*git, "init", "--quiet", "--initial-branch", "trunk")
        run(*git, "remote", "add", "origin", f"{ORIGIN}.git")
    run(*git, "add", "--all")
    commit = ("-c", "commit.gpgsign=false", "commit", "--quiet", "--allow-empty")
    run(*git, *commit, "--message", message, env=_WHO)
    return run(*git, "rev-parse", "HEAD").strip()
