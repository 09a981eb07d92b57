"""Brings the schedules that a record gives into those of a deployment. Pure.

Those that we made are told by their `slug`, `imagebuild-1` and so on. Servers older than the slug
have no mark: there nothing is taken away, and only what is not there yet is added.
https://docs.prefect.io/v3/concepts/schedules
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imagebuild.record import Schedule

    Held = Mapping[str, Any]

_UTC = "UTC"


@dataclass(frozen=True)
class Writes:
    """What has to be asked of Prefect: what to make, what to change and what to delete, by ID."""

    added: tuple[Held, ...]
    changed: Mapping[str, Held]
    deleted: tuple[str, ...]


def merge(held: Sequence[Held], wanted: Sequence[Schedule]) -> list[dict[str, Any]]:
    """All schedules as they are to be, those that are new without an `id`.

    One that says what is wanted stays as it is, whoever made it. One of ours that says something
    else takes what is still wanted, and keeps its ID, its pause and its parameters.
    """
    if not wanted:
        return [dict(schedule) for schedule in held]
    free = [schedule for schedule in held if _is_ours(schedule)]
    others = [schedule for schedule in held if not _is_ours(schedule)]
    missing: list[Schedule] = []
    for one in dict.fromkeys(wanted):
        match = next((schedule for schedule in free if _says(schedule, one)), None)
        if match is not None:
            free.remove(match)
        elif not any(_says(schedule, one) and _is_plain(schedule) for schedule in others):
            missing.append(one)
    replaced = {old["id"]: _with(old, new) for old, new in zip(free, missing, strict=False)}
    gone = {schedule["id"] for schedule in free[len(missing) :]}
    stay = [replaced.get(old["id"], dict(old)) for old in held if old["id"] not in gone]
    slugs = _free_slugs(stay)
    new = [
        {"slug": next(slugs), "active": True, "schedule": _said(one)}
        for one in missing[len(free) :]
    ]
    return [*stay, *new]


def writes(held: Sequence[Held], after: Sequence[Held]) -> Writes:
    """What leads from the schedules that are there to those of `merge`."""
    before = {schedule["id"]: schedule for schedule in held}
    kept = {schedule["id"]: schedule for schedule in after if "id" in schedule}
    return Writes(
        added=tuple(schedule for schedule in after if "id" not in schedule),
        changed={name: value for name, value in kept.items() if value != before.get(name)},
        deleted=tuple(name for name in before if name not in kept),
    )


def paused(after: Sequence[Held], wanted: Sequence[Schedule]) -> list[str]:
    """A word on each schedule that is wanted and starts nothing, as somebody paused it."""
    notes = []
    for one in dict.fromkeys(wanted):
        saying = [schedule for schedule in after if _says(schedule, one)]
        if not any(schedule["active"] for schedule in saying):
            notes.append(f"the {one.kind} schedule {str(one.value)!r} is paused, and stays so")
    return notes


def _is_ours(schedule: Held) -> bool:
    return re.fullmatch(r"imagebuild-\d+", schedule.get("slug") or "") is not None


def _is_plain(schedule: Held) -> bool:
    """Whether it says nothing besides the schedule itself, for which ours would be another."""
    return not schedule.get("parameters") and schedule["schedule"].get("day_or", True) is True


def _free_slugs(held: Sequence[Held]) -> Any:
    taken = {schedule.get("slug") for schedule in held}
    return (slug for slug in (f"imagebuild-{number}" for number in count(1)) if slug not in taken)


def _said(one: Schedule) -> dict[str, Any]:
    value = float(one.value) if one.kind == "interval" else str(one.value)
    return {one.kind: value, "timezone": one.timezone or _UTC}


def _with(old: Held, new: Schedule) -> dict[str, Any]:
    """The schedule with another time; an interval's anchor and the like are not ours to set."""
    kept = old["schedule"] if new.kind in old["schedule"] else {}
    return {**old, "schedule": {**kept, **_said(new)}}


def _says(schedule: Held, one: Schedule) -> bool:
    said = schedule["schedule"]
    if one.kind not in said or (said.get("timezone") or _UTC) != (one.timezone or _UTC):
        return False
    value = said[one.kind]
    if one.kind == "interval":
        # A string is a calendar's interval, such as P1M.
        return isinstance(value, (int, float)) and _microseconds(value) == _microseconds(one.value)
    if one.kind == "cron":
        return str(value).split() == str(one.value).split()
    return _rule(str(value), str(one.value)) == _rule(str(one.value), str(one.value))


def _microseconds(seconds: str | float) -> timedelta:
    """The interval as Prefect keeps it."""
    return timedelta(seconds=float(seconds))


def _rule(text: str, given: str) -> list[str]:
    """The lines of a recurrence rule, without the start that Prefect's server adds to one."""
    lines = [line.strip().upper() for line in text.splitlines() if line.strip()]
    if "DTSTART" in given.upper():
        return lines
    return [line for line in lines if not line.startswith("DTSTART")]
