"""What a request carries is counted exactly, however its bytes come."""

from __future__ import annotations

import pytest

from tests.support.bodies import BodyCounter

PLAIN = b"PUT /blob HTTP/1.1\r\nContent-Length: 5\r\n\r\n12345"
CHUNKED = (
    b"PATCH /blob HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\n1\r\n45\r\n10;name=value\r\n0123456789abcdef\r\n0\r\n\r\n"
)


@pytest.mark.parametrize(
    ("request_", "size"),
    [(PLAIN, 5), (CHUNKED, 21), (b"GET / HTTP/1.1\r\n\r\n", 0), (b"\x16\x03\x01", 0)],
)
@pytest.mark.parametrize("at_once", [1, 2, 3, 7, 1000])
def test_only_the_body_counts(request_: bytes, size: int, at_once: int) -> None:
    """Not the head, and not the lines between chunks."""
    counter = BodyCounter()
    for start in range(0, len(request_), at_once):
        counter.feed(request_[start : start + at_once])
    assert counter.size == size
