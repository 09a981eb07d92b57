"""Refuses what a file states of a deployment where Prefect would, or would drop it silently. Pure.

Only what surely is wrong is refused here; the server has the last say.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from imagebuild.errors import UsageError
from imagebuild.record import Schedule
from imagebuild.recorders import schedule_checks
from imagebuild.recorders.json_schema import allows, meant, shown, wanted
from imagebuild.recorders.schedules import KINDS, seconds_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    Json = Mapping[str, Any]


def _or_none(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


_TEXT: Json = _or_none({"type": "string"})
_FLAG: Json = {"type": "boolean"}
_OBJECT: Json = {"type": "object"}
_OBJECTS: Json = {"type": "array", "items": _OBJECT}
_COUNT: Json = _or_none({"type": "integer"})
_FIELDS: dict[str, Json] = {
    "tags": {"type": "array", "items": {"type": "string"}},
    "parameters": _OBJECT,
    "description": _TEXT,
    "schedules": _OBJECTS,
    "paused": _FLAG,
    "concurrency_limit": _COUNT,
    "concurrency_options": _or_none(_OBJECT),
    "enforce_parameter_schema": _FLAG,
    "work_queue_name": _TEXT,
    "pull_steps": _OBJECTS,
    "version": _TEXT,
}
_SCHEDULE: dict[str, Json] = {
    "schedule": _OBJECT,
    "active": _or_none(_FLAG),
    "slug": _TEXT,
    "parameters": _or_none(_OBJECT),
    "max_scheduled_runs": _COUNT,
    "replaces": _TEXT,
}
_WHEN: dict[str, dict[str, Json]] = {
    "cron": {"cron": {"type": "string"}, "timezone": _TEXT, "day_or": _or_none(_FLAG)},
    "interval": {
        "interval": {"anyOf": [{"type": "number"}, {"type": "string"}]},
        "timezone": _TEXT,
        "anchor_date": _TEXT,
    },
    "rrule": {"rrule": {"type": "string"}, "timezone": _TEXT},
}
# https://github.com/PrefectHQ/prefect/blob/main/src/prefect/server/schemas/core.py
_OPTIONS: dict[str, Json] = {
    "collision_strategy": {"enum": ["ENQUEUE", "CANCEL_NEW"]},
    "grace_period_seconds": _COUNT,
}
_GRACE = (60, 86400)


def check(stated: Json) -> None:
    """Raise `UsageError` for a field that there is not, and for a value that cannot be its.

    No field is looked at for the sake of another one, so each can be checked alone.
    """
    _check_fields("the deployment", stated, _FIELDS)
    for tag in stated.get("tags", ()):
        if not tag.strip():
            message = "a tag of the deployment cannot be empty"
            raise UsageError(message)
    _check_limit(stated.get("concurrency_limit"))
    _check_options(stated.get("concurrency_options"))
    for step in stated.get("pull_steps", ()):
        if len(step) != 1:
            message = f"a pull step is one function with its inputs, and not {shown(step)}"
            hint = "keys beside the function's name are usually inputs that lack two spaces"
            raise UsageError(message, hint=hint)
    for one in stated.get("schedules", ()):
        _check_schedule(one)
    _check_slugs(stated.get("schedules", ()))


def _check_fields(whose: str, given: Json, known: Mapping[str, Json]) -> None:
    for name, value in given.items():
        if name not in known:
            message = f"{whose} has no field {name!r}"
            raise UsageError(
                message, causes=(f"it has {', '.join(known)}",), hint=meant(name, known)
            )
        if not allows(known[name], value):
            message = f"the field {name!r} of {whose} cannot be {shown(value)}"
            raise UsageError(message, causes=(f"Prefect wants {wanted(known[name])}",))


def _check_limit(limit: int | None) -> None:
    if limit is not None and limit < 1:
        message = f"the concurrency limit cannot be {limit}"
        raise UsageError(message, hint="it is how many runs may go on at once, at least 1")


def _check_options(options: Json | None) -> None:
    if options is None:
        return
    _check_fields("the concurrency limit", options, _OPTIONS)
    if "collision_strategy" not in options:
        message = "the concurrency limit has options, and no collision_strategy among them"
        raise UsageError(message, hint="it is ENQUEUE (runs wait) or CANCEL_NEW")
    grace = options.get("grace_period_seconds")
    if grace is not None and not _GRACE[0] <= grace <= _GRACE[1]:
        message = f"grace_period_seconds cannot be {grace}"
        raise UsageError(message, hint=f"it is {_GRACE[0]} to {_GRACE[1]} seconds")


def _check_schedule(one: Json) -> None:
    _check_fields("a schedule", one, _SCHEDULE)
    said = one.get("schedule", {})
    kinds = [kind for kind in KINDS if said.get(kind) is not None]
    if len(kinds) != 1:
        message = f"a schedule is one of {', '.join(KINDS)}, and not {shown(said)}"
        raise UsageError(message, hint="write one entry in the list for each")
    (kind,) = kinds
    _check_fields(f"a schedule by {kind}", said, _WHEN[kind])
    timezone = said.get("timezone")
    if kind != "interval":
        schedule_checks.check([Schedule(kind, said[kind], timezone)])
    else:
        _check_interval(said["interval"], timezone, said.get("anchor_date"))
    runs = one.get("max_scheduled_runs")
    if runs is not None and runs < 1:
        message = f"max_scheduled_runs cannot be {runs}"
        raise UsageError(message, hint="it is at least 1, or left out")


def _check_interval(value: str | float, timezone: str | None, anchor: str | None) -> None:
    seconds = seconds_of(value)
    if seconds is None and not re.fullmatch(r"(?=.*\d)[PYMWDTHS\d.:, days]+", str(value)):
        message = f"an interval cannot be {shown(value)}"
        raise UsageError(message, hint="give it in seconds, or as in PT1H and P1D (ISO 8601)")
    # A month is no number of seconds; its time zone is looked at all the same.
    schedule_checks.check([Schedule("interval", 1 if seconds is None else seconds, timezone)])
    try:
        datetime.fromisoformat((anchor or "2000-01-01").replace("Z", "+00:00"))
    except ValueError as error:
        message = f"an anchor_date cannot be {shown(anchor)}"
        raise UsageError(message, hint="it looks like 2025-01-31T06:00:00Z") from error


def _check_slugs(schedules: tuple[Json, ...]) -> None:
    """Raise `UsageError` for two schedules of one slug, or that replace the same one."""
    for key in ("slug", "replaces"):
        slugs = [one[key] for one in schedules if one.get(key)]
        twice = next((slug for slug in slugs if slugs.count(slug) > 1), None)
        if twice:
            message = f"two schedules say {key}: {twice}"
            raise UsageError(message, hint="each schedule has a slug of its own")
    for one in schedules:
        if one.get("replaces") and not one.get("slug"):
            message = f"a schedule replaces {one['replaces']!r} and has no slug itself"
            raise UsageError(message, hint="give it the slug that it has from now on")
