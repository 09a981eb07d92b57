"""A terminal in memory: what stays on its screen of all that was written to it."""

from __future__ import annotations

import io
import re

_COMMAND = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])|\r|\n|[^\x1b\r\n]+")


class Terminal(io.StringIO):
    """Takes what rich sends: text, line ends, cursor up, erase line, colours."""

    def isatty(self) -> bool:
        return True

    @property
    def screen(self) -> list[str]:
        """The lines as they are seen now, without trailing blanks."""
        lines, row, column = [""], 0, 0
        for found in _COMMAND.finditer(self.getvalue()):
            text, _, count, command = found[0], found[1], found[2], found[3]
            if text == "\r":
                column = 0
            elif text == "\n":
                row, column = row + 1, 0
                lines += [""] * (row + 1 - len(lines))
            elif command == "A":
                row -= int(count or 1)
                assert row >= 0
            elif command == "K":
                assert count == "2"
                lines[row] = ""
            elif command:
                assert command in "mhl", text
            else:
                lines[row] = (
                    lines[row][:column].ljust(column) + text + lines[row][column + len(text) :]
                )
                column += len(text)
        stripped = [line.rstrip() for line in lines]
        while stripped and not stripped[-1]:
            stripped.pop()
        return stripped
