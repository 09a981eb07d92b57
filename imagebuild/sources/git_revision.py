"""Finds the commit that a branch, a tag or a short hash means at the remote."""

from __future__ import annotations

import difflib
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from imagebuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagebuild.sources.git_command import Git

_LINE = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64})\t(\S+)")
_KINDS = ("refs/heads/", "refs/tags/")  # a branch comes first, as for `git clone --branch`
_FORMATS = {40: "sha1", 64: "sha256"}


def commit_at(git: Git) -> str:
    """The full hash of the commit that the address means, as the remote has it now.

    Raises `UsageError` for a revision that it does not have, and what a failure of git means.
    """
    address = git.address
    if address.full_commit:
        return address.full_commit
    if address.ref is None or address.ref == "HEAD":
        found = _refs(git.ask("ls-remote", "--", address.url, "HEAD"))
        if "HEAD" in found:
            return found["HEAD"]
        message = f"{address.shown} has no commit"
        hint = "push one, or name a branch: add @BRANCH to the URL"
        raise UsageError(message, causes=("its HEAD is no branch with commits",), hint=hint)
    found = _refs(git.ask("ls-remote", "--heads", "--tags", "--", address.url))
    for name in (*(kind + address.ref for kind in _KINDS), address.ref):
        # An annotated tag is an object of its own; its peeled name is the commit.
        if commit := found.get(f"{name}^{{}}", found.get(name)):
            return commit
    if address.may_be_commit and (commit := _short(git, address.ref, found.values())):
        return commit
    raise _no_ref(git, found)


def init(git: Git, folder: Path, commit: str, *options: str) -> None:
    """An empty repository in the folder, of the kind that the commit is of, with `origin`."""
    kind = f"--object-format={_FORMATS[len(commit)]}"
    git.run(folder, "init", "--quiet", "--template=", "--initial-branch=fetched", kind, *options)
    git.run(folder, "remote", "add", "--", "origin", git.address.url)


def fetch_all(git: Git, folder: Path, *options: str) -> None:
    """All branches and tags with all their commits."""
    refs = [f"+{kind}*:{kind}*" for kind in _KINDS]
    git.run(folder, "fetch", "--quiet", "--no-tags", *options, "origin", *refs)


def names_near(name: str, names: Iterable[str]) -> str | None:
    """A hint with those that look most like it."""
    near = difflib.get_close_matches(name, sorted(set(names)), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else None


def _refs(told: str) -> dict[str, str]:
    found = (_LINE.fullmatch(line) for line in told.splitlines())
    return {each[2]: each[1] for each in found if each}


def _short(git: Git, short: str, tips: Iterable[str]) -> str | None:
    """No remote tells what a short hash means: all commits are fetched, without any file."""
    some = next(iter(tips), None)
    if some is None:
        return None
    with tempfile.TemporaryDirectory(prefix="imagebuild-") as name:
        folder = Path(name)
        init(git, folder, some, "--bare")
        fetch_all(git, folder, "--filter=tree:0")
        asked = ["rev-parse", "--verify", "--quiet", f"{short}^{{commit}}"]
        return git.run(folder, *asked, fine=(0, 1, 128)).strip() or None


def _no_ref(git: Git, found: Iterable[str]) -> UsageError:
    address = git.address
    names = {re.sub(r"^refs/(heads|tags)/|\^\{\}$", "", each) for each in found}
    hint = names_near(address.ref or "", names) or "look at its branches and tags"
    causes = ("no branch or tag has this name, and no one commit this hash",)
    if not address.may_be_commit:
        causes = ("no branch or tag has this name",)
    message = f"{address.shown} has no revision {address.ref!r}"
    return UsageError(message, causes=causes, hint=hint)
