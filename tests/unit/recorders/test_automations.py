"""How the automations of a deployment are told from those that its triggers come to."""

from __future__ import annotations

from typing import Any

import pytest

from imagebuild.recorders.automations import NOBODY, differ, wanted
from tests.unit.recorders.values import TARGET, record

Json = dict[str, Any]
ID = "11111111-1111-4111-8111-111111111111"


def made(name: str | None, **trigger: Any) -> Json:
    """An automation as Prefect's code makes it of a trigger."""
    run = {"type": "run-deployment", "source": "selected", "deployment_id": NOBODY}
    said = {"type": "event", "expect": ["b", "a"], "within": 0, **trigger}
    return {
        "name": name,
        "enabled": True,
        "trigger": said,
        "actions": [run],
        "owner_resource": f"prefect.deployment.{NOBODY}",
    }


def there(one: Json, created: str = "2026-01-01T12:00:00.5Z", **changed: Any) -> Json:
    """The same as a server tells of it."""
    text = {"id": one["name"], "created": created.replace(".5Z", ".500000Z"), "tags": []}
    trigger = {**one["trigger"], "id": "t", "expect": ["a", "b"], "within": 0.0, "newer": None}
    held = {key: value for key, value in one.items() if key != "owner_resource"}
    return {**held, **text, "trigger": trigger, **changed}


(FIRST, SECOND) = wanted(record(automations=(made(None), made("second"))), TARGET, ID)


def test_an_automation_gets_its_deployment_and_prefects_own_name() -> None:
    """Which counts from one; before there is a deployment, it has no ID."""
    assert (FIRST["name"], SECOND["name"]) == ("prod__automation_1", "second")
    assert FIRST["actions"][0]["deployment_id"] == ID
    assert FIRST["owner_resource"] == f"prefect.deployment.{ID}"
    (new,) = wanted(record(automations=(made(None),)), TARGET, None)
    assert new["owner_resource"] == f"prefect.deployment.{NOBODY}"


HOUR_AGO, AT_ONCE = "2026-01-01T11:00:00Z", "2026-01-01T12:00:01Z"
THEIRS = there(made("theirs"), HOUR_AGO)
NOTIFIES = there(made("mail"), AT_ONCE, actions=[{"type": "send-notification"}])


@pytest.mark.parametrize(
    ("held", "one", "differs"),
    [
        ([], [], False),
        ([], [FIRST], True),
        ([there(FIRST), there(SECOND)], [SECOND, FIRST], False),
        ([there(FIRST, enabled=False)], [FIRST], True),
        ([there({**FIRST, "description": "more"})], [FIRST], False),
        ([there(FIRST, trigger={"type": "event", "expect": ["a"]})], [FIRST], True),
        ([there(FIRST), there(FIRST)], [FIRST], True),  # two of the same
        ([there(FIRST), there(SECOND, AT_ONCE)], [FIRST], True),  # of the same deploy
        ([there(FIRST), THEIRS], [FIRST], False),  # an older one outlived that deploy
        ([there(FIRST), NOTIFIES], [FIRST], False),
        ([THEIRS], [], True),  # whose it is, nobody tells
        ([NOTIFIES], [], False),
    ],
)
def test_what_differs_is_seen(held: list[Json], one: list[Json], *, differs: bool) -> None:
    """What a server adds to an automation is no difference, nor the order in a set."""
    assert differ(held, one) is differs
