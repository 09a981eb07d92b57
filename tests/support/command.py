"""Runs the command as a user does: `imagebuild` in a folder, with an environment."""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PROGRAM = str(Path(sys.executable).with_name("imagebuild"))


@dataclass(frozen=True)
class Ran:
    """How a command ended: its exit code, the lines of its stdout, and all of its stderr."""

    code: int
    answer: list[str]
    told: str

    @property
    def reference(self) -> str:
        """The one line that a deploy prints on stdout."""
        assert self.code == 0, self.told
        [line] = self.answer
        return line


def imagebuild(*arguments: str, cwd: Path, env: Mapping[str, str]) -> Ran:
    """Run `imagebuild` to its end."""
    done = subprocess.run(
        [PROGRAM, *arguments],
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(done.returncode, done.stdout.splitlines(), done.stderr)


@dataclass
class Running:
    """A command that runs; `lines` is what it has said on stderr so far."""

    process: subprocess.Popen[str]
    mark: str
    lines: list[str] = field(default_factory=list)
    reader: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        assert self.process.stderr is not None
        self.reader = threading.Thread(target=self.lines.extend, args=(self.process.stderr,))
        self.reader.start()

    @property
    def told(self) -> str:
        """All that it has said on stderr so far."""
        return "".join(self.lines)

    def wait_for(self, happened: Callable[[], bool]) -> None:
        """Await what has to happen while it runs; fail if it ends without."""
        wait_until(lambda: happened() or self.process.poll() is not None, "it", 60)
        assert happened(), self.told

    def ended(self, seconds: float = 60) -> Ran:
        """Await its end, and tell how it ended."""
        code = self.process.wait(seconds)
        self.reader.join()
        assert self.process.stdout is not None
        return Ran(code, self.process.stdout.read().splitlines(), self.told)

    def left(self) -> list[str]:
        """The command lines of all that it started and that still run."""
        return [
            (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            for folder in Path("/proc").glob("[0-9]*")
            if self.mark in _environment(folder)
        ]


@contextmanager
def running(*arguments: str, cwd: Path, env: Mapping[str, str]) -> Iterator[Running]:
    """Run `imagebuild` beside the test; it is over when the block ends."""
    mark = uuid.uuid4().hex
    with subprocess.Popen(
        [PROGRAM, *arguments],
        cwd=cwd,
        env={**env, "TEST_MARK": mark},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        command = Running(process, mark)
        try:
            yield command
        finally:
            process.kill()
            command.reader.join()


def _environment(folder: Path) -> str:
    with suppress(OSError):
        return (folder / "environ").read_bytes().decode(errors="replace")
    return ""


def listing(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Mode, size and time of everything in a folder: equal where nothing was touched."""
    return {
        str(path.relative_to(folder)): (status.st_mode, status.st_size, status.st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        for status in [path.lstat()]
    }
