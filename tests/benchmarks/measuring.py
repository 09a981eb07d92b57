"""Runs one program to its end, and tells what it took; reads what docker says it sent."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_UNITS = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9}
# The classic builder's line, BuildKit's, which is printed again and again as it grows, and ours.
_SENT = re.compile(
    r"(?:Sending build context to Docker daemon|transferring context:|  sent [\d,]+ files?,)"
    r"\s+([\d.]+) ?([kKMG]?B)"
)


@dataclass(frozen=True)
class Measured:
    """One run: wall time in seconds, the most memory at one time in bytes, and what it printed.

    `stopped` says that it was not waited for to its end.
    """

    seconds: float
    peak: int
    output: str
    stopped: bool = False


def measure(argv: Sequence[str], env: Mapping[str, str], limit: float) -> Measured:
    """Run a program for `limit` seconds at most; raises RuntimeError with its words if it fails.

    The memory is that of the program or of one that it started, whichever took more.
    """
    with tempfile.TemporaryFile("w+") as output:
        began = time.monotonic()
        process = subprocess.Popen(
            argv,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        stop = threading.Timer(limit, process.kill)
        stop.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        stop.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    stopped = process.returncode == -signal.SIGKILL and seconds >= limit
    if process.returncode and not stopped:
        message = f"{' '.join(argv)} ended with {process.returncode}:\n{text[-3000:]}"
        raise RuntimeError(message)
    return Measured(seconds, usage.ru_maxrss * 1024, text, stopped)


def sent_bytes(output: str) -> int | None:
    """What docker or our command says that it sent of the context; None where it says nothing."""
    told = [float(number) * _UNITS[unit] for number, unit in _SENT.findall(output)]
    return round(max(told)) if told else None
