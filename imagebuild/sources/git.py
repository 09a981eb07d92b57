"""Flow code in a repository elsewhere, fetched by git.

A commit that was fetched before is taken from where it is kept; the remote then only tells which
commit is meant.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagebuild.errors import UsageError
from imagebuild.git import read_commit
from imagebuild.record import PULL_ID, SET_DIRECTORY, Pulled
from imagebuild.roots import name_of
from imagebuild.sources.git_address import folder_of, parse
from imagebuild.sources.git_command import Git
from imagebuild.sources.git_fetch import Wanted, fetch
from imagebuild.sources.git_login import check_reference, login_at
from imagebuild.sources.git_revision import commit_at
from imagebuild.sources.local import LocalCheckout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from imagebuild.request import SourceRequest
    from imagebuild.sources.git_address import Address
    from imagebuild.sources.kept import Kept
    from imagebuild.sources.references import ReadBlock, Reference

GIT_CLONE = "prefect.deployments.steps.git_clone"
# Blocks that `git_clone` takes whole; of any other it gets the value alone.
_WHOLE = "-credentials"


@dataclass(frozen=True)
class GitSource:
    """A revision of a repository, or some of its folders; `env` is what git is run in."""

    address: Address
    wanted: Wanted
    kept: Kept
    env: Mapping[str, str] = field(repr=False)
    read_block: ReadBlock
    reference: Reference | None = None

    @contextmanager
    def checkout(self) -> Iterator[LocalCheckout]:
        """The files of the commit, which the remote is asked for first.

        Raises `UsageError` for a repository, a revision or a folder that is not there, `Denied`
        and `Unreachable`.
        """
        login = None
        if self.reference:
            login = login_at(self.address, self.reference, self.env, self.read_block)
        git = Git(self.address, self.env, login)
        commit = commit_at(git)
        wanted = self.wanted
        source = [self.address.url, wanted.subdirectory, list(wanted.directories)]
        with self.kept.checkout(
            [*source, wanted.submodules],
            commit,
            self.address.name,
            lambda folder: fetch(git, folder, commit, wanted),
            lambda folder: self._is_at(folder, commit),
        ) as folder:
            root = self._inside(folder)
            yield LocalCheckout(root, name_of(root), self.env)

    def pulled(self) -> Pulled:
        """A run clones it with Prefect's own step, as that lies in the environment of any run."""
        address, wanted = self.address, self.wanted
        if address.scheme == "file":
            message = f"a run cannot fetch {address.shown}"
            causes = ("it is on this machine alone",)
            raise UsageError(message, causes=causes, hint="push it, and give that URL")
        clone: dict[str, Any] = {"id": PULL_ID, "repository": address.url}
        if address.ref is not None and address.ref != "HEAD":
            # `git clone --branch` takes the short name of either.
            name = address.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
            clone["commit_sha" if address.pulled_as_commit else "branch"] = name
        if wanted.submodules:
            clone["include_submodules"] = True
        if wanted.directories:
            clone["directories"] = list(wanted.folders)
        if self.reference:
            is_whole = not self.reference.is_variable and self.reference.kind.endswith(_WHOLE)
            clone["credentials" if is_whole else "access_token"] = self.reference.placeholder
            _check_scheme(address, self.reference)
        steps: list[Mapping[str, Any]] = [{GIT_CLONE: clone}]
        if wanted.subdirectory:
            inside = f"{{{{ {PULL_ID}.directory }}}}/{wanted.subdirectory}"
            steps.append({SET_DIRECTORY: {"directory": inside}})
        return Pulled(tuple(steps))

    def _is_at(self, folder: Path, commit: str) -> bool:
        found = read_commit(folder, self.env)
        return found is not None and found.revision == commit and not found.dirty

    def _inside(self, folder: Path) -> Path:
        """The project root; what a submodule's link leads out to is none."""
        whole = folder.resolve()
        root = (whole / (self.wanted.subdirectory or ".")).resolve()
        if root.is_dir() and root.is_relative_to(whole):
            return root
        message = f"{self.address.shown} has no folder {self.wanted.subdirectory!r}"
        raise UsageError(message, causes=("the commit does not have it",), hint="look at it there")


def _check_scheme(address: Address, reference: Reference) -> None:
    """Raise `UsageError` where `git_clone` would ask without the token, and say nothing of it.

    So it does with a block too, which a run fills in as a table.
    https://github.com/PrefectHQ/prefect/blob/main/src/prefect/runner/storage.py
    """
    if address.scheme == "https":
        return
    message = f"a run cannot use {reference} for {address.shown}"
    causes = (f"Prefect's git_clone sends a token over https alone, not over {address.scheme}",)
    raise UsageError(message, causes=causes, hint="give its https:// URL, or bake it: --code baked")


def open_git(
    asked: SourceRequest, _: Path, kept: Kept, env: Mapping[str, str], read_block: ReadBlock
) -> GitSource:
    """A repository by its URL; nobody is asked before its checkout.

    Raises `UsageError` for an address, a folder or credentials that cannot be meant.
    """
    address = parse(asked.address)
    folders = (folder_of(each) for each in asked.directories)
    directories = tuple(folder for folder in folders if folder)
    wanted = Wanted(address.subdirectory, directories, asked.submodules)
    reference = check_reference(asked.credentials, address) if asked.credentials else None
    return GitSource(address, wanted, kept, env, read_block, reference)
