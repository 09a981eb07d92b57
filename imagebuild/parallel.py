"""Runs a few waits at once, so that the slowest sets the time and not their sum."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

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
