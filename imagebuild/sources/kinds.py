"""Tells by its address which kind of source is meant. Asks nobody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagebuild.errors import UsageError

if TYPE_CHECKING:
    from imagebuild.request import SourceRequest

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
# git's short form, `user@host:path`: https://git-scm.com/docs/git-clone#_git_urls
_SCP = re.compile(r"[A-Za-z0-9._-]+(?::[^@/]*)?@[A-Za-z0-9.-]+:(?!//)")
_OF_GIT = frozenset({"http", "https", "ssh", "git"})


def kind_of(asked: SourceRequest) -> str:
    """The key in the table of sources. Raises `UsageError` for an address that is none."""
    address = asked.address
    if address.startswith("block://"):
        return "storage"
    if not address.strip() or address.startswith("-") or not address.isprintable():
        message = f"{address!r} is no source of code"
        raise UsageError(message, hint="give a folder, or a URL: https://github.com/team/flows")
    scheme = _SCHEME.match(address)
    if scheme is None:
        return "git" if _SCP.match(address) or address.startswith("git+") else "folder"
    name = scheme[1].lower()
    if name == "file":
        return "folder"
    return "git" if name in _OF_GIT or name.startswith("git+") else "blob"
