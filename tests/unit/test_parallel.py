"""Several waits at once: their order, their errors, and how many."""

from __future__ import annotations

import threading
import time

import pytest

from imagebuild.parallel import each


def test_results_stand_in_the_order_of_the_things() -> None:
    """However long each takes."""

    def work(number: int) -> int:
        time.sleep(0.02 * (3 - number))
        return number * 10

    assert each(work, [0, 1, 2]) == [0, 10, 20]
    assert each(work, []) == []


def test_a_few_are_at_work_at_once_and_no_more() -> None:
    """The first two meet; there is never a third."""
    meet, running, most = threading.Barrier(2), set[int](), [0]

    def work(number: int) -> None:
        running.add(number)
        most[0] = max(most[0], len(running))
        if number < 2:
            meet.wait(10)
        running.discard(number)

    each(work, range(6), at_once=2)

    assert most == [2]


def test_the_first_error_in_order_is_raised() -> None:
    """What was not begun is not begun any more."""
    done: list[int] = []

    def work(number: int) -> None:
        done.append(number)
        if number:
            message = f"of {number}"
            raise ValueError(message)

    with pytest.raises(ValueError, match="of 1"):
        each(work, [0, 1, 2, 3], at_once=1)
    assert done == [0, 1]
