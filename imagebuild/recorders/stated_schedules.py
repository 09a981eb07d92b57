"""Brings the schedules that a file states into those of a deployment. Pure.

Prefect's own `deploy` deletes all that have no `slug` and makes them anew, so a pause is lost; here
one that says what the file says stays as it is.
https://github.com/PrefectHQ/prefect/blob/main/src/prefect/server/models/deployments.py
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from imagebuild.recorders.json_schema import same
from imagebuild.recorders.schedules import KINDS, UTC, rule, seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Held = Mapping[str, Any]

_KEPT = ("active", "slug", "max_scheduled_runs")  # where the file does not say it


def merge(held: Sequence[Held], stated: Sequence[Held]) -> list[dict[str, Any]]:
    """The schedules that are stated and no others, those that are new without an `id`.

    A `slug` tells which is which, as Prefect has it, and without one the words do. What is there
    already keeps its ID and, unless `active` is stated, its pause.
    """
    free = list(held)
    pairs: dict[int, Held] = {}
    for fits in (_has_its_slug, _had_its_slug, _says_all, _says):
        for number, one in enumerate(stated):
            if number not in pairs:
                match = next((other for other in free if fits(other, one)), None)
                if match is not None:
                    free.remove(match)
                    pairs[number] = match
    kept = {old["id"]: _with(old, stated[number]) for number, old in pairs.items()}
    stay = [kept[old["id"]] for old in held if old["id"] in kept]
    return [*stay, *(_new(one) for number, one in enumerate(stated) if number not in pairs)]


def paused(after: Sequence[Held], stated: Sequence[Held]) -> list[str]:
    """A word on each schedule that is stated and starts nothing, as somebody paused it."""
    notes = []
    for one in stated:
        saying = [schedule for schedule in after if _means(schedule, one)]
        if one.get("active") is None and saying and not any(each["active"] for each in saying):
            notes.append(f"the schedule {words(one)} is paused, and stays so")
    return notes


def gone(held: Sequence[Held], after: Sequence[Held]) -> list[str]:
    """A word on each schedule that is deleted."""
    kept = {one.get("id") for one in after}
    return [f"the schedule {words(one)} goes" for one in held if one["id"] not in kept]


def words(schedule: Held) -> str:
    """What tells a schedule from others, for a person."""
    said = schedule["schedule"]
    kind = next((kind for kind in KINDS if said.get(kind) is not None), "schedule")
    slug = f" ({schedule['slug']})" if schedule.get("slug") else ""
    return f"{kind} {str(said.get(kind))!r}{slug}"


def _has_its_slug(held: Held, one: Held) -> bool:
    return bool(one.get("slug")) and held.get("slug") == one["slug"]


def _had_its_slug(held: Held, one: Held) -> bool:
    return bool(one.get("replaces")) and held.get("slug") == one["replaces"]


def _says_all(held: Held, one: Held) -> bool:
    return _says(held, one) and _takes(held, one)


def _says(held: Held, one: Held) -> bool:
    return not one.get("slug") and _means(held, one)


def _takes(held: Held, one: Held) -> bool:
    return same(held.get("parameters") or {}, one.get("parameters") or {})


def _means(held: Held, one: Held) -> bool:
    """Whether both start runs at the same times."""
    there, said = held["schedule"], one["schedule"]
    forms: dict[str, Callable[[Held, Held], object]] = {
        "cron": lambda value, _: (str(value["cron"]).split(), value.get("day_or") is not False),
        "interval": lambda value, given: (_interval(value), _anchor(value, given)),
        "rrule": lambda value, given: rule(str(value["rrule"]), str(given["rrule"])),
    }
    kind = next(kind for kind in KINDS if said.get(kind) is not None)
    if there.get(kind) is None or forms[kind](there, said) != forms[kind](said, said):
        return False
    # Prefect takes the time zone of an anchor where none is stated.
    if kind == "interval" and said.get("anchor_date") and not said.get("timezone"):
        return True
    return bool((there.get("timezone") or UTC) == (said.get("timezone") or UTC))


def _interval(schedule: Held) -> object:
    seconds = seconds_of(schedule["interval"])
    return schedule["interval"] if seconds is None else round(seconds, 6)


def _anchor(schedule: Held, given: Held) -> datetime | None:
    """The moment that the intervals count from; the server takes its own where none is given."""
    text = schedule.get("anchor_date")
    if not given.get("anchor_date") or not text:
        return None
    moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _with(old: Held, one: Held) -> dict[str, Any]:
    """The schedule that is there, saying what the file says."""
    after = dict(old)
    if not _means(old, one):
        anchor = old["schedule"].get("anchor_date")
        keeps = anchor and one["schedule"].get("interval") is not None
        after["schedule"] = {**({"anchor_date": anchor} if keeps else {}), **_said(one)}
    if not _takes(old, one):
        after["parameters"] = dict(one.get("parameters") or {})
    return after | {key: one[key] for key in _KEPT if one.get(key) is not None}


def _new(one: Held) -> dict[str, Any]:
    rest = {key: one[key] for key in (*_KEPT, "parameters") if one.get(key)}
    active = one.get("active") is not False
    return {**rest, "active": active, "schedule": _said(one)}


def _said(one: Held) -> dict[str, Any]:
    return {key: value for key, value in one["schedule"].items() if value is not None}
