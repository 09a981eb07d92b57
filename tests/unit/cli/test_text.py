"""Foreign text is made fit for a terminal; numbers are said as a person says them."""

from __future__ import annotations

import pytest

from imagebuild.cli.text import clean, cut, duration, size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text", "plain text"),
        ("ключ é 🚀", "ключ é 🚀"),
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hgone", "gone"),
        ("\x1b[?25lhidden", "hidden"),
        ("\x1b[38;2;1;2;3mx", "x"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;ZXZpbA==\x07x", "x"),
        ("\x1bcx", "\\x1bcx"),
        ("\x1bMx", "x"),
        ("\x1b", "\\x1b"),
        ("\x1b[", "\\x1b["),
        ("50%\r100%", "50%\\x0d100%"),
        ("a\x08b", "a\\x08b"),
        ("a\x00b", "a\\x00b"),
        ("a\x07b", "a\\x07b"),
        ("a\x7fb", "a\\x7fb"),
        ("\x9b31mred", "\\x9b31mred"),
        ("\x9d0;title\x07", "\\x9d0;title\\x07"),
        ("\x1b\x1b[31m[31mx", "\\x1b[31mx"),
    ],
)
def test_a_terminal_is_told_nothing_by_foreign_text(text: str, expected: str) -> None:
    """Commands go, other control characters are written out, all else stays."""
    assert clean(text) == expected


def test_nothing_that_a_terminal_obeys_is_left() -> None:
    """Of every control character, alone and after an escape."""
    every = "".join(map(chr, [*range(32), *range(127, 160)]))
    left = clean(every + "".join(f"\x1b{character}" for character in every))

    assert {character for character in left if not character.isprintable()} == {"\t", "\n"}


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("", 3, ""), ("a" * 101, 100, "a" * 99 + "…")],
)
def test_a_long_text_is_cut_with_a_sign(text: str, limit: int, expected: str) -> None:
    """It is never longer than the limit."""
    assert cut(text, limit) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0.0 s"),
        (0.34, "0.3 s"),
        (9.94, "9.9 s"),
        (10, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (125, "2 min 5 s"),
        (3600, "60 min 0 s"),
    ],
)
def test_a_duration_is_as_exact_as_it_is_short(seconds: float, expected: str) -> None:
    """Tenths below ten seconds, minutes from sixty on."""
    assert duration(seconds) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1500, "1.5 kB"),
        (2_000_000, "2.0 MB"),
        (3_400_000_000, "3.4 GB"),
        (5_000_000_000_000, "5.0 TB"),
        (5_000_000_000_000_000, "5000.0 TB"),
    ],
)
def test_a_size_is_in_decimal_units(count: int, expected: str) -> None:
    """As docker says it."""
    assert size(count) == expected
