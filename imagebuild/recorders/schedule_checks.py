"""Refuses schedules that Prefect's server would refuse, as far as the text alone tells. Pure.

Only what surely is wrong is refused here; the server has the last say.
"""

from __future__ import annotations

import math
import re
import zoneinfo
from datetime import timedelta
from typing import TYPE_CHECKING

from imagebuild.errors import UsageError
from imagebuild.recorders.json_schema import meant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagebuild.record import Schedule

# croniter's, which Prefect has a copy of: https://pypi.org/project/croniter/
_ALIASES = {"@midnight", "@hourly", "@daily", "@weekly", "@monthly", "@yearly", "@annually"}
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_CRON: tuple[tuple[str, int, int, list[str]], ...] = (
    ("minute", 0, 59, []),
    ("hour", 0, 23, []),
    ("day of the month", 1, 31, []),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
    ("second", 0, 59, []),
    ("year", 1970, 2099, []),
)
_SPECIAL = {"day of the month", "day of the week"}  # with L, # and ? there
_CRON_HINT = "five fields: minute, hour, day of the month, month, day of the week"

# https://datatracker.ietf.org/doc/html/rfc5545#section-3.3.10
_FREQUENCIES = {"SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"}
_RULES = {"RRULE", "EXRULE"}
_RULE_HINT = "a rule looks like FREQ=WEEKLY;BYDAY=MO,WE;BYHOUR=6"
_RULE_LIMIT = 6500  # https://github.com/PrefectHQ/prefect/blob/main/src/prefect/_internal/schemas/validators.py


def check(schedules: Sequence[Schedule]) -> None:
    """Raise `UsageError` for an expression, an interval, a rule or a time zone that is none."""
    for one in schedules:
        if one.kind == "interval":
            _check_interval(one.value)
        elif one.kind == "cron":
            _check(f"{one.value!r} is no cron expression", _cron_fault(str(one.value)), _CRON_HINT)
        else:
            fault = _rule_fault(str(one.value))
            _check(f"{one.value!r} is no recurrence rule", fault, _RULE_HINT)
        if one.timezone is not None:
            _check_timezone(one.timezone)


def _check(message: str, fault: str | None, hint: str) -> None:
    if fault:
        raise UsageError(message, causes=(fault,), hint=hint)


def _check_interval(value: str | float) -> None:
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    # Not a number is neither: Prefect keeps it as a `timedelta`.
    if not 1e-6 <= seconds <= timedelta.max.total_seconds():
        message = f"an interval cannot be {value}"
        raise UsageError(message, hint="give it in seconds, more than 0")


def _check_timezone(name: str) -> None:
    known = zoneinfo.available_timezones()
    # A machine may have no time zones, and Debian leaves the older names to a package of their own.
    if "US/Eastern" in known and name not in known:
        message = f"there is no time zone {name!r}"
        hint = meant(name, known) or "it is named as in Europe/Berlin, America/New_York or UTC"
        raise UsageError(message, hint=hint)


def _cron_fault(text: str) -> str | None:
    if text.lower() in _ALIASES:
        return None
    fields = text.lower().split()
    if not 5 <= len(fields) <= len(_CRON):
        return f"it has {len(fields)} fields"
    for field, (name, low, high, names) in zip(fields, _CRON, strict=False):
        for item in field.split(","):
            special = name in _SPECIAL and re.search("[l#?]", item)
            if not special and not _is_cron_item(item, low, high, names):
                return f"{item!r} is no {name}"
    return None


def _is_cron_item(item: str, low: int, high: int, names: list[str]) -> bool:
    """Whether it is `*`, a value or a range, each with or without a step."""
    found = re.fullmatch(r"(?P<first>[^-/]+)(-(?P<last>[^-/]+))?(/0*[1-9]\d*)?", item)
    if not found:
        return False
    first, last = found["first"], found["last"]
    if first == "*":
        return last is None
    return all(
        value in names or (value.isascii() and value.isdigit() and low <= int(value) <= high)
        for value in (first, last or first)
    )


def _rule_fault(text: str) -> str | None:
    lines = [line.strip().upper() for line in text.splitlines() if line.strip()]
    if not lines or len(text) > _RULE_LIMIT:
        return f"it has {len(text)} characters" if lines else "it is empty"
    for line in lines:
        name, colon, value = line.rpartition(":")
        if colon and name not in _RULES:
            continue  # a date, such as DTSTART
        pairs = dict(part.partition("=")[::2] for part in value.split(";"))
        if (frequency := pairs.get("FREQ")) not in _FREQUENCIES:
            return f"FREQ cannot be {frequency}" if frequency else "it says no FREQ"
        for key in ("INTERVAL", "COUNT"):
            if key in pairs and not re.fullmatch(r"\d+", pairs[key]):
                return f"{key} cannot be {pairs[key] or 'empty'}"
    return None
