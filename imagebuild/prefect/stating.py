"""What a deployment's filled fields state, as the request that records it. Pure."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from imagebuild.prefect import fields as known
from imagebuild.request import DeploymentRequest

_TRUE = {"true", "t", "yes", "y", "on", "1"}
_FALSE = {"false", "f", "no", "n", "off", "0"}
_SAME = ("tags", "parameters", "description", "version")
_TIMES = ("cron", "interval", "rrule", "timezone", "anchor_date", "day_or")


class Misfit(ValueError):
    """A filled value is not of its field's type: `at` is where, the text says what is wrong."""

    def __init__(self, at: tuple[str | int, ...], why: str) -> None:
        super().__init__(why)
        self.at = at


def request_of(fields: Mapping[str, Any]) -> DeploymentRequest:
    """The request for a deployment whose placeholders are filled. Raises `Misfit`.

    The image among the job variables is not in it.
    """
    for key, kinds in known.DEPLOYMENT.items():
        value = fields.get(key)
        if kinds != known.STEPS and key not in {"paused", "enforce_parameter_schema"}:
            kinds = (*kinds, known.TEXT) if key == "concurrency_limit" else kinds
            if why := known.wrong(kinds, value):
                raise Misfit((key,), why)
    pool = fields.get("work_pool") or {}
    variables = dict(pool.get("job_variables") or {})
    variables.pop("image", None)
    triggers = fields.get("triggers")
    return DeploymentRequest(
        name=fields.get("name"),
        pool=pool.get("name"),
        job_variables=variables,
        stated=_stated(fields, pool),
        triggers=None if triggers is None else tuple(triggers),
    )


def on_top(typed: DeploymentRequest, filed: DeploymentRequest) -> DeploymentRequest:
    """What was typed, over what the file states: neither is lost."""
    old, new = filed.job_variables, typed.job_variables
    variables = {**old, **new}
    if isinstance(old.get("env"), Mapping) and isinstance(new.get("env"), Mapping):
        variables["env"] = {**old["env"], **new["env"]}
    return dataclasses.replace(
        typed,
        name=filed.name,
        pool=typed.pool or filed.pool,
        job_variables=variables,
        stated=filed.stated,
        triggers=filed.triggers,
    )


def _stated(fields: Mapping[str, Any], pool: Mapping[str, Any]) -> dict[str, Any]:
    stated: dict[str, Any] = {
        key: fields[key] for key in _SAME if fields.get(key) not in (None, "")
    }
    for number, tag in enumerate(stated.get("tags", ())):
        if why := known.wrong(known.TEXT, tag):
            raise Misfit(("tags", number), why)
    if pool.get("work_queue_name"):
        stated["work_queue_name"] = pool["work_queue_name"]
    for key in ("paused", "enforce_parameter_schema"):
        if fields.get(key) is not None:
            stated[key] = _flag(fields[key], (key,))
    if fields.get("concurrency_limit") is not None:
        stated |= _limit(fields["concurrency_limit"])
    if fields.get("schedules") is not None:
        every = enumerate(fields["schedules"])
        stated["schedules"] = [_schedule(one, ("schedules", number)) for number, one in every]
    elif fields.get("schedule") is not None:
        stated["schedules"] = [_schedule(fields["schedule"], ("schedule",))]
    return stated


def _limit(value: Any) -> dict[str, Any]:
    """The limit, and what happens with a run too many: none, where the file says nothing of it."""
    at = ("concurrency_limit",)
    if not isinstance(value, Mapping):
        return {"concurrency_limit": _number(value, at), "concurrency_options": None}
    options = {"collision_strategy": value.get("collision_strategy") or "ENQUEUE"}
    if value.get("grace_period_seconds") is not None:
        seconds = _number(value["grace_period_seconds"], (*at, "grace_period_seconds"))
        options["grace_period_seconds"] = seconds
    limit = value.get("limit")
    return {
        "concurrency_limit": None if limit is None else _number(limit, (*at, "limit")),
        "concurrency_options": options,
    }


def _schedule(one: Mapping[str, Any], at: tuple[str | int, ...]) -> dict[str, Any]:
    """A schedule as Prefect's API has it.

    https://github.com/PrefectHQ/prefect/blob/main/src/prefect/cli/deploy/_schedules.py
    """
    times = {key: one[key] for key in _TIMES if one.get(key) is not None}
    if "interval" in times:
        times["interval"] = _seconds(times["interval"], (*at, "interval"))
    if "day_or" in times:
        times["day_or"] = _flag(times["day_or"], (*at, "day_or"))
    if "rrule" in times:
        times |= _rule(times["rrule"])
    made: dict[str, Any] = {"schedule": times}
    if one.get("active") is not None:
        made["active"] = _flag(one["active"], (*at, "active"))
    return made | {key: one[key] for key in ("parameters", "slug", "replaces") if one.get(key)}


def _rule(text: str) -> dict[str, Any]:
    """Prefect takes an rrule also as the JSON of its own object."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(value: Any, at: tuple[str | int, ...]) -> float:
    """Seconds of a number, of `HH:MM:SS`, or of an ISO 8601 duration, as Prefect reads them."""
    import datetime

    from pydantic import TypeAdapter, ValidationError

    try:
        seconds = TypeAdapter(datetime.timedelta).validate_python(value).total_seconds()
    except ValidationError as error:
        why = f"{value!r} is no time: write seconds, or such as PT15M"
        raise Misfit(at, why) from error
    if seconds <= 0:
        raise Misfit(at, f"{value!r} is not more than nothing")
    return seconds


def _flag(value: Any, at: tuple[str | int, ...]) -> bool:
    text = str(value).lower()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise Misfit(at, f"it has to be true or false, and is {value!r}")


def _number(value: Any, at: tuple[str | int, ...]) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise Misfit(at, f"it has to be a whole number, and is {value!r}") from None
