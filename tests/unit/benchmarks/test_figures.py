"""The figures of the large contexts, held against their goals."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tests.benchmarks.figures import BUILDX, COMMAND, PACKER, Row, goals, goals_table, table

CHANGED = "one file changed"


def _rows(ours: float, packer: Row, buildx: Row) -> list[Row]:
    return [Row("cold", COMMAND, ours, peak=200_000_000), packer, buildx]


@pytest.mark.parametrize(
    ("packer", "buildx", "expected"),
    [
        (Row("cold", PACKER, 17.0), Row("cold", BUILDX, 10.0), [("1.70", True), ("1.00", True)]),
        (Row("cold", PACKER, 16.0), Row("cold", BUILDX, 7.0), [("1.60", False), ("1.43", False)]),
        (
            Row("cold", PACKER, 20.0, stopped=True),
            Row("cold", BUILDX, 5.0, stopped=True),
            [("> 2.00", True), ("< 2.00", None)],
        ),
        (
            Row("cold", PACKER, why="no time was left"),
            Row("cold", BUILDX, why="there is no buildx here"),
            [("not measured", None), ("not measured", None)],
        ),
    ],
)
def test_a_goal_is_met_missed_or_not_known(
    packer: Row, buildx: Row, expected: list[tuple[str, bool | None]]
) -> None:
    """A run that was stopped would have taken longer, which can only be for us."""
    found = goals(_rows(10.0, packer, buildx))

    assert [(goal.figure, goal.met) for goal in (found[0], found[2])] == expected
    assert [(goal.figure, goal.met) for goal in (found[1], found[3])] == [
        ("not measured", None)
    ] * 2
    assert (found[4].figure, found[4].met) == ("200 MB", True)


def test_more_memory_than_that_is_too_much() -> None:
    """The most of all cases counts."""
    rows = [Row("cold", COMMAND, 1.0, peak=1), Row(CHANGED, COMMAND, 1.0, peak=250_000_001)]
    assert goals(rows)[-1].met is False


def test_what_was_not_run_stands_in_the_table_with_the_reason() -> None:
    """And what came of each goal in the other."""
    rows = _rows(
        10.0, Row("cold", PACKER, 20.0), Row("cold", BUILDX, why="there is no buildx here")
    )
    console = Console(file=io.StringIO(), width=120, record=True)
    console.print(table(rows), goals_table(rows))
    told = " ".join(console.export_text().split())

    assert "buildx │ not run" in told
    assert "not run, buildx: there is no buildx here" in told
    assert "cold: at least 1.7 times as fast as sdk-packer │ 2.00 │ met" in told
    assert "cold: at most 1.3 times as long as buildx │ not measured │ not known" in told
