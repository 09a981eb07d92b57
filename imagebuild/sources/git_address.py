"""Reads the address of a repository: where it lies, which revision, which folder. Asks nobody."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from imagebuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

_HINT = "https://host/team/flows@branch#folder, or git@host:team/flows"
_SECRET_HINT = "say by --source-credentials (source_credentials=) where it is: env:NAME, or a block"
_HOST = r"(?:[A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?"
_URL = re.compile(r"([a-z][a-z0-9+.-]*)://(?:([^/]*)@)?([^/@]*)(/.*)", re.IGNORECASE)
# https://git-scm.com/docs/git-clone#_git_urls
_SCP = re.compile(r"([^@/:]+)@([^@/:]+|\[[^\]]+\]):(?!//)(.*)")
_USER = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9._-]*")
# https://git-scm.com/docs/git-check-ref-format
_NO_REF = re.compile(r"^[-./]|\.\.|//|@\{|[\s~^:?*\[\\\x00-\x1f\x7f]|[/.]$|\.lock$")
_COMMIT = re.compile(r"[0-9a-f]{4,64}")
_SHORTEST_TOLD = 7  # as git itself writes a short one; what is shorter is rather a name
_FULL = {40, 64}


@dataclass(frozen=True)
class Address:
    """A repository's URL as git takes it, and what of it is wanted.

    `ref` is a branch, a tag or a commit, None for the remote's own HEAD; `subdirectory` is
    relative to the repository, None for all of it. `host` has the port, if any.
    """

    url: str
    scheme: str
    host: str
    ref: str | None = None
    subdirectory: str | None = None

    @property
    def name(self) -> str:
        """What git would call the clone's folder."""
        last = re.split(r"[/:]", self.url.rstrip("/"))[-1].removesuffix(".git")
        return unquote(last).replace("/", "-") if last not in {"", ".", ".."} else "repository"

    @property
    def shown(self) -> str:
        """The URL for messages, without a user."""
        if self.scheme == "file":
            return f"git+{self.url}"
        return re.sub(r"^([a-z]+://)?[^/@]*@", r"\1", self.url)

    @property
    def may_be_commit(self) -> bool:
        """Whether the ref looks like a commit's hash, whole or short."""
        return self.ref is not None and bool(_COMMIT.fullmatch(self.ref))

    @property
    def full_commit(self) -> str | None:
        """The ref, where it can be nothing but a commit."""
        return self.ref if self.may_be_commit and len(self.ref or "") in _FULL else None

    @property
    def pulled_as_commit(self) -> bool:
        """Whether a run is told that it is a commit."""
        return self.may_be_commit and len(self.ref or "") >= _SHORTEST_TOLD


def parse(text: str) -> Address:
    """Read an address.

    Raises `UsageError` for what is none, is not protected, or has a secret, which is not told.
    """
    plain = re.sub(r"^git\+", "", text, flags=re.IGNORECASE)
    whole, _, fragment = plain.partition("#")
    if url := _URL.fullmatch(whole):
        scheme, user, host, path = url[1].lower(), url[2], url[3], url[4]
        _check_scheme(scheme, is_prefixed=plain != text)
    elif scp := _SCP.fullmatch(whole):
        scheme, (user, host, path) = "ssh", scp.groups()
    else:
        message = "cannot read the address of a repository"
        raise UsageError(message, causes=("git has no such URL",), hint=_HINT)
    path, ref = _path_and_ref(path)
    _check_user(scheme, user, host)
    _check_place(scheme, host, path)
    prefix = f"{user}@" if user else ""
    place = f"{prefix}{host}:{path}" if url is None else f"{scheme}://{prefix}{host}{path}"
    if scheme == "file":
        place = f"file://{unquote(path)}"
    wanted = fragment.removeprefix("subdirectory=")
    return Address(place, scheme, host.lower(), ref, folder_of(wanted) if wanted else None)


def folder_of(text: str) -> str | None:
    """A folder of the repository, relative to it; None for all of it.

    Raises `UsageError` for one that is outside of it, or that git keeps for itself.
    """
    parts = [part for part in text.split("/") if part not in {"", "."}]
    if text.startswith(("/", "-")) or not text.isprintable():
        cause = "it is no path relative to the repository"
    elif ".." in parts:
        cause = "it leaves the repository"
    elif any(part.lower() == ".git" for part in parts):
        cause = "git keeps its own files there"
    else:
        return "/".join(parts) or None
    message = f"cannot use the folder {text!r} of a repository"
    raise UsageError(message, causes=(cause,), hint=_HINT)


def wanted_folders(subdirectory: str | None, directories: Iterable[str]) -> tuple[str, ...]:
    """The folders that a checkout has; none for all of them.

    Of a subdirectory in which some directories are wanted, it has these alone.
    """
    found = tuple(folder for each in directories if (folder := folder_of(each)))
    if subdirectory and not any(overlap(subdirectory, each) for each in found):
        return (*found, subdirectory)
    return found


def overlap(one: str, other: str) -> bool:
    """Whether one of two folders is in the other, or is the other."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _check_scheme(scheme: str, *, is_prefixed: bool) -> None:
    if scheme in {"https", "http", "ssh"} or (scheme == "file" and is_prefixed):
        return
    message = f"cannot fetch over {scheme}://"
    cause = "nothing protects what comes over it" if scheme == "git" else "it is not of git"
    raise UsageError(message, causes=(cause,), hint="give an https:// or an ssh:// URL")


def _path_and_ref(path: str) -> tuple[str, str | None]:
    """Split at the `@` behind `.git`, else at the last one."""
    before, at, ref = path.partition(".git@")
    if at:
        before += ".git"
    else:
        before, at, ref = path.rpartition("@")
    if not at:
        return path, None
    if not ref or _NO_REF.search(ref):
        message = f"cannot use {ref!r} as a revision"
        raise UsageError(message, causes=("it is no branch, tag or commit",), hint=_HINT)
    return before, ref


def _check_user(scheme: str, user: str | None, host: str) -> None:
    """A user's name is for ssh alone; in other URLs it is as often a token."""
    if user is None or (scheme == "ssh" and _USER.fullmatch(user)):
        return
    message = f"cannot use the URL of a repository on {host}" if host else "cannot use the URL"
    hint = "leave it out: ssh has keys" if scheme == "ssh" else _SECRET_HINT
    raise UsageError(message, causes=("a user or a secret is in it",), hint=hint)


def _check_place(scheme: str, host: str, path: str) -> None:
    fine = host == ""
    if scheme != "file":
        fine = bool(re.fullmatch(_HOST, host)) and not re.search(r"[\s?\\]", path)
    if not fine or not path.isprintable() or not path.strip("/") or path.startswith("-"):
        message = "cannot read the address of a repository"
        cause = "a query has no meaning there" if "?" in path else "its host or its path is none"
        raise UsageError(message, causes=(cause,), hint=_HINT)
