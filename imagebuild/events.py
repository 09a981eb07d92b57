"""What happens on the way, told sideways: stages, steps, log lines, transfers, notes.

Whoever does the work emits; whoever shows it decides how. `Emit` may be called from any thread.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class StageStarted:
    """A stage of the way began: `preflight`, `build`, `push` or `record`."""

    stage: str


@dataclass(frozen=True)
class StageEnded:
    """It came to its end; `detail` says in a few words with what."""

    stage: str
    seconds: float
    detail: str


@dataclass(frozen=True)
class StepStarted:
    """A step of the build began; `step` is its number among the steps, `name` its instruction."""

    step: str
    name: str


@dataclass(frozen=True)
class StepEnded:
    """A step came to its end: taken from the cache, done, or failed with `error`."""

    step: str
    name: str
    seconds: float
    cached: bool = False
    error: str | None = None


@dataclass(frozen=True)
class StepLog:
    """A line that a step printed, without its line end."""

    step: str
    line: str


@dataclass(frozen=True)
class Transfer:
    """Bytes on the way: `total` is 0 while it is not known. `current == total` at the end."""

    stage: str
    what: str
    current: int
    total: int


@dataclass(frozen=True)
class Sent:
    """What a builder asked for of the build context: the files that it did not have, by path."""

    paths: tuple[str, ...]
    size: int


@dataclass(frozen=True)
class Note:
    """A fact that the user wants to know and need not act on."""

    text: str


@dataclass(frozen=True)
class Warned:
    """Something that will probably surprise the user if it stays as it is."""

    text: str
    cause: str | None = None
    hint: str | None = None


Event = (
    StageStarted | StageEnded | StepStarted | StepEnded | StepLog | Transfer | Sent | Note | Warned
)
Emit = Callable[[Event], None]


def ignore(event: Event) -> None:
    """An `Emit` for whoever does not want to know."""


def labelled(emit: Emit, label: str) -> Emit:
    """An `Emit` for one of several things at once: its steps, notes and warnings say which."""

    def emit_labelled(event: Event) -> None:
        match event:
            case StepStarted() | StepEnded():
                event = dataclasses.replace(
                    event, step=f"{label} {event.step}", name=f"{event.name}  ({label})"
                )
            case StepLog():
                event = dataclasses.replace(event, step=f"{label} {event.step}")
            case Transfer():
                event = dataclasses.replace(event, what=f"{label} {event.what}")
            case Note() | Warned():
                event = dataclasses.replace(event, text=f"{label}: {event.text}")
            case _:
                pass
        emit(event)

    return emit_labelled


def once(emit: Emit) -> Emit:
    """An `Emit` that says no note and no warning twice."""
    said: set[Event] = set()

    def emit_once(event: Event) -> None:
        if isinstance(event, Note | Warned):
            if event in said:
                return
            said.add(event)
        emit(event)

    return emit_once
