"""Runs a command on a pseudo-terminal, where a person sees it and types."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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

    @property
    def seen(self) -> str:
        """All that was shown so far, without colours and the movements of the cursor."""
        text = bytes(self.raw).decode(errors="replace")
        return _CONTROL.sub("", text).replace("\r\n", "\n").replace("\r", "\n")

    def wait_for(self, text: str) -> None:
        """Await that a text is shown; fail if the command ends without."""
        wait_until(lambda: text in self.seen or self.process.poll() is not None, text)
        assert text in self.seen, self.seen

    def type(self, keys: str) -> None:
        """Press these keys."""
        os.write(self.keyboard, keys.encode())

    def ended(self, seconds: float = 60) -> tuple[int, str]:
        """Await the command's end: its exit code, and all that it wrote to stdout."""
        stdout, _ = self.process.communicate(timeout=seconds)
        return self.process.returncode, stdout

    def read(self) -> None:
        """Take what is shown, until nobody has the terminal any more."""
        with suppress(OSError):
            while data := os.read(self.keyboard, 65536):
                self.raw += data


@contextmanager
def on_terminal(*argv: str, cwd: Path, env: Mapping[str, str]) -> Iterator[Terminal]:
    """Run a program on a terminal of 120 columns; it is over when the block ends."""
    keyboard, screen = os.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_IT, *argv],
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
        reader = threading.Thread(target=terminal.read)
        reader.start()
        try:
            yield terminal
        finally:
            process.kill()
            process.wait()
            reader.join()
            os.close(keyboard)
