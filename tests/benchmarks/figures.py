"""The figures of the large contexts: a table of all runs, and beside it the goals. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

CASES: Final = ("cold", "nothing changed", "one file changed")
COMMAND, LIBRARY = "imagebuild build", "imagebuild library"
BUILDX, PACKER, CLASSIC = "buildx", "sdk-packer", "docker-classic"
# Against whom, in which case, and how many times as long as ours its build has to take at least.
FASTER: Final = (
    (PACKER, "cold", 1.7),
    (PACKER, "one file changed", 4.0),
    (BUILDX, "cold", 1 / 1.3),
    (BUILDX, "one file changed", 1 / 1.3),
)
MEMORY: Final = 250_000_000  # bytes, at any time


@dataclass(frozen=True)
class Row:
    """One line of the table; `sent` and `peak` are in bytes, `found` is the time of the reading.

    A run that was `stopped` would have taken longer than `seconds`; one without `seconds` was not
    made, and `why` says for what reason.
    """

    case: str
    tool: str
    seconds: float | None = None
    sent: int | None = None
    peak: int | None = None
    found: float | None = None
    stopped: bool = False
    why: str = ""


@dataclass(frozen=True)
class Goal:
    """What was aimed for, what was measured, and whether that is met; None where nobody knows."""

    text: str
    figure: str
    met: bool | None


def goals(rows: Sequence[Row]) -> list[Goal]:
    """Hold the command's runs against what it should be."""
    found = {(row.tool, row.case): row for row in rows}
    held = [_ratio(found, *goal) for goal in FASTER]
    peaks = [row.peak for row in rows if row.tool == COMMAND and row.peak is not None]
    text = f"memory at most {MEMORY / 1e6:.0f} MB"
    if not peaks:
        return [*held, Goal(text, "not measured", None)]
    return [*held, Goal(text, f"{max(peaks) / 1e6:.0f} MB", max(peaks) <= MEMORY)]


def _ratio(found: dict[tuple[str, str], Row], rival: str, case: str, least: float) -> Goal:
    """How many times as long the rival takes, or we, where that is how the goal is put."""
    ours, theirs = (found.get((tool, case), Row(case, tool)) for tool in (COMMAND, rival))
    within = least < 1
    text = f"{case}: " + (
        f"at most {1 / least:.1f} times as long as {rival}"
        if within
        else f"at least {least:.1f} times as fast as {rival}"
    )
    if ours.seconds is None or theirs.seconds is None or ours.stopped:
        return Goal(text, "not measured", None)
    ratio = theirs.seconds / ours.seconds
    figure = f"{1 / ratio if within else ratio:.2f}"
    if not theirs.stopped:
        return Goal(text, figure, ratio >= least)
    # Theirs would have taken longer: what is met by now is met, what is not may yet be.
    return Goal(text, f"{'<' if within else '>'} {figure}", True if ratio >= least else None)


def table(rows: Sequence[Row]) -> Table:
    """The cases in their order, each tool against the command."""
    drawn = Table("case", "tool", "seconds", "ratio", "find+hash", "sent, MB", "memory, MB")
    for case in CASES:
        of_case = [row for row in rows if row.case == case]
        first = next((row.seconds for row in of_case if row.tool == COMMAND), None)
        for row in of_case:
            drawn.add_row(case, row.tool, *_cells(row, first), end_section=row is of_case[-1])
    notes = {f"{row.tool}: {row.why}": None for row in rows if row.seconds is None}
    drawn.caption = "\n".join(f"not run, {note}" for note in notes)
    return drawn


def _cells(row: Row, first: float | None) -> tuple[str, ...]:
    if row.seconds is None:
        return ("not run", "", "", "", "")
    more = "> " if row.stopped else ""
    return (
        f"{more}{row.seconds:.1f}",
        f"{more}{row.seconds / first:.2f}" if first else "",
        f"{row.found:.1f}" if row.found is not None else "",
        f"{row.sent / 1e6:.1f}" if row.sent is not None else "",
        f"{row.peak / 1e6:.0f}" if row.peak is not None else "",
    )


def goals_table(rows: Sequence[Row]) -> Table:
    """What was aimed for, and what came of it."""
    drawn = Table("goal, for the command", "measured", "")
    words = {True: "met", False: "missed", None: "not known"}
    for goal in goals(rows):
        drawn.add_row(goal.text, goal.figure, words[goal.met])
    return drawn
