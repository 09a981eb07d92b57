"""How the schedules that a record gives come into those of a deployment."""

from __future__ import annotations

from typing import Any

import pytest

from imagebuild.record import Schedule
from imagebuild.recorders.schedules import merge, paused, writes

SIX, SEVEN = Schedule("cron", "0 6 * * *"), Schedule("cron", "0 7 * * *")
HOURLY = Schedule("interval", 3600)
ANCHOR = "2026-11-24T04:13:52.443932Z"


def there(name: str, slug: str | None, **said: Any) -> dict[str, Any]:
    """A schedule as Prefect holds it."""
    schedule = {"timezone": None, **said}
    return {"id": name, "active": True, "slug": slug, "parameters": {}, "schedule": schedule}


OURS = there("a", "imagebuild-1", cron="0 6 * * *")
THEIRS = there("b", "nightly", cron="0 1 * * *")


def new(slug: str, **said: Any) -> dict[str, Any]:
    """A schedule that is to be made."""
    return {"slug": slug, "active": True, "schedule": {"timezone": "UTC", **said}}


def test_without_a_wish_all_stays() -> None:
    """Ours too: a deploy that says nothing of schedules means nothing of them."""
    assert merge([OURS, THEIRS], []) == [OURS, THEIRS]


def test_a_first_schedule_is_added_to_what_others_made() -> None:
    """With our mark."""
    assert merge([THEIRS], [SIX]) == [THEIRS, new("imagebuild-1", cron="0 6 * * *")]


def test_ours_takes_what_is_wanted_now_and_keeps_the_rest_of_itself() -> None:
    """Its ID, its pause and the parameters that somebody gave it."""
    old = {**OURS, "active": False, "parameters": {"a": 1}}
    after = merge([THEIRS, old], [SEVEN])
    assert after == [THEIRS, {**old, "schedule": {"cron": "0 7 * * *", "timezone": "UTC"}}]


def test_an_interval_keeps_its_anchor_and_another_kind_does_not_get_it() -> None:
    """The anchor is whoever's who set it."""
    old = there("a", "imagebuild-1", interval=60.0, anchor_date=ANCHOR)
    (longer,) = merge([old], [HOURLY])
    assert longer["schedule"] == {"interval": 3600.0, "anchor_date": ANCHOR, "timezone": "UTC"}
    (cron,) = merge([old], [SIX])
    assert cron["schedule"] == {"cron": "0 6 * * *", "timezone": "UTC"}


def test_what_is_wanted_no_longer_goes_and_what_is_said_already_stays() -> None:
    """In whichever order they are given."""
    other = there("c", "imagebuild-2", cron="0 7 * * *")
    assert merge([OURS, other, THEIRS], [SEVEN]) == [other, THEIRS]
    assert merge([OURS, other], [SEVEN, SIX, SEVEN]) == [OURS, other]
    assert merge([OURS, other], [HOURLY, SEVEN]) == [
        {**OURS, "schedule": {"interval": 3600.0, "timezone": "UTC"}},
        other,
    ]


def test_a_new_one_gets_a_mark_that_is_free() -> None:
    """A mark is unique in a deployment."""
    other = there("c", "imagebuild-2", cron="0 7 * * *")
    after = merge([other], [SEVEN, SIX, HOURLY])
    assert [schedule["slug"] for schedule in after] == [
        "imagebuild-2",
        "imagebuild-1",
        "imagebuild-3",
    ]


def test_the_same_schedule_of_somebody_else_is_enough() -> None:
    """Two would run the flow twice. One with parameters of its own is another."""
    same = there("b", None, cron="0 6 * * *")
    assert merge([same], [SIX]) == [same]
    assert merge([OURS, same], [SEVEN])[1] == same
    for other in ({**same, "parameters": {"a": 1}}, there("b", None, cron="0 6 * * *", day_or=0)):
        assert len(merge([other], [SIX])) == 2


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"cron": "0 6 * * *", "day_or": True}, SIX),
        ({"cron": "0  6 * * *", "timezone": "UTC"}, SIX),
        ({"interval": 3600, "anchor_date": ANCHOR}, HOURLY),
        ({"interval": 3600.0}, Schedule("interval", "3600")),
        ({"interval": 0.333333}, Schedule("interval", 1 / 3)),
        ({"rrule": "DTSTART:20200101T000000\nFREQ=DAILY"}, Schedule("rrule", "FREQ=DAILY")),
        ({"rrule": "FREQ=DAILY"}, Schedule("rrule", " freq=daily\n")),
        ({"cron": "@daily", "timezone": "Asia/Tokyo"}, Schedule("cron", "@daily", "Asia/Tokyo")),
    ],
)
def test_the_same_in_other_words_is_not_changed(said: dict[str, Any], wanted: Schedule) -> None:
    """Prefect's server fills in anchors and starts, and time zones."""
    held = there("a", "imagebuild-1", **said)
    assert merge([held], [wanted]) == [held]


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"cron": "0 6 * * *", "timezone": "Asia/Tokyo"}, SIX),
        ({"cron": "0 6 * * 1"}, SIX),
        ({"interval": 3600.5}, HOURLY),
        ({"interval": "P1M"}, HOURLY),
        ({"rrule": "FREQ=DAILY"}, Schedule("rrule", "DTSTART:20250101T000000\nFREQ=DAILY")),
        ({"rrule": "DTSTART:20200101T000000\nFREQ=DAILY"}, Schedule("rrule", "FREQ=WEEKLY")),
    ],
)
def test_what_is_not_the_same_is_changed(said: dict[str, Any], wanted: Schedule) -> None:
    """In place."""
    held = there("a", "imagebuild-1", **said)
    (after,) = merge([held], [wanted])
    assert after["id"] == "a"
    assert after["schedule"] != held["schedule"]


def test_servers_older_than_the_mark_only_get_more() -> None:
    """There is no telling whose a schedule is."""
    held = {"id": "a", "active": True, "schedule": {"cron": "0 6 * * *"}}
    assert merge([held], [SIX]) == [held]
    assert merge([held], [SEVEN]) == [held, new("imagebuild-1", cron="0 7 * * *")]


def test_only_what_differs_is_asked_of_prefect() -> None:
    """One of each: every write deletes the runs that are scheduled."""
    second = there("c", "imagebuild-2", cron="0 7 * * *")
    held = [OURS, THEIRS, second]
    assert writes(held, held) == writes([], [])
    changed = {**OURS, "schedule": {"cron": "0 8 * * *", "timezone": "UTC"}}
    made = new("imagebuild-3", cron="0 9 * * *")
    asked = writes(held, [changed, THEIRS, made])
    sent = {key: changed[key] for key in ("id", "parameters", "schedule")}
    assert (asked.added, asked.changed, asked.deleted) == ((made,), {"a": sent}, ("c",))


def test_a_pause_is_said() -> None:
    """Whoever gives a schedule expects runs."""
    off = {**OURS, "active": False}
    assert paused([off, THEIRS], [SIX]) == ["the cron schedule '0 6 * * *' is paused, and stays so"]
    assert paused([off, there("d", None, cron="0 6 * * *")], [SIX]) == []
    assert paused([OURS], [SIX]) == []
