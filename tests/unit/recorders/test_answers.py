"""JSON is read into dataclasses, and what does not fit is told by its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from imagebuild.recorders.answers import Misfit, read

ID = "11111111-1111-4111-8111-11111111111A"


@dataclass(frozen=True)
class Inner:
    id: UUID
    size: int | None = None
    given: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outer:
    name: str
    is_on: bool = False
    count: int = 0
    anything: Any = None
    words: list[str] | None = None
    inner: list[Inner] = field(default_factory=list)
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    made: datetime | None = None


def test_what_fits_is_read_and_the_rest_is_left_out() -> None:
    """Down to the innermost, with what was said of it."""
    found = read(
        Outer,
        {
            "name": "a",
            "is_on": True,
            "count": 3,
            "anything": [1],
            "words": ["b"],
            "inner": [{"id": ID, "size": None, "more": 1}, {"id": ID}],
            "values": {"c": {"d": 1}},
            "made": "2026-01-01T00:00:00Z",
            "unknown": {},
        },
    )
    assert found == Outer(
        "a",
        True,
        3,
        [1],
        ["b"],
        [Inner(UUID(ID), None, ("id", "size")), Inner(UUID(ID), None, ("id",))],
        {"c": {"d": 1}},
        datetime(2026, 1, 1, tzinfo=timezone(timedelta(0))),
    )
    assert read(Outer, {"name": "a", "words": None}) == Outer("a")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([], "it is not an object"),
        (None, "it is not an object"),
        ({}, "name is not there"),
        ({"name": None}, "name is not a text"),
        ({"name": "a", "is_on": 1}, "is_on is not true or false"),
        ({"name": "a", "count": True}, "count is not a whole number"),
        ({"name": "a", "count": 1.5}, "count is not a whole number"),
        ({"name": "a", "words": "b"}, "words is not a list"),
        ({"name": "a", "words": ["b", 1]}, "words.1 is not a text"),
        ({"name": "a", "inner": [{}]}, "inner.0.id is not there"),
        ({"name": "a", "inner": [{"id": "../x"}]}, "inner.0.id is not an ID"),
        ({"name": "a", "inner": [{"id": ID, "size": "1"}]}, "inner.0.size is not a whole number"),
        ({"name": "a", "values": {"c": 1}}, "values.c is not an object"),
        ({"name": "a", "values": []}, "values is not an object"),
        ({"name": "a", "made": "today"}, "made is not a time"),
        ({"name": "a", "made": "2026-01-01T00:00:00"}, "made is not a time with its zone"),
    ],
)
def test_what_does_not_fit_is_told_by_its_place(value: object, told: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(Misfit) as caught:
        read(Outer, value)
    assert str(caught.value) == told
