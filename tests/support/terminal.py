"""Runs the command on a terminal of its own, where a person sees it and types."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.command import PROGRAM, Ran
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

CTRL_C, CTRL_D = "\x03", "\x04"
# The terminal is the one that Ctrl-C on it is meant for, as a shell's is.
_TAKE_IT = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    " os.execv(sys.argv[1], sys.argv[1:])"
)
_CONTROL = re.compile(r"\x1b\[[?0-9;]*[A-Za-z]")


@dataclass
class Terminal:
    """What is seen on the terminal, and the hands at its keyboard; stdout is kept apart."""

    process: subprocess.Popen[str]
    keyboard: int
    raw: bytearray = field(default_factory=bytearray)
    reader: threading.Thread = field(init=False)
    _awaited: int = 0

    def __post_init__(self) -> None:
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    @property
    def seen(self) -> str:
        """All that was shown so far, without colours and the movements of the cursor."""
        text = bytes(self.raw).decode(errors="replace")
        return _CONTROL.sub("", text).replace("\r\n", "\n").replace("\r", "\n")

    def wait_for(self, text: str) -> str:
        """Await a text behind the one that was awaited last; what was shown up to its end.

        Fails if the command ends without.
        """

        def is_there() -> bool:
            return text in self.seen[self._awaited :]

        wait_until(lambda: is_there() or not self.reader.is_alive(), text)
        assert is_there(), self.seen
        begin, self._awaited = self._awaited, self.seen.index(text, self._awaited) + len(text)
        return self.seen[begin : self._awaited]

    def type(self, keys: str) -> None:
        """Press these keys."""
        os.write(self.keyboard, keys.encode())

    def answer(self, question: str, line: str) -> None:
        """Await a question, and type the answer."""
        self.wait_for(question)
        self.type(f"{line}\n")

    def ended(self, seconds: float = 60) -> Ran:
        """Await the command's end; what was seen on the terminal is what it told."""
        stdout, _ = self.process.communicate(timeout=seconds)
        self.reader.join()
        return Ran(self.process.returncode, stdout.splitlines(), self.seen)

    def _read(self) -> None:
        """Take what is shown, until nobody has the terminal any more."""
        with suppress(OSError):
            while data := os.read(self.keyboard, 65536):
                self.raw += data


@contextmanager
def on_terminal(*arguments: str, cwd: Path, env: Mapping[str, str]) -> Iterator[Terminal]:
    """Run `imagebuild` on a terminal of 120 columns; it is over when the block ends."""
    keyboard, screen = os.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_IT, PROGRAM, *arguments],
            cwd=cwd,
            env={**env, "TERM": "xterm", "COLUMNS": "120", "CI": ""},
            stdin=screen,
            stdout=subprocess.PIPE,
            stderr=screen,
            text=True,
            start_new_session=True,
        )
    finally:
        os.close(screen)
    with process:
        terminal = Terminal(process, keyboard)
        try:
            yield terminal
        finally:
            process.kill()
            process.wait()
            terminal.reader.join()
            os.close(keyboard)
