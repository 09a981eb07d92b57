"""Runs the command on a terminal of its own, and types into it as a person does."""

from __future__ import annotations

import errno
import os
import pty
import select
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.command import PROGRAM, Ran

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@dataclass
class Terminal:
    """A command on a pseudo-terminal; `shown` is all that it has written there."""

    process: subprocess.Popen[str]
    master: int
    shown: str = ""
    seen: int = 0

    def wait_for(self, text: str, seconds: float = 60) -> str:
        """Await a text after what was awaited before; what was shown up to it."""
        end = time.monotonic() + seconds
        while text not in self.shown[self.seen :]:
            assert time.monotonic() < end, f"no {text!r} in:\n{self.shown}"
            assert self._read(1), f"it ended without {text!r}:\n{self.shown}"
        place = self.shown.index(text, self.seen) + len(text)
        part, self.seen = self.shown[self.seen : place], place
        return part

    def answer(self, question: str, line: str) -> str:
        """Await a question and type the answer; what was shown before."""
        shown = self.wait_for(question)
        os.write(self.master, f"{line}\n".encode())
        return shown

    def ended(self, seconds: float = 60) -> Ran:
        """Await its end; what it wrote on the terminal is what it told."""
        while self._read(seconds):
            pass
        assert self.process.stdout is not None
        code = self.process.wait(seconds)
        return Ran(code, self.process.stdout.read().splitlines(), self.shown)

    def _read(self, seconds: float) -> bool:
        """Take what is there to be read; whether there can be more."""
        if not select.select([self.master], [], [], seconds)[0]:
            return self.process.poll() is None
        try:
            data = os.read(self.master, 65536)
        except OSError as error:
            if error.errno != errno.EIO:  # which Linux says when the other side is closed
                raise
            return False
        self.shown += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)


@contextmanager
def on_terminal(*arguments: str, cwd: Path, env: Mapping[str, str]) -> Iterator[Terminal]:
    """Run `imagebuild` with a terminal for what it asks, and a pipe for its answer."""
    master, slave = pty.openpty()
    try:
        with subprocess.Popen(
            [PROGRAM, *arguments],
            cwd=cwd,
            env={**{key: value for key, value in env.items() if key != "CI"}, "TERM": "xterm"},
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=slave,
            text=True,
            start_new_session=True,
        ) as process:
            os.close(slave)
            try:
                yield Terminal(process, master)
            finally:
                process.kill()
    finally:
        os.close(master)
