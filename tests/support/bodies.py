"""Counts what a request carries, without its head and without the marks between chunks."""

from __future__ import annotations

import re

HEAD_END = b"\r\n\r\n"
LINE_END = b"\r\n"


class BodyCounter:
    """Reads one request as its bytes come; `size` is that of the body, as far as it is announced.

    A chunked body is taken apart: https://www.rfc-editor.org/rfc/rfc9112#section-7.1
    """

    def __init__(self) -> None:
        self.size = 0
        self._held = b""  # what is not understood yet: of the head, or of a chunk's first line
        self._in_head, self._chunked = True, False
        self._left = 0  # of a chunk, with the end of its line

    def feed(self, data: bytes) -> None:
        """Go on reading."""
        if self._in_head:
            head, end, data = (self._held + data).partition(HEAD_END)
            if not end:
                self._held = head
                return
            self._held, self._in_head = b"", False
            self._chunked = bool(re.search(rb"(?im)^transfer-encoding:.*chunked", head))
        if self._chunked:
            self._chunks(data)
        else:
            self.size += len(data)

    def _chunks(self, data: bytes) -> None:
        data, self._held = self._held + data, b""
        while data:
            if self._left:
                taken = min(self._left, len(data))
                self._left, data = self._left - taken, data[taken:]
                continue
            line, end, rest = data.partition(LINE_END)
            if not end:
                self._held = data
                return
            length = int(line.partition(b";")[0] or b"0", 16)
            self.size += length
            self._left, data = length + len(LINE_END), rest
