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
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imagebuild.record import Schedule

    Held = Mapping[str, Any]

UTC = "UTC"
KINDS: tuple[Literal["cron", "interval", "rrule"], ...] = ("cron", "interval", "rrule")
# Years and months are no number of seconds. https://www.iso.org/iso-8601-date-and-time-format.html
_ISO = re.compile(
    r"P(?=.*\d)((?P<weeks>[\d.]+)W)?((?P<days>[\d.]+)D)?"
    r"(T((?P<hours>[\d.]+)H)?((?P<minutes>[\d.]+)M)?((?P<seconds>[\d.]+)S)?)?"
)


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
    free = [schedule for schedule in held if is_ours(schedule)]
    others = [schedule for schedule in held if not is_ours(schedule)]
    missing: list[Schedule] = []
    for one in dict.fromkeys(wanted):
        match = next((schedule for schedule in free if _says(schedule, one)), None)
        if match is not None:
            free.remove(match)
        elif not any(_says(schedule, one) and _is_plain(schedule) for schedule in others):
            missing.append(one)
    replaced = {old["id"]: _with(old, new) for old, new in zip(free, missing, strict=False)}
    gone = {schedule["id"] for schedule in free[len(missing) :]}
    stay = [replaced.get(old.get("id"), dict(old)) for old in held if old.get("id") not in gone]
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
        changed={
            name: _changed(before[name], value)
            for name, value in kept.items()
            if name in before and value != before[name]
        },
        deleted=tuple(name for name in before if name not in kept),
    )


def _changed(before: Held, after: Held) -> Held:
    """What differs, with the ID and the parameters, which are emptied where they are not sent."""
    always = {"id", "parameters"}
    return {key: value for key, value in after.items() if key in always or value != before.get(key)}


def paused(after: Sequence[Held], wanted: Sequence[Schedule]) -> list[str]:
    """A word on each schedule that is wanted and starts nothing, as somebody paused it."""
    notes = []
    for one in dict.fromkeys(wanted):
        saying = [schedule for schedule in after if _says(schedule, one)]
        if not any(schedule["active"] for schedule in saying):
            notes.append(f"the {one.kind} schedule {str(one.value)!r} is paused, and stays so")
    return notes


def is_ours(schedule: Held) -> bool:
    """Whether it was given here, and not by a file or by somebody else."""
    return re.fullmatch(r"imagebuild-\d+", schedule.get("slug") or "") is not None


def _is_plain(schedule: Held) -> bool:
    """Whether it says nothing besides the schedule itself, for which ours would be another."""
    return not schedule.get("parameters") and schedule["schedule"].get("day_or", True) is True


def _free_slugs(held: Sequence[Held]) -> Any:
    taken = {schedule.get("slug") for schedule in held}
    return (slug for slug in (f"imagebuild-{number}" for number in count(1)) if slug not in taken)


def _said(one: Schedule) -> dict[str, Any]:
    value = float(one.value) if one.kind == "interval" else str(one.value)
    return {one.kind: value, "timezone": one.timezone or UTC}


def _with(old: Held, new: Schedule) -> dict[str, Any]:
    """The schedule with another time; an interval's anchor and the like are not ours to set."""
    kept = old["schedule"] if new.kind in old["schedule"] else {}
    return {**old, "schedule": {**kept, **_said(new)}}


def _says(schedule: Held, one: Schedule) -> bool:
    said = schedule["schedule"]
    if one.kind not in said or (said.get("timezone") or UTC) != (one.timezone or UTC):
        return False
    value = said[one.kind]
    if one.kind == "interval":
        # A string is a calendar's interval, such as P1M.
        return isinstance(value, (int, float)) and _microseconds(value) == _microseconds(one.value)
    if one.kind == "cron":
        return str(value).split() == str(one.value).split()
    return rule(str(value), str(one.value)) == rule(str(one.value), str(one.value))


def _microseconds(seconds: str | float) -> timedelta:
    """The interval as Prefect keeps it."""
    return timedelta(seconds=float(seconds))


def seconds_of(interval: str | float) -> float | None:
    """An interval in seconds; None for a text that is no number of them, such as P1M."""
    if not isinstance(interval, str):
        return float(interval)
    found = _ISO.fullmatch(interval if interval.startswith("P") else f"PT{interval}S")
    try:
        parts = {key: float(value) for key, value in found.groupdict().items() if value}  # type: ignore[union-attr]
    except (AttributeError, ValueError):
        return None
    return timedelta(**parts).total_seconds()


def rule(text: str, given: str) -> list[str]:
    """The lines of a recurrence rule, without the start that Prefect's server adds to one."""
    lines = [line.strip().upper() for line in text.splitlines() if line.strip()]
    if "DTSTART" in given.upper():
        return lines
    return [line for line in lines if not line.startswith("DTSTART")]
