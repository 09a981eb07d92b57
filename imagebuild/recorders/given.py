"""Merges what a file states and what the user gave besides into a deployment. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagebuild.recorders import schedules, stated_schedules
from imagebuild.recorders.parameters import merge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagebuild.record import Record
    from imagebuild.state import Deployment

_PLAIN = (
    *("description", "paused", "concurrency_limit", "concurrency_options"),
    *("enforce_parameter_schema", "pull_steps"),
)


def fields(deployment: Deployment | None, record: Record) -> dict[str, Any]:
    """The fields that are stated or given, as they are to be, by their names in Prefect's API.

    What is stated stands as it is stated, and what is given comes on top.
    """
    stated = record.stated
    wanted: dict[str, Any] = {name: stated[name] for name in _PLAIN if name in stated}
    if record.version_given:
        wanted["version"] = record.version
    if queue := record.queue or stated.get("work_queue_name"):
        wanted["work_queue_name"] = queue
    if record.description:
        wanted["description"] = record.description
    if record.concurrency_limit is not None:
        wanted["concurrency_limit"] = record.concurrency_limit
    if "concurrency_options" in wanted:
        wanted["concurrency_options"] = _options(deployment, wanted["concurrency_options"])
    if record.parameters or "parameters" in stated:
        held = deployment.parameters if deployment else {}
        wanted["parameters"] = merge(stated.get("parameters", held), record)
    if record.tags or "tags" in stated:
        wanted["tags"] = _tags(deployment.tags if deployment else (), record)
    if record.schedules or "schedules" in stated:
        wanted["schedules"] = _schedules(deployment.schedules if deployment else (), record)
    return wanted


def _options(deployment: Deployment | None, stated: Mapping[str, Any] | None) -> Any:
    """What is stated, unless the deployment says the same with a null for what is not set."""
    held = deployment.concurrency_options if deployment else None
    bare, other = (
        {key: value for key, value in (each or {}).items() if value is not None}
        for each in (held, stated)
    )
    return held if bare == other and held is not None and stated is not None else stated


def _tags(held: tuple[str, ...], record: Record) -> list[str]:
    """Each once; in the order that they have, where only that differs."""
    wanted = list(dict.fromkeys((*record.stated.get("tags", held), *record.tags)))
    return list(held) if sorted(held) == sorted(wanted) else wanted


def _schedules(held: tuple[Mapping[str, Any], ...], record: Record) -> list[dict[str, Any]]:
    """Those that are stated and those that are given, which are told from them by their slug."""
    if "schedules" not in record.stated:
        return schedules.merge(held, record.schedules)
    ours = [one for one in held if record.schedules and schedules.is_ours(one)]
    rest = [one for one in held if one not in ours]
    stated = stated_schedules.merge(rest, record.stated["schedules"])
    merged = schedules.merge([*ours, *stated], record.schedules)
    places = {one["id"]: number for number, one in enumerate(held)}
    return sorted(merged, key=lambda one: places.get(one.get("id"), len(places)))
