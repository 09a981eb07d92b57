"""The figures of the race to the registry: medians, a table, a sentence. Pure."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLUMNS: Final = ("seconds", "ratio", "requests to registry", "sent to it", "round trips")


@dataclass(frozen=True)
class Push:
    """What one run took: wall time, requests to the registry, bytes sent to it, round trips.

    Who ran into the time limit was `stopped`, and would have taken longer.
    """

    seconds: float
    requests: int
    sent: int
    round_trips: int | None = None
    stopped: bool = False


@dataclass(frozen=True)
class Result:
    """All runs of one tool; without any, `why` says for what reason."""

    tool: str
    runs: Sequence[Push] = ()
    why: str = ""

    @property
    def median(self) -> Push:
        """The median of each figure by itself."""
        trips = [run.round_trips for run in self.runs if run.round_trips is not None]
        return Push(
            statistics.median(run.seconds for run in self.runs),
            round(statistics.median(run.requests for run in self.runs)),
            round(statistics.median(run.sent for run in self.runs)),
            round(statistics.median(trips)) if trips else None,
            any(run.stopped for run in self.runs),
        )


def table(title: str, results: Sequence[Result], caption: str = "") -> Table:
    """Each tool in its order, against the first; round trips where somebody counted them."""
    notes = [f"not run, {result.tool}: {result.why}" for result in results if not result.runs]
    drawn = Table(title=title, caption="\n".join(filter(None, [caption, *notes])) or None)
    drawn.add_column("tool", no_wrap=True)
    shown = _COLUMNS if any(r.runs and r.median.round_trips for r in results) else _COLUMNS[:-1]
    for name in shown:
        drawn.add_column(name, justify="right")
    for result in results:
        drawn.add_row(result.tool, *_cells(result, results[0])[: len(shown)])
    return drawn


def _cells(result: Result, first: Result) -> tuple[str, ...]:
    if not result.runs:
        return ("not run", "", "", "", "")
    median = result.median
    more = "> " if median.stopped else ""
    told = ratio(result, first)
    return (
        f"{more}{median.seconds:.2f}",
        f"{more}{told:.1f}" if told is not None else "",
        str(median.requests),
        size(median.sent),
        str(median.round_trips) if median.round_trips is not None else "",
    )


def ratio(result: Result, first: Result) -> float | None:
    """How many times as long a tool takes as the first; None where one of them did not run."""
    if not (result.runs and first.runs) or result is first:
        return None
    return result.median.seconds / first.median.seconds


def size(count: int) -> str:
    """Write a number of bytes for a person."""
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def sentence(case: str, results: Sequence[Result]) -> str:
    """Say the ratios in plain words."""
    first = results[0]
    told = [
        f"{result.tool} {'more than ' if result.median.stopped else ''}{times:.1f} times"
        for result in results
        if (times := ratio(result, first)) is not None
    ]
    if not told:
        return f"{case}: nothing to compare with {first.tool}."
    return f"{case}: {', '.join(told)} as long as {first.tool}."
