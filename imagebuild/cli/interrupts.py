"""Lets a signal end the command as Ctrl-C does, also where it waits for somebody's answer."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any, Final, NoReturn

from imagebuild.errors import Interrupted

# Ignored by whoever does not ask for it: https://man7.org/linux/man-pages/man7/signal.7.html
_NUDGE: Final = signal.SIGURG
_SECONDS: Final = 0.1

_woken: list[int] = []


def listen() -> None:
    """Turn SIGTERM and SIGHUP into `Interrupted`, and let none of these or SIGINT be missed.

    Python handles a signal between two instructions, or as the main thread's waiting is broken
    off. One that comes just before the waiting begins does neither, so somebody else breaks it off.
    https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminate)
    if _woken:
        return
    signal.signal(_NUDGE, lambda *_: None)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    _woken.append(writer)
    main = threading.main_thread().ident
    threading.Thread(target=_nudge, args=(reader, main), daemon=True).start()


def _terminate(signum: int, frame: Any) -> NoReturn:  # noqa: ARG001 -- the signal handler's form
    raise Interrupted(128 + signum)


def _nudge(reader: int, main: int) -> None:
    """Break off what the main thread waits for, a moment after each signal."""
    while came := os.read(reader, 1):
        if came[0] != _NUDGE:
            time.sleep(_SECONDS)
            signal.pthread_kill(main, _NUDGE)
