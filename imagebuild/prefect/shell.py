"""Runs a `run_shell_script` step as Prefect runs it: each line a process of its own.

https://github.com/PrefectHQ/prefect/blob/main/src/prefect/deployments/steps/utility.py
"""

from __future__ import annotations

import shlex
import string
import subprocess
import threading
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from imagebuild.errors import ImagebuildError, UsageError
from imagebuild.events import StepEnded, StepLog, StepStarted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from imagebuild.events import Emit

_INPUTS = {"script", "directory", "env", "stream_output", "expand_env_vars", "shell"}
_LAST_LINES = 20


def run_shell_script(
    inputs: Mapping[str, Any],
    root: Path,
    env: Mapping[str, str],
    emit: Emit,
    shown: str | None = None,
) -> dict[str, str]:
    """What the script printed: `stdout` and `stderr`, without the blanks around them.

    It runs in its `directory`, relative to `root`. `shown` is the script as the file has it, whose
    placeholders may stand for secrets. Raises `UsageError` for inputs that cannot be meant, and
    `ImagebuildError` where a line fails, with the last that it said.
    """
    check(inputs)
    lines = inputs["script"].splitlines()
    named = lines if shown is None else shown.splitlines()
    if len(named) != len(lines):
        named = ["(a line of run_shell_script)"] * len(lines)
    full = {**env, **{key: str(value) for key, value in (inputs.get("env") or {}).items()}}
    running = _Running(full, root / (inputs.get("directory") or "."), emit)
    running.shows = inputs.get("stream_output", True)
    for line, name in zip(lines, named, strict=True):
        if inputs.get("expand_env_vars"):
            line = string.Template(line).safe_substitute(full)
        running.line(line.strip(), name.strip(), shell=bool(inputs.get("shell")))
    return {kind: "".join(lines).strip() for kind, lines in running.said.items()}


def check(inputs: Mapping[str, Any]) -> None:
    """Raise `UsageError` for inputs that the step does not take, or lacks."""
    message = "the step run_shell_script cannot be run"
    if unknown := sorted(set(inputs) - _INPUTS - {"id", "requires"}):
        takes = f"it takes {', '.join(sorted(_INPUTS))}"
        raise UsageError(message, causes=(f"it takes no {' and no '.join(unknown)}",), hint=takes)
    if not isinstance(inputs.get("script"), str):
        raise UsageError(message, causes=("its script is no text",), hint="write script: …")


@dataclass
class _Running:
    """A script that runs: its environment and folder, and what it has said."""

    env: Mapping[str, str]
    folder: Path
    emit: Emit
    shows: bool = True
    said: dict[str, list[str]] = field(default_factory=lambda: {"stdout": [], "stderr": []})

    def line(self, line: str, shown: str, *, shell: bool) -> None:
        """Run one line, which is told as it is `shown`; an empty one is none."""
        words = [] if shell else _words(line, shown)
        if not (line if shell else words):
            return
        start, name = time.monotonic(), f"$ {shown}"
        self.emit(StepStarted(name, name))
        try:
            process = subprocess.Popen(
                line if shell else words,
                shell=shell,
                cwd=self.folder,
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            why = f"{error.strerror or error}: {error.filename}"
            self.emit(StepEnded(name, name, time.monotonic() - start, error=why))
            message = f"cannot run the script's line {shown!r}"
            raise ImagebuildError(message, causes=(why,)) from error
        code = self._await(process, name)
        said = f"it ended with {code}" if code else None
        self.emit(StepEnded(name, name, time.monotonic() - start, error=said))
        if code:
            last = "".join(self.said["stdout"] + self.said["stderr"]).splitlines()[-_LAST_LINES:]
            message = f"the script's line {shown!r} failed"
            raise ImagebuildError(message, causes=(f"it ended with {code}",), body=tuple(last))

    def _await(self, process: subprocess.Popen[bytes], name: str) -> int:
        readers = [
            threading.Thread(target=self._read, args=(stream, kind, name), daemon=True)
            for kind, stream in (("stdout", process.stdout), ("stderr", process.stderr))
        ]
        for reader in readers:
            reader.start()
        try:
            code = process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
        for reader in readers:
            reader.join()
        return code

    def _read(self, stream: IO[bytes], kind: str, name: str) -> None:
        with stream:
            for raw in stream:
                text = raw.decode(errors="replace")
                self.said[kind].append(text)
                if self.shows:
                    self.emit(StepLog(name, text.rstrip("\r\n")))


def _words(line: str, shown: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        message = f"cannot read the script's line {shown!r}"
        hint = "each line is a command of its own; with shell: true the shell reads it"
        raise UsageError(message, causes=(str(error),), hint=hint) from error
