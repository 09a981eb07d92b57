"""Runs a few waits at once, so that the slowest sets the time and not their sum."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_One = TypeVar("_One")
_Two = TypeVar("_Two")


def both(one: Callable[[], _One], two: Callable[[], _Two]) -> tuple[_One, _Two]:
    """What the two return; raises what the first of them raises, then the second's.

    `two` runs in a daemon thread: Ctrl-C ends the command without waiting for its answer.
    """
    results: list[Any] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(two())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    first = one()
    thread.join()
    if errors:
        raise errors[0]
    return first, results[0]


def each(work: Callable[[_One], _Two], things: Iterable[_One], at_once: int = 4) -> list[_Two]:
    """What `work` returns for each thing, in their order, a few of them at once.

    Raises what it raises for the first of them that fails. The threads are daemons: Ctrl-C ends
    the command without waiting for what is under way.
    """
    waiting = list(enumerate(things))
    results: dict[int, _Two] = {}
    errors: dict[int, BaseException] = {}

    def run() -> None:
        while waiting and not errors:
            try:
                number, thing = waiting.pop(0)
            except IndexError:
                return
            try:
                results[number] = work(thing)
            except BaseException as error:
                errors[number] = error

    threads = [threading.Thread(target=run, daemon=True) for _ in waiting[:at_once]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[min(errors)]
    return [results[number] for number in sorted(results)]
