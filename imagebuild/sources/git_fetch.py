"""Fetches one commit into a folder: of its files only those that are wanted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild.errors import UsageError
from imagebuild.sources.git_address import overlap, wanted_folders
from imagebuild.sources.git_failures import NoSuchCommit
from imagebuild.sources.git_revision import fetch_all, init, names_near

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from imagebuild.sources.git_command import Git

_ENTRY = re.compile(r"[0-7]+ (tree|commit) [0-9a-f]+\t(.*)", re.DOTALL)


@dataclass(frozen=True)
class Wanted:
    """What of a repository is wanted; no subdirectory and no directories mean all of it."""

    subdirectory: str | None
    directories: tuple[str, ...]
    submodules: bool

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders to check out."""
        return wanted_folders(self.subdirectory, self.directories)


def fetch(git: Git, root: Path, commit: str, wanted: Wanted) -> None:
    """Fill the new folder; raises `UsageError` for a commit or a folder that is not there."""
    init(git, root, commit)
    partial = ["--filter=blob:none"] if wanted.folders else []
    try:
        arguments = ["fetch", "--quiet", "--depth", "1", "--no-tags", *partial]
        git.run(root, *arguments, "origin", commit)
    except NoSuchCommit:
        # A server of an older protocol gives out by hash only what a branch or a tag ends with.
        fetch_all(git, root, *partial)
        asked = ["rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"]
        if not git.run(root, *asked, fine=(0, 1, 128)).strip():
            raise
    folders, modules = _listed(git, root, commit) if wanted.folders else ((), ())
    for folder in wanted.folders:
        _check(git, folder, folders, modules, wanted)
    if wanted.folders:
        _narrow(git, root, wanted, modules)
    git.run(root, "checkout", "--quiet", "--detach", commit, "--")
    if wanted.submodules:
        paths = [each for each in modules if _is_wanted(each, wanted)]
        if paths or not wanted.folders:
            update = ["submodule", "--quiet", "update", "--init", "--recursive", "--depth", "1"]
            git.run(root, *update, "--", *paths)


def _listed(git: Git, root: Path, commit: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The folders and the submodules of a commit; a link to a folder is none."""
    told = git.run(root, "ls-tree", "-r", "-d", "-z", "--full-tree", commit)
    found = [each for line in told.split("\0") if (each := _ENTRY.fullmatch(line))]
    kinds = ("tree", "commit")
    folders, modules = (tuple(each[2] for each in found if each[1] == kind) for kind in kinds)
    return folders, modules


def _check(
    git: Git, folder: str, folders: Iterable[str], modules: Iterable[str], wanted: Wanted
) -> None:
    if folder in folders:
        return
    message = f"{git.address.shown} has no folder {folder!r}"
    for module in modules:
        if f"{folder}/".startswith(f"{module}/"):
            if wanted.submodules:
                return
            causes = (f"it is of another repository, the submodule {module}",)
            raise UsageError(message, causes=causes, hint="fetch these too with --submodules")
    hint = names_near(folder, folders) or "look at its folders"
    raise UsageError(message, causes=("the commit does not have it",), hint=hint)


def _narrow(git: Git, root: Path, wanted: Wanted, modules: Iterable[str]) -> None:
    """Let the folder have these alone.

    Directories are those of `git clone --sparse`, with the files beside them and above, as in a
    run of Prefect's; a subdirectory is all that is fetched.
    """
    if wanted.directories:
        git.run(root, "sparse-checkout", "set", "--cone", "--stdin", text=_lines(wanted.folders))
        return
    patterns = [f"/{_literal(folder)}/" for folder in wanted.folders]
    if wanted.submodules:
        related = [each for each in modules if _is_wanted(each, wanted)]
        patterns += ["/.gitmodules", *(f"/{_literal(each)}" for each in related)]
    git.run(root, "sparse-checkout", "set", "--no-cone", "--stdin", text=_lines(patterns))


def _is_wanted(module: str, wanted: Wanted) -> bool:
    return not wanted.folders or any(overlap(module, each) for each in wanted.folders)


def _literal(folder: str) -> str:
    """The folder as a pattern: https://git-scm.com/docs/gitignore#_pattern_format."""
    return re.sub(r"([\\*?\[ ])", r"\\\1", folder)


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
