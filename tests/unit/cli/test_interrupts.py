"""Signals end the command, also where it waits."""

from __future__ import annotations

import subprocess
import sys

import pytest

# The signal is taken by another thread, so that it breaks off nothing that the main one waits for:
# as where it comes just before the waiting begins.
SCRIPT = """
import os, signal, threading, time
from imagebuild.cli.interrupts import listen
from imagebuild.errors import Interrupted

def send():
    time.sleep(0.5)
    signal.pthread_kill(threading.get_ident(), {signal})

listen()
listen()
threading.Thread(target=send, daemon=True).start()
reader, writer = os.pipe()
try:
    os.read(reader, 1)
except Interrupted as interrupted:
    print("interrupted", interrupted.exit_code)
except KeyboardInterrupt:
    print("interrupted", 130)
"""


@pytest.mark.parametrize(
    ("signal", "code"), [("signal.SIGTERM", 143), ("signal.SIGHUP", 129), ("signal.SIGINT", 130)]
)
def test_a_signal_that_breaks_off_no_waiting_ends_it_all_the_same(signal: str, code: int) -> None:
    """Within a moment."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(signal=signal)],
        capture_output=True,
        text=True,
        timeout=15,
        check=False,
    )

    assert (done.stdout, done.stderr) == (f"interrupted {code}\n", "")
