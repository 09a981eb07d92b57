"""Asks git which commit a folder is of: writes nothing, and runs no program that the folder names.

A repository's own configuration can name programs (`core.fsmonitor`, hooks, filters, diff drivers),
and git runs them on the way: https://git-scm.com/docs/git-config
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from imagebuild.commit import Commit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_SECONDS = 5.0

# They say where the repository is; a hook of git has them, for another folder perhaps.
ELSEWHERE = {
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_WORK_TREE",
}
_QUIET = {
    "GIT_OPTIONAL_LOCKS": "0",  # or `status` writes the index, and calls a hook
    "GIT_ALLOW_PROTOCOL": "none",  # or a partial clone fetches what it lacks
}

_CONFIGURED = r"^(remote\..+\.url|filter\..+\.(clean|process|required))$"
_LOCAL_SCOPES = {"local", "worktree"}
_COMMIT = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64}) commit [0-9]+\n(.*?)\n\n", re.DOTALL)
_COMMITTER = re.compile(rb"^committer .* (\d+) [+-]\d{4}$", re.MULTILINE)

_HOST = r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])"
_PATH = r"[^@?#\\\s\x00-\x1f\x7f]+"
_URL = re.compile(
    rf"(https?|ssh)://(?:[^/?#]*@)?({_HOST}(?::[0-9]+)?)(/{_PATH})(?:[?#].*)?", re.I | re.DOTALL
)
# A single letter before the colon is a drive.
_SCP = re.compile(rf"(?:[^@/:]+@)?((?![A-Za-z]:){_HOST}):(?!:)/?({_PATH})")


def read_commit(root: Path, env: Mapping[str, str]) -> Commit | None:
    """The commit checked out in the folder; None where git is absent or does not know.

    That is also where the folder is not in the commit, where git refuses the repository as
    somebody else's, and where it takes longer than seconds. `dirty` is what `git describe --dirty`
    calls so, below this folder alone: tracked files that differ, whereas new files do not count.
    Submodules count where another commit is checked out; what changed in them is not looked for.
    """
    try:
        return _read(root, env)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def address(url: str) -> str | None:
    """A remote's URL as an http, https or ssh address, fit to be shown to everybody.

    Without a user, a password, a query and a fragment; None for a path and for whatever else may
    hold a secret. The forms are git's: https://git-scm.com/docs/git-clone#_git_urls
    """
    if found := _URL.fullmatch(url):
        return f"{found[1].lower()}://{found[2]}{found[3]}"
    if "://" not in url and (found := _SCP.fullmatch(url)):
        return f"ssh://{found[1]}/{found[2]}"
    return None


def _read(root: Path, env: Mapping[str, str]) -> Commit | None:
    told = _git(root, env, "cat-file", "--batch", text=b"HEAD\nHEAD:./\n")
    commit = _COMMIT.match(told)
    committer = commit and _COMMITTER.search(commit[2])
    if commit is None or committer is None or told.endswith(b"HEAD:./ missing\n"):
        return None
    options = ["--null", "--show-scope", "--get-regexp", _CONFIGURED]
    configured = list(_entries(_git(root, env, "config", *options, fine=(0, 1))))
    changed = _git(
        root,
        env,
        *(word for setting in _without_filters(configured) for word in ("-c", setting)),
        *("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=dirty"),
        *("--no-renames", "--", "."),
    )
    return Commit(commit[1].decode(), int(committer[1]), bool(changed), _remote(configured))


def _git(
    root: Path,
    env: Mapping[str, str],
    *arguments: str,
    text: bytes = b"",
    fine: tuple[int, ...] = (0,),
) -> bytes:
    """What git answers to this input; raises where it fails or takes too long."""
    result = subprocess.run(
        ["git", "--no-pager", "-C", str(root), "-c", "core.fsmonitor=false", *arguments],
        env={key: value for key, value in env.items() if key not in ELSEWHERE} | _QUIET,
        input=text,
        capture_output=True,
        timeout=_SECONDS,
        check=False,
    )
    if result.returncode not in fine:
        raise subprocess.CalledProcessError(result.returncode, result.args)
    return result.stdout


def _entries(told: bytes) -> Iterator[tuple[str, str, str]]:
    """Scope, key and value of each line that `git config --null --show-scope` told."""
    words = told.decode("utf-8", "surrogateescape").split("\0")
    for scope, entry in zip(words[::2], words[1::2], strict=False):
        key, _, value = entry.partition("\n")
        yield scope, key, value


def _without_filters(configured: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    """Settings that switch off the repository's own filters; the user's (Git LFS) stay.

    Raises `ValueError` for a filter whose name no such setting can hold.
    """
    for scope, key, _ in configured:
        if scope in _LOCAL_SCOPES and key.startswith("filter."):
            if "=" in key:
                raise ValueError(key)
            name = key.rpartition(".")[0]
            yield from (f"{name}.clean=", f"{name}.process=", f"{name}.required=false")


def _remote(configured: Iterable[tuple[str, str, str]]) -> str | None:
    """The address of `origin`, else of the first remote."""
    urls: dict[str, str] = {}
    for _, key, value in configured:
        if key.startswith("remote."):
            urls.setdefault(key, value)
    url = urls.get("remote.origin.url", next(iter(urls.values()), None))
    return address(url) if url is not None else None
