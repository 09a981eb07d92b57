"""Reads what the classic builder says while it builds: its steps, their lines, and its end.

https://github.com/moby/moby/blob/v20.10.24/builder/dockerfile/evaluator.go
"""

from __future__ import annotations

import re
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from imagebuild.builders.failures import engine_gone, failure, one_line
from imagebuild.events import StepEnded, StepLog, StepStarted, Transfer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from imagebuild.builders.recipe import Dockerfile
    from imagebuild.events import Emit

_KEPT_LINES = 30
_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)", re.DOTALL)
_CACHED = " ---> Using cache\n"
# What the builder says of itself; each comes as a message of its own.
_ASIDE = re.compile(
    r" ---> \S.*\n|Removing intermediate container \w+\n|Successfully (built|tagged) \S+\n"
)
_RED, _PLAIN = "\x1b[91m", "\x1b[0m"  # around what a step writes to stderr


def image_id(
    events: Iterable[Mapping[str, Any]],
    dockerfile: Dockerfile,
    emit: Emit,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """The ID of the image that a build ends with; its steps are told as they come.

    `clock` gives seconds. Raises `BuildFailed` with the failed step, `Denied` where a registry
    refuses, and `Unreachable` where the events end without an image.
    """
    steps, found = _Steps(emit, clock), ""
    for event in events:
        if "error" in event or "errorDetail" in event:
            detail = event.get("errorDetail") or {}
            raise steps.failed(str(detail.get("message") or event.get("error")), dockerfile)
        found = str((event.get("aux") or {}).get("ID") or found)
        steps.take(event)
    if not found:
        reason = "its answer ended without an image and without an error"
        raise engine_gone(reason)
    steps.end()
    return found


class _Steps:
    """The step that runs now, and the last lines that it printed."""

    def __init__(self, emit: Emit, clock: Callable[[], float]) -> None:
        self._emit, self._clock = emit, clock
        self._number, self._total = 0, ""
        self._name = ""
        self._started = 0.0
        self._cached = False
        self._rest = ""
        self._lines = deque[str](maxlen=_KEPT_LINES)

    def take(self, event: Mapping[str, Any]) -> None:
        """One message."""
        if text := event.get("stream"):
            self._said(str(text))
        elif part := event.get("id"):
            detail = event.get("progressDetail") or {}
            if "current" in detail:
                current, total = int(detail["current"]), int(detail.get("total") or 0)
                self._emit(Transfer("build", str(part), current, max(current, total)))

    def _said(self, text: str) -> None:
        step = _STEP.fullmatch(text)
        if step and self._is_next(step):
            self._begin(int(step[1]), step[2], step[3])
        elif text == _CACHED:
            self._cached = True
        elif not _ASIDE.fullmatch(text):
            self._print(text)

    def _is_next(self, step: re.Match[str]) -> bool:
        """Whether the builder says it: a command can print the same words."""
        return int(step[1]) == self._number + 1 and self._total in {"", step[2]}

    def _begin(self, number: int, total: str, instruction: str) -> None:
        self.end()
        self._number, self._total = number, total
        self._name = one_line(f"[{number}/{total}] {instruction}")
        self._started, self._cached = self._clock(), False
        self._rest = ""
        self._lines.clear()
        self._emit(StepStarted(str(number), self._name))

    def _print(self, text: str) -> None:
        if text.startswith(_RED) and text.endswith(_PLAIN):
            text = text[len(_RED) : -len(_PLAIN)]
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._line(line)

    def _line(self, line: str) -> None:
        shown = line.rstrip("\r").rpartition("\r")[2]
        if self._number and (shown or self._lines):
            self._lines.append(shown)
            self._emit(StepLog(str(self._number), shown))

    def end(self, error: str | None = None) -> None:
        """The step that ran, if any, came to its end."""
        if self._rest:
            self._line(self._rest)
        if self._number:
            seconds = 0.0 if self._cached else self._clock() - self._started
            number = str(self._number)
            self._emit(StepEnded(number, self._name, seconds, cached=self._cached, error=error))

    def failed(self, message: str, dockerfile: Dockerfile) -> Exception:
        """The error for the builder's last words."""
        self.end(message)
        return failure(message, dockerfile, step=self._name or None, log=tuple(self._lines))
