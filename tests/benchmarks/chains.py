"""How many round trips had to wait for each other, told from when requests began and ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.proxies import Request


def longest_chain(requests: Iterable[Request]) -> int:
    """The most requests of which each began after the answer to the one before.

    Whoever asks two things at once by chance one after the other counts twice, so it says most
    where an answer takes much longer than to ask.
    """
    length, last = 0, float("-inf")
    answered = (request for request in requests if request.answered)
    for request in sorted(answered, key=lambda request: request.answered):
        if request.began >= last:
            length, last = length + 1, request.answered
    return length
