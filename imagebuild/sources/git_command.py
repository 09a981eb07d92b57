"""Runs git against another repository: quietly, without hooks, over safe protocols alone."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from imagebuild.errors import Unreachable, UsageError
from imagebuild.git import ELSEWHERE
from imagebuild.sources.git_failures import failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagebuild.sources.git_address import Address
    from imagebuild.sources.git_login import Login

ASKING = 60.0  # seconds that a remote has to tell its branches
_NOWHERE = Path("/")  # where no repository's settings are found

# https://git-scm.com/docs/git-config; these come on top of the user's own and are written nowhere.
_SETTINGS = (
    ("core.hooksPath", "/dev/null"),
    ("protocol.ext.allow", "never"),
    ("core.fsmonitor", "false"),  # or a daemon stays behind
    ("gc.auto", "0"),  # the same
    ("maintenance.auto", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("submodule.recurse", "false"),
    ("advice.detachedHead", "false"),
    ("http.lowSpeedLimit", "1"),  # a server that says nothing is not waited for
    ("http.lowSpeedTime", "60"),
)


@dataclass(frozen=True)
class Git:
    """Git for one repository elsewhere, in the user's environment `env`."""

    address: Address
    env: Mapping[str, str] = field(repr=False)
    login: Login | None = None

    def ask(self, *arguments: str) -> str:
        """What it answers in no repository, within a minute."""
        return self.run(_NOWHERE, *arguments, seconds=ASKING)

    def run(
        self,
        folder: Path,
        *arguments: str,
        text: str = "",
        seconds: float | None = None,
        fine: tuple[int, ...] = (0,),
    ) -> str:
        """What it answers in a folder; raises what its failure means."""
        try:
            result = subprocess.run(
                ["git", "--no-pager", "-C", str(folder), *arguments],
                env=self._environment(),
                input=text.encode(),
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except FileNotFoundError:
            message = f"cannot fetch {self.address.shown}"
            raise UsageError(message, causes=("git is not here",), hint="install git") from None
        except subprocess.TimeoutExpired:
            message = f"{self.address.shown} does not answer"
            cause = f"it said nothing for {seconds:.0f} seconds"
            raise Unreachable(message, causes=(cause,), hint="try again") from None
        if result.returncode not in fine:
            raise failure(self.address, self.login, result.stderr.decode("utf-8", "replace"))
        return result.stdout.decode("utf-8", "surrogateescape")

    def _environment(self) -> dict[str, str]:
        env = self._own()
        settings = [*_SETTINGS, *(self.login.settings() if self.login else ())]
        env |= _configured(env, settings)
        env |= self.login.variables() if self.login else {}
        protocols = ["https", "ssh"]
        protocols += [self.address.scheme] if self.address.scheme in {"http", "file"} else []
        env["GIT_ALLOW_PROTOCOL"] = ":".join(protocols)
        env["GIT_TERMINAL_PROMPT"] = "0"
        env["LC_ALL"] = "C"  # its messages are read
        if self.address.scheme == "ssh" and not self._has_own_ssh():
            env["GIT_SSH_COMMAND"] = "ssh -o BatchMode=yes"
        return env

    def _own(self) -> dict[str, str]:
        """The user's environment, without what tells git of a repository of theirs."""
        return {key: value for key, value in self.env.items() if key not in ELSEWHERE}

    def _has_own_ssh(self) -> bool:
        """Whether the user said how git calls ssh; a setting of ours would stand for theirs."""
        if {"GIT_SSH_COMMAND", "GIT_SSH"} & self.env.keys():
            return True
        command = ["git", "-C", str(_NOWHERE), "config", "--get", "core.sshCommand"]
        found = subprocess.run(command, env=self._own(), capture_output=True, check=False)
        return found.returncode == 0


def _configured(env: Mapping[str, str], settings: list[tuple[str, str]]) -> dict[str, str]:
    """Variables for these settings, behind those that are there already."""
    told = env.get("GIT_CONFIG_COUNT", "")
    start = int(told) if told.isdecimal() else 0
    found = {"GIT_CONFIG_COUNT": str(start + len(settings))}
    for index, (key, value) in enumerate(settings, start):
        found |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}
    return found
