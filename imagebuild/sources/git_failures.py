"""Tells from what git printed why it failed, without repeating a secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagebuild.errors import Denied, ImagebuildError, Unreachable, UsageError
from imagebuild.printable import printable

if TYPE_CHECKING:
    from imagebuild.sources.git_address import Address
    from imagebuild.sources.git_login import Login

_LINES = 3
_USER = re.compile(r"(://)[^/@\s']+@")
# The last two are of ssh's failures; the times begin what GIT_TRACE adds.
_NOISE = re.compile(
    r"^(hint:|warning:|Cloning into|remote: *$|\s*$|\d\d:\d\d:\d\d\.\d+ "
    r"|Please make sure you have|and the repository exists)"
)
_STRANGER = re.compile(r"host key verification failed", re.I)
_DENIED = re.compile(
    r"authentication failed|could not read (username|password)|permission denied"
    r"|access denied|error: 40[13]\b|too many authentication failures|invalid credentials",
    re.I,
)
_DOWN = re.compile(
    r"could ?n.t resolve|could not resolve|failed to connect|could ?n.t connect|connection refused"
    r"|timed? ?out|unreachable|no route to host|connection (reset|closed)|temporary failure"
    r"|ssl|certificate|tls|error: 5\d\d\b|early eof|rpc failed|operation too slow|empty reply"
    r"|remote end hung up|unexpected disconnect",
    re.I,
)
_NO_COMMIT = re.compile(r"not our ref|couldn't find remote ref", re.I)
_KEPT_BACK = re.compile(r"unadvertised object", re.I)
_NO_PROGRAM = re.compile(r"^error: cannot run (\S+):", re.M)
_QUOTED = re.compile(r"'[^']*'")  # a URL, say, whose words mean nothing here
_ABSENT = re.compile(
    r"not found|does not exist|does not appear to be a git repository|no such file"
    r"|not a git repository|error: 404\b",
    re.I,
)


class KeptBack(UsageError):
    """The remote gives out by its hash only what a branch or a tag ends with."""


def failure(address: Address, login: Login | None, printed: str) -> ImagebuildError:
    """The error that git's output means. The nearest reason is in it as git gave it."""
    text = login.redacted(printed) if login else printed
    lines = [line for line in _USER.sub(r"\1", text).splitlines() if not _NOISE.match(line)]
    causes = tuple(printable(line.strip(), 300) for line in lines[:_LINES])
    shown, told = address.shown, _QUOTED.sub("''", "\n".join(lines))
    tried = str(login.reference) if login else "git's own credentials"
    if program := _NO_PROGRAM.search(told):
        return UsageError(f"cannot fetch {shown}", causes=causes, hint=f"install {program[1]}")
    if _NO_COMMIT.search(told):
        hint = "look at its branches, or push the commit"
        return UsageError(f"{shown} has no commit {address.ref}", causes=causes, hint=hint)
    if _KEPT_BACK.search(told):
        hint = "its server is to allow protocol version 2: AcceptEnv GIT_PROTOCOL, for ssh"
        return KeptBack(f"{shown} gives out no single objects", causes=causes, hint=hint)
    if _STRANGER.search(told):
        message = f"ssh does not know the host of {shown}"
        return Denied(message, causes=causes, hint="add its key to ~/.ssh/known_hosts")
    if _DENIED.search(told):
        message = f"not allowed to read {shown} with {tried}"
        return Denied(message, causes=causes, hint=_hint(address, login))
    if _DOWN.search(told) and not _ABSENT.search(told):
        return Unreachable(f"cannot reach {shown}", causes=causes, hint="try again")
    if _ABSENT.search(told):
        hint = f"check the URL; a private one is not found either (tried with {tried})"
        return UsageError(f"there is no repository {shown}", causes=causes, hint=hint)
    return ImagebuildError(f"git could not fetch {shown}", causes=causes)


def _hint(address: Address, login: Login | None) -> str:
    if address.scheme == "ssh":
        return "load a key that may read it into the ssh agent"
    if login:
        return "check that it may read this repository and has not expired"
    return "give --source-credentials env:NAME or block://secret/NAME"
