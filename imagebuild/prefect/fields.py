"""What a deployment may say in a prefect.yaml, and of which type. Pure.

The fields are Prefect's: https://docs.prefect.io/v3/how-to-guides/deployments/prefect-yaml and
https://github.com/PrefectHQ/prefect/blob/main/src/prefect/cli/deploy/_models.py
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from imagebuild.prefect.templating import is_lone

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TEXT, NUMBER, FLAG, TABLE, LIST, STEPS = "text", "number", "flag", "table", "list", "steps"
_OF = {
    TEXT: (str, "a text"),
    NUMBER: (int, "a whole number"),
    FLAG: (bool, "true or false"),
    TABLE: (Mapping, "a table of keys and values"),
    LIST: (list, "a list"),
}
_FOUND = {
    bool: "true or false",
    str: "a text",
    int: "a number",
    float: "a number",
    list: "a list",
    type(None): "nothing",
}

FILE = {
    "prefect-version": TEXT,
    "name": TEXT,
    "build": STEPS,
    "push": STEPS,
    "pull": STEPS,
    "deployments": LIST,
    "definitions": None,
}
DEPLOYMENT = {
    "name": TEXT,
    "version": TEXT,
    "version_type": TEXT,
    "tags": LIST,
    "description": TEXT,
    "schedule": TABLE,
    "schedules": LIST,
    "paused": FLAG,
    "concurrency_limit": (NUMBER, TABLE),
    "flow_name": TEXT,
    "entrypoint": TEXT,
    "parameters": TABLE,
    "enforce_parameter_schema": FLAG,
    "build": STEPS,
    "push": STEPS,
    "pull": STEPS,
    "work_pool": TABLE,
    "triggers": LIST,
    "sla": LIST,
}
WORK_POOL = {"name": TEXT, "work_queue_name": TEXT, "job_variables": TABLE}
LIMIT = {"limit": NUMBER, "collision_strategy": TEXT, "grace_period_seconds": NUMBER}
KINDS = ("cron", "interval", "rrule")
SCHEDULE = {
    "cron": TEXT,
    "interval": (NUMBER, TEXT, "decimal"),
    "rrule": TEXT,
    "timezone": TEXT,
    "anchor_date": TEXT,
    "active": FLAG,
    "parameters": TABLE,
    "slug": TEXT,
    "replaces": TEXT,
    "day_or": FLAG,
}
# What a field was called, or where it has gone.
_ELSEWHERE = {
    "infra_overrides": "write job_variables in work_pool",
    "job_variables": "it belongs into work_pool",
    "work_pool_name": "write name in work_pool",
    "work_queue_name": "it belongs into work_pool",
    "work_queue": "write work_queue_name in work_pool",
    "is_schedule_active": "write active in the schedule",
    "image": "write it in work_pool, among job_variables",
    "path": "the entrypoint says where the flow is",
}


def wrong(kinds: Any, value: Any) -> str | None:
    """What is wrong with a value of one of the kinds; None where it is right.

    None is what Prefect takes for a field that is not there; a placeholder may become anything.
    """
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    if value is None or kinds[0] is None or is_lone(value):
        return None
    if any(_is(kind, value) for kind in kinds):
        return None
    wanted = " or ".join(_OF[kind][1] for kind in kinds if kind in _OF)
    hint = ""
    if kinds[0] == TEXT and isinstance(value, int | float):
        hint = f': write it in quotes, "{str(value).lower() if value in (True, False) else value}"'
    return f"it has to be {wanted}, and is {_FOUND.get(type(value), 'a table')}{hint}"


def _is(kind: str, value: Any) -> bool:
    if kind == "decimal":
        return isinstance(value, float)
    if isinstance(value, bool):
        return kind == FLAG
    return isinstance(value, _OF[kind][0])


def unknown(table: Mapping[str, Any], known: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each key that is not known, and what may have been meant, or nothing."""
    names = list(known)
    for key in table:
        if key in names:
            continue
        close = difflib.get_close_matches(key.lower().replace("-", "_"), names, n=1, cutoff=0.75)
        if close and key not in _ELSEWHERE:
            yield key, f"did you mean {close[0]}?"
        else:
            yield key, _ELSEWHERE.get(key, "")
