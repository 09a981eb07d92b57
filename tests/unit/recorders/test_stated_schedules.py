"""How the schedules that a file states come into those of a deployment."""

from __future__ import annotations

from typing import Any

import pytest

from imagebuild.recorders.stated_schedules import gone, merge, paused

Json = dict[str, Any]


def there(name: str, slug: str | None = None, *, active: bool = True, **schedule: Any) -> Json:
    """A schedule as a server tells of it."""
    said = {"timezone": "UTC", **schedule}
    return {"id": name, "active": active, "slug": slug, "parameters": {}, "schedule": said}


def stated(slug: str | None = None, schedule: Json | None = None, **more: Any) -> Json:
    """A schedule as a file states it."""
    return {**({"slug": slug} if slug else {}), **more, "schedule": schedule or {"cron": "@daily"}}


ANCHOR = "2025-01-01T00:00:00Z"
SAME: list[tuple[Json, Json]] = [
    ({"cron": "0 6 * * *", "day_or": True}, {"cron": "0  6 * * *"}),
    ({"cron": "0 6 * * *", "day_or": False}, {"cron": "0 6 * * *", "day_or": False}),
    ({"interval": 3600.0, "anchor_date": ANCHOR}, {"interval": 3600}),
    ({"interval": 3600.0, "anchor_date": ANCHOR}, {"interval": "PT1H"}),
    ({"interval": 3600.0, "anchor_date": ANCHOR}, {"interval": "3600"}),
    (
        {"interval": 60.0, "anchor_date": ANCHOR, "timezone": "+02:00"},
        {"interval": 60, "anchor_date": "2025-01-01T02:00:00+02:00"},
    ),
    ({"interval": "P1M", "anchor_date": ANCHOR}, {"interval": "P1M"}),
    ({"rrule": "DTSTART:20250101T000000\nRRULE:FREQ=DAILY"}, {"rrule": "RRULE:FREQ=DAILY"}),
]
OTHER: list[tuple[Json, Json]] = [
    ({"cron": "0 6 * * *"}, {"cron": "0 7 * * *"}),
    ({"cron": "0 6 * * *"}, {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}),
    ({"cron": "0 6 * * *", "day_or": False}, {"cron": "0 6 * * *"}),
    ({"interval": 60.0, "anchor_date": ANCHOR}, {"interval": 60, "anchor_date": "2025-01-02"}),
    ({"interval": "P1M"}, {"interval": "P2M"}),
    ({"rrule": "RRULE:FREQ=DAILY"}, {"rrule": "RRULE:FREQ=WEEKLY"}),
    ({"cron": "@daily"}, {"interval": 60}),
]


@pytest.mark.parametrize(("held", "said"), SAME)
def test_what_the_server_made_of_the_same_words_stays(held: Json, said: Json) -> None:
    """With its ID and its pause."""
    one = there("a", active=False, **held)
    assert merge([one], [stated(schedule=said)]) == [one]


@pytest.mark.parametrize(("held", "said"), OTHER)
def test_what_is_said_otherwise_is_set_in_its_place(held: Json, said: Json) -> None:
    """Where a slug tells that it is the same one: it keeps its ID, its pause and its anchor."""
    (after,) = merge([there("a", "s", active=False, **held)], [stated("s", said)])
    anchor = {"anchor_date": ANCHOR} if "interval" in said and "anchor_date" in held else {}
    assert after["schedule"] == {**anchor, **said}
    assert (after["id"], after["active"]) == ("a", False)


def test_a_slug_tells_which_schedule_is_meant() -> None:
    """And `replaces` which one it was; all others go, and what is new comes last."""
    held = [there("a", "x", cron="1 * * * *"), there("b", "y", cron="@daily"), there("c", "z")]
    wish = [stated("x"), stated("new"), stated("w", replaces="y")]
    after = merge(held, wish)
    assert [(one.get("id"), one["slug"]) for one in after] == [
        ("a", "x"),
        ("b", "w"),
        (None, "new"),
    ]
    assert after[0]["schedule"] == {"cron": "@daily"}
    assert after[2] == {"slug": "new", "active": True, "schedule": {"cron": "@daily"}}
    assert "replaces" not in after[1]
    assert gone([held[0]], after) == []
    assert gone([there("c", "z", cron="@daily")], after) == ["the schedule cron '@daily' (z) goes"]


def test_what_is_stated_of_a_schedule_is_set() -> None:
    """Parameters that are not stated are none; a pause and a limit that are not stated stay."""
    held = {**there("a", cron="@daily", active=False), "max_scheduled_runs": 3}
    held["parameters"] = {"x": 1}
    assert merge([held], [stated()]) == [{**held, "parameters": {}}]
    (after,) = merge([held], [stated(active=True, parameters={"x": 2}, max_scheduled_runs=4)])
    assert (after["active"], after["parameters"], after["max_scheduled_runs"]) == (
        True,
        {"x": 2},
        4,
    )
    assert merge([], [stated(active=False, parameters=None)]) == [
        {"active": False, "schedule": {"cron": "@daily"}}
    ]


def test_two_of_the_same_words_are_two_schedules() -> None:
    """Told by their parameters; without a slug, one that has a slug is taken only as it is."""
    one, two = ({**there(n, cron="@daily"), "parameters": {"x": n}} for n in "ab")
    assert merge([one, two], [stated(parameters={"x": n}) for n in "ba"]) == [one, two]
    slugged = there("c", "s", cron="@daily")
    assert merge([slugged], [stated()]) == [slugged]
    for held in (slugged, there("d", cron="@daily")):
        assert "id" not in merge([held], [stated(schedule={"cron": "@hourly"})])[0]


def test_a_pause_that_stays_is_told() -> None:
    """Unless the file says it itself."""
    held = there("a", cron="@daily", active=False)
    assert paused([held], [stated()]) == ["the schedule cron '@daily' is paused, and stays so"]
    assert paused([held], [stated(active=False)]) == []
    assert paused([{**held, "active": True}], [stated()]) == []
