"""Asks a credential helper, a program of the user's own, for one registry's credentials.

https://github.com/docker/docker-credential-helpers#development
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_SECONDS = 30
_NOTHING = "credentials not found in native keychain"
_TOKEN_USER = "<token>"


class HelperFailed(Exception):
    """A helper that is missing, or does not do what a helper does; its words stay unsaid."""


def ask_helper(name: str, server: str, env: Mapping[str, str]) -> dict[str, str]:
    """What `docker-credential-NAME` has for a server; empty where it has nothing.

    Raises `HelperFailed`.
    """
    program = f"docker-credential-{name}"
    ran = _run(program, _path_of(program, name, env), server, env)
    if ran.returncode:
        if _NOTHING in ran.stdout:
            return {}
        message = f"{program} ended with exit code {ran.returncode}"
        raise HelperFailed(message)
    try:
        found = json.loads(ran.stdout)
        username, secret = str(found["Username"]), str(found["Secret"])
    except (ValueError, KeyError, TypeError) as error:
        message = f"{program} answered with something else than credentials"
        raise HelperFailed(message) from error
    if not username and not secret:
        return {}
    if username == _TOKEN_USER:
        return {"identitytoken": secret}
    return {"username": username, "password": secret, "serveraddress": server}


def _path_of(program: str, name: str, env: Mapping[str, str]) -> Path:
    """Where it is installed: not in the folder that we work on, whose files others wrote."""
    if not _NAME.fullmatch(name):
        message = f"{name!r} is not the name of a credential helper"
        raise HelperFailed(message)
    found = shutil.which(program, path=env.get("PATH"))
    if found is None:
        message = f"{program} is not installed, or not on the PATH"
        raise HelperFailed(message)
    path, here, home = Path(found).absolute(), Path.cwd(), Path.home()
    is_project = here not in (home, *home.parents)
    if is_project and (path.is_relative_to(here) or path.resolve().is_relative_to(here.resolve())):
        message = f"{program} lies in the current folder, so it is not run: {path}"
        raise HelperFailed(message)
    return path


def _run(
    program: str, path: Path, server: str, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [str(path), "get"],
            input=server,
            env={**os.environ, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:  # its own words could hold what the helper has said
        message = f"{program} did not answer within {_SECONDS} seconds"
        raise HelperFailed(message) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        message = f"{program} cannot be run: {str(reason).lower()}"
        raise HelperFailed(message) from error
