"""Fetches one commit into a folder: of its files only those that are wanted."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild.errors import UsageError
from imagebuild.sources.git_address import overlap, wanted_folders
from imagebuild.sources.git_failures import KeptBack
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
    try:
        _fill(git, root, commit, wanted, *(["--filter=blob:none"] if wanted.folders else []))
    except KeptBack:
        # A server of an older protocol, as behind most sshd: files do not come one by one.
        shutil.rmtree(root)
        root.mkdir()
        _fill(git, root, commit, wanted)


def _fill(git: Git, root: Path, commit: str, wanted: Wanted, *options: str) -> None:
    init(git, root, commit)
    _fetch_commit(git, root, commit, *options)
    folders: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    if wanted.folders or wanted.submodules:
        folders, modules = _listed(git, root, commit)
    for folder in wanted.folders:
        _check(git, folder, folders, modules, wanted)
    if wanted.folders:
        _narrow(git, root, wanted, modules)
    git.run(root, "checkout", "--quiet", "--detach", commit, "--")
    paths = [each for each in modules if wanted.submodules and _is_wanted(each, wanted)]
    if paths:
        update = ["submodule", "--quiet", "update", "--init", "--recursive", "--depth", "1"]
        git.run(root, *update, "--", *paths)


def _fetch_commit(git: Git, root: Path, commit: str, *options: str) -> None:
    """The commit alone, or all of them where that is the only way to one in the middle."""
    try:
        alone = ["fetch", "--quiet", "--depth", "1", "--no-tags", *options]
        git.run(root, *alone, "origin", commit)
    except KeptBack:
        fetch_all(git, root, *options)
        asked = ["rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"]
        if not git.run(root, *asked, fine=(0, 1, 128)).strip():
            message = f"{git.address.shown} has no commit {commit}"
            hint = "look at its branches, or push the commit"
            raise UsageError(message, causes=("no branch or tag has it",), hint=hint) from None


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
            raise UsageError(
                message, causes=causes, hint="fetch these too with --source-submodules"
            )
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
