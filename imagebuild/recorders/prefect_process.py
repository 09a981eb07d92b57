"""Runs what only Prefect's own code can do, in processes of their own.

So neither Prefect, which takes seconds to import, nor the modules of a flow, which may do anything
when they are imported, come into this one; and Prefect reads exactly the environment given.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from imagebuild.errors import Unreachable, UsageError
from imagebuild.recorders.prefect_text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MODULE = "imagebuild.recorders.prefect_jobs"
_LAST_LINES = 5
_SECONDS = 120.0
_END_SECONDS = 10.0

MISSING = "install it with: pip install 'flow-imagebuild[prefect]'"


class JobFailed(UsageError):
    """Prefect's own code refused; `status` is the server's answer, 0 where none came."""

    def __init__(self, message: str, *, status: int | None = None, **prose: Any) -> None:
        super().__init__(message, **prose)
        self.status = status


class Process:
    """One job under way: `answer()` waits for its JSON; `end()` ends it and all that it started."""

    def __init__(
        self, job: str, payload: Mapping[str, Any], env: Mapping[str, str], cwd: Path
    ) -> None:
        self._job = job
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end()
        # `-m` puts the current folder first on the path of imports, so it must not be the user's,
        # whose `logging.py` would be taken for Python's; the job goes there itself.
        self._process = subprocess.Popen(
            [sys.executable, "-m", _MODULE, job, str(cwd)],
            cwd=Path(__file__).parents[2],
            # Prefect imports what the flow imports, which must leave nothing in its folder.
            env={**env, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,  # Ctrl-C reaches us alone, and we end it as one group
        )
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(dict(payload)).encode() + b"\n")
            self._process.stdin.flush()

    def answer(self, seconds: float = _SECONDS) -> Any:
        """What the job came to. Raises `JobFailed`, and `Unreachable` where time runs out."""
        line = self._line(time.monotonic() + seconds)
        try:
            said = json.loads(line)
        except ValueError:
            message = f"Prefect's own code ended without an answer ({self._job})"
            raise JobFailed(message, body=self._last_lines()) from None
        if "error" not in said:
            return said["answer"]
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
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").splitlines()
        return tuple(printable(line) for line in lines[-_LAST_LINES:])


def run(
    job: str,
    payload: Mapping[str, Any],
    env: Mapping[str, str],
    cwd: Path,
    started: Callable[[Process], None] = lambda _: None,
    seconds: float = _SECONDS,
) -> Any:
    """One job from its start to its answer; `started` gets it, to end it early from elsewhere.

    Raises `JobFailed`, and `Unreachable` where time runs out.
    """
    process = Process(job, payload, env, cwd)
    try:
        started(process)
        return process.answer(seconds)
    except BaseException:
        process.kill()
        raise
    finally:
        process.end()
