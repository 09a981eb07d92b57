"""Runs what only Prefect's own code can do, in processes of their own.

So neither Prefect, which takes seconds to import, nor the modules of a flow, which may do anything
when they are imported, come into this one; and Prefect reads exactly the environment given.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from imagebuild.errors import Interrupted, Unreachable, UsageError
from imagebuild.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MODULE = "imagebuild.recorders.prefect_jobs"
_LAST_LINES = 5
_SECONDS = 120.0
_END_SECONDS = 10.0

MISSING = "install it with: pip install 'flow-imagebuild[prefect]'"


def is_installed() -> bool:
    """Whether Prefect is there."""
    return importlib.util.find_spec("prefect") is not None


def need_prefect(what: str) -> None:
    """Raise `UsageError` where something cannot be done, as Prefect is not there."""
    if not is_installed():
        message = f"cannot {what}: Prefect is not installed"
        raise UsageError(message, hint=MISSING)


class JobFailed(UsageError):
    """Prefect's own code refused; `status` is the server's answer, 0 where none came."""

    def __init__(self, message: str, *, status: int | None = None, **prose: Any) -> None:
        super().__init__(message, **prose)
        self.status = status


class Process:
    """Prefect's own code in a folder; `end()` ends it and all that it started."""

    def __init__(self, env: Mapping[str, str], cwd: Path) -> None:
        self.is_well = True  # whether it can do another job
        self._is_killed = False
        self._job = ""
        self._said = 0
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end()
        # `-m` puts the current folder first on the path of imports, so it must not be the user's,
        # whose `logging.py` would be taken for Python's; the job goes there itself.
        self._process = subprocess.Popen(
            [sys.executable, "-m", _MODULE, str(cwd)],
            cwd=Path(__file__).parents[2],
            # Prefect imports what the flow imports, which must leave nothing in its folder.
            env={**env, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,  # Ctrl-C reaches us alone, and we end it as one group
        )

    def ask(self, job: str, payload: Mapping[str, Any], seconds: float = _SECONDS) -> Any:
        """What a job comes to. Raises `JobFailed`, and `Unreachable` where time runs out.

        In a thread that waits while another kills it, `Interrupted`: nothing failed.
        """
        self.is_well = False
        self._job, self._said = job, os.fstat(self._errors.fileno()).st_size
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            asked = {"job": job, "given": dict(payload)}
            self._process.stdin.write(json.dumps(asked).encode() + b"\n")
            self._process.stdin.flush()
        line = self._line(time.monotonic() + seconds)
        try:
            said = json.loads(line)
        except ValueError:
            if self._is_killed:
                raise Interrupted(130) from None
            message = f"Prefect's own code ended without an answer ({self._job})"
            raise JobFailed(message, body=self._last_lines()) from None
        if "error" not in said:
            self.is_well = True
            return said["answer"]
        self.is_well = True
        error = said["error"]
        causes = tuple(printable(cause) for cause in error["causes"])
        raise JobFailed(printable(error["message"]), causes=causes, status=error.get("status"))

    def end(self) -> None:
        """Let it go by closing its input; insist after ten seconds. Safe to call again."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
        self._errors.close()

    def kill(self) -> None:
        """End it and all that it started, at once."""
        self._is_killed = True
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _line(self, deadline: float) -> bytes:
        assert self._process.stdout is not None
        descriptor, line = self._process.stdout.fileno(), b""
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                self.kill()
                message = f"Prefect's own code did not answer in time ({self._job})"
                raise Unreachable(message, body=self._last_lines())
            more = os.read(descriptor, 65536)
            if not more:
                break
            line += more
        return line

    def _last_lines(self) -> tuple[str, ...]:
        # Its offset is the child's too, so it is not moved.
        size = os.fstat(self._errors.fileno()).st_size - self._said
        lines = os.pread(self._errors.fileno(), size, self._said).decode(errors="replace")
        return tuple(printable(line) for line in lines.splitlines()[-_LAST_LINES:])


def run(
    job: str,
    payload: Mapping[str, Any],
    env: Mapping[str, str],
    cwd: Path,
    started: Callable[[Process], None] = lambda _: None,
) -> Any:
    """One job from its start to its answer; `started` gets it, to end it early from elsewhere.

    Raises `JobFailed`, and `Unreachable` where time runs out.
    """
    process = Process(env, cwd)
    try:
        started(process)
        return process.ask(job, payload)
    except BaseException:
        process.kill()
        raise
    finally:
        process.end()


class Service:
    """Prefect's own code at hand: a process for each folder, begun when it is first needed.

    To import Prefect takes seconds, so a process stays for the jobs to come. `env` is read when one
    begins.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._lock = threading.RLock()
        self._processes: dict[tuple[Path, str | None], Process] = {}

    def run(
        self, job: str, payload: Mapping[str, Any], folder: Path, seconds: float = _SECONDS
    ) -> Any:
        """What a job comes to; one at a time. Raises as `Process.ask` does."""
        key = (folder, self._env.get("PREFECT_API_URL"))
        with self._lock:
            if key not in self._processes:
                self._processes[key] = Process(self._env, folder)
            process = self._processes[key]
            try:
                return process.ask(job, payload, seconds)
            except BaseException:
                if not process.is_well:
                    self._processes.pop(key, None)
                    process.kill()
                    process.end()
                raise

    def close(self) -> None:
        """End them all, also those that another thread waits for."""
        for process in list(self._processes.values()):
            process.kill()
        with self._lock:
            for process in self._processes.values():
                process.end()
            self._processes.clear()
