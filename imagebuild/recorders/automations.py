"""Compares the automations that run a deployment with those that its triggers come to. Pure.

Prefect keeps a deployment's triggers as automations that the deployment owns, and its API does not
tell which it owns from those that somebody made to run it. So what is owned is replaced as one,
by Prefect's own way, and known again by what it says and by when it was made.
https://github.com/PrefectHQ/prefect/blob/main/src/prefect/cli/deploy/_triggers.py
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from imagebuild.recorders.json_schema import same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagebuild.record import Record, Target

    Automation = Mapping[str, Any]

NOBODY = "00000000-0000-0000-0000-000000000000"
_TOGETHER = 60.0  # seconds, in which one deploy makes all that a deployment owns
_SETS = {"after", "expect", "for_each"}


def wanted(record: Record, target: Target, deployment_id: str | None) -> list[dict[str, Any]]:
    """The automations of a record that was described, for this deployment."""
    text = json.dumps(list(record.automations or ()))
    made: list[dict[str, Any]] = json.loads(text.replace(NOBODY, deployment_id or NOBODY))
    for number, one in enumerate(made, start=1):
        # Prefect's own name for a trigger that has none.
        one["name"] = one.get("name") or f"{target.name}__automation_{number}"
    return made


def differ(held: Sequence[Automation], made: Sequence[Automation]) -> bool:
    """Whether one is not there, or one is there that the deployment may own and should not."""
    left = list(held)
    found: list[Automation] = []
    for one in made:
        match = next((other for other in left if _holds(other, one)), None)
        if match is None:
            return True
        left.remove(match)
        found.append(match)
    return any(_is_trigger(one) and _is_of_them(one, found) for one in left)


def _holds(held: Automation, one: Automation) -> bool:
    """Whether an automation says all that this one does, but whose it is."""
    names = (
        "name",
        "description",
        "enabled",
        "actions",
        "actions_on_trigger",
        "actions_on_resolve",
    )
    said = all(_within(one[name], held.get(name)) for name in names if name in one)
    return said and _within(_sorted(one["trigger"]), _sorted(held.get("trigger")))


def _within(one: object, held: object) -> bool:
    """Whether all of `one` is in `held`, which a server adds IDs and newer fields to."""
    if isinstance(one, Mapping) and isinstance(held, Mapping):
        return all(_within(value, held.get(key)) for key, value in one.items())
    if isinstance(one, list) and isinstance(held, list):
        pairs = zip(one, held, strict=False)
        return len(one) == len(held) and all(_within(each, other) for each, other in pairs)
    if isinstance(one, (int, float)) and isinstance(held, (int, float)):
        return one == held
    return same(one, held)


def _sorted(trigger: object) -> object:
    """A trigger, with what is a set in it in one order."""
    if isinstance(trigger, Mapping):
        return {
            key: sorted(value) if key in _SETS and isinstance(value, list) else _sorted(value)
            for key, value in trigger.items()
        }
    return [_sorted(each) for each in trigger] if isinstance(trigger, list) else trigger


def _is_trigger(held: Automation) -> bool:
    """Whether it runs the deployment and does nothing else, as those of triggers do."""
    actions = held.get("actions") or ()
    runs = [each for each in actions if each.get("type") == "run-deployment"]
    more = held.get("actions_on_trigger") or held.get("actions_on_resolve")
    return len(actions) == len(runs) == 1 and not more


def _is_of_them(held: Automation, found: Sequence[Automation]) -> bool:
    """Whether it may be of the same deploy as those that are owned; the next one deletes all.

    Where none is known to be owned, it may be.
    """
    times = [_time(each) for each in (held, *found)]
    own, *others = times
    if own is None or None in others or not others:
        return True
    return any(other is not None and abs(own - other) <= _TOGETHER for other in others)


def _time(held: Automation) -> float | None:
    text = held.get("created")
    return datetime.fromisoformat(str(text).replace("Z", "+00:00")).timestamp() if text else None
