"""Compares a deployment as it is with the record that it should hold. Pure."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

from imagebuild.errors import UsageError
from imagebuild.record import SET_DIRECTORY, Change, Described, Record, Target
from imagebuild.recorders import (
    automations,
    given,
    job_variables,
    parameters,
    remarks,
    schedule_checks,
    stated_checks,
)
from imagebuild.recorders.json_schema import same

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagebuild.state import Deployment, Pool, Recorded


def change_of(target: Target, now: Recorded, record: Record) -> Change:
    """What has to be written so that the deployment holds the record.

    The fields are named as Prefect's API names them; only those that differ are among them, since
    every PATCH deletes the runs that are scheduled. A deployment that is not there differs in all.
    Raises `UsageError` for what cannot stand in this deployment or in this pool.
    """
    pool, deployment = now.pool, now.deployment
    _check(target, now, record)
    variables, notes = job_variables.merge(
        deployment.job_variables if deployment else {}, record, pool
    )
    wanted: dict[str, Any] = {"job_variables": variables, "work_pool_name": pool.name}
    wanted |= _of_the_code(deployment, record) | given.fields(deployment, record)
    triggers = _triggers(target, deployment, record)
    fields: Mapping[str, Any] = _differing(deployment, wanted, pool) if deployment else wanted
    fields = {**fields, **triggers}
    return Change(
        target,
        record,
        deployment.id if deployment else None,
        pool.name,
        fields,
        notes=(*notes, *remarks.notes(deployment, record, pool, wanted)),
        warnings=(
            *job_variables.unknown(record, pool),
            *remarks.warnings(deployment, record, pool, wanted),
        ),
        questions=remarks.questions(deployment, record, wanted, fields),
        runs=job_variables.image_of(variables, pool),
    )


def knows(deployment: Deployment | None, record: Record) -> bool:
    """Whether nothing of the flow has to be read: the deployment has it, of this code or one alike.

    A version that the user gave does not tell
    which code it is, be it given now or found in the deployment.
    """
    if record.entrypoint is None:
        return True
    if deployment is None or deployment.version is None:
        return False
    own = {record.version} if not record.version_given else set()
    same_code = deployment.version in own.union(record.alike)
    return same_code and deployment.entrypoint == record.entrypoint


def as_known(deployment: Deployment | None, record: Record) -> Record:
    """The record with what a deployment holds of code alike, whose version is about to change.

    Raises as `with_description` does.
    """
    if deployment is None or record.entrypoint is None or deployment.version == record.version:
        return record
    return with_description(record, Described(deployment.parameter_schema, deployment.description))


def with_description(record: Record, described: Described) -> Record:
    """The record with what the flow's code told. Raises `UsageError` for parameters not in it."""
    parameters.check(record, described.parameters)
    return dataclasses.replace(record, described=described)


def check_names(target: Target) -> None:
    """Raise `UsageError` for a name that Prefect's server refuses, before anything is built.

    https://github.com/PrefectHQ/prefect/blob/main/src/prefect/types/names.py
    """
    for kind, name in (("flow", target.flow), ("deployment", target.name)):
        if not name.strip() or set(name) & set("/%&><"):
            message = f"{name!r} cannot be the name of a {kind}"
            raise UsageError(
                message, causes=("Prefect takes no / % & < > in it, nor an empty one",)
            )


def _is_somebodys(deployment: Deployment | None) -> bool:
    """Whether somebody gave the version: neither we nor Prefect, which takes the file's MD5."""
    version = deployment.version if deployment else None
    return version is not None and not re.fullmatch(r"[0-9a-f]{12}|[0-9a-f]{32}", version)


def _check(target: Target, now: Recorded, record: Record) -> None:
    if now.deployment is None and record.entrypoint is None:
        message = f"there is no deployment {target}"
        raise UsageError(message, hint="give the flow's entrypoint, and it is created")
    job_variables.check(record, now.pool)
    schedule_checks.check(record.schedules)
    stated_checks.check(record.stated)
    if record.concurrency_limit is not None and record.concurrency_limit < 1:
        message = f"the concurrency limit cannot be {record.concurrency_limit}"
        raise UsageError(message, hint="it is how many runs may go on at once, at least 1")
    if (schema := _schema(now.deployment, record)) is not None:
        parameters.check(record, schema)


def _schema(deployment: Deployment | None, record: Record) -> Mapping[str, Any] | None:
    """The schema that the parameters will have to keep to, where it is known yet."""
    if record.described is not None:
        return record.described.parameters
    stays = knows(deployment, record) or record.version is None
    return deployment.parameter_schema if deployment and stays else None


def _of_the_code(deployment: Deployment | None, record: Record) -> dict[str, Any]:
    """What tells which code runs; nothing of it where the deployment keeps its own."""
    wanted: dict[str, Any] = {}
    if record.entrypoint is not None:
        wanted["entrypoint"] = record.entrypoint
    if record.directory is not None:
        wanted["pull_steps"] = _pull_steps(deployment, record)
    if record.entrypoint and record.version and not _is_somebodys(deployment):
        wanted["version"] = record.version
    if record.described is not None:
        wanted["parameter_openapi_schema"] = dict(record.described.parameters)
        if deployment is None:
            wanted["description"] = record.described.description
    return wanted


def _triggers(
    target: Target, deployment: Deployment | None, record: Record
) -> dict[str, list[dict[str, Any]]]:
    """The automations, if they differ; what a server without them cannot hold, does not."""
    if record.automations is None or (deployment and deployment.triggers is None):
        return {}
    made = automations.wanted(record, target, deployment.id if deployment else None)
    held = (deployment.triggers if deployment else None) or ()
    return {"triggers": made} if automations.differ(held, made) else {}


def _differing(deployment: Deployment, wanted: Mapping[str, Any], pool: Pool) -> dict[str, Any]:
    held: dict[str, Any] = {
        "job_variables": dict(deployment.job_variables),
        "entrypoint": deployment.entrypoint,
        "pull_steps": [dict(step) for step in deployment.pull_steps],
        "version": deployment.version,
        "work_pool_name": deployment.pool,
        # A queue of the same name in another pool is another one.
        "work_queue_name": deployment.queue if deployment.pool == pool.name else None,
        "parameter_openapi_schema": dict(deployment.parameter_schema),
        "description": deployment.description,
        "parameters": dict(deployment.parameters),
        "tags": list(deployment.tags),
        "schedules": [dict(schedule) for schedule in deployment.schedules],
        "concurrency_limit": deployment.concurrency_limit,
        "concurrency_options": deployment.concurrency_options,
        "paused": deployment.paused,
        "enforce_parameter_schema": deployment.enforce_parameter_schema,
    }
    return {name: value for name, value in wanted.items() if not same(value, held[name])}


def _pull_steps(deployment: Deployment | None, record: Record) -> list[dict[str, Any]]:
    """One step into the code, by an absolute path: without it a run copies the folder first.

    https://github.com/PrefectHQ/prefect/blob/main/src/prefect/runner/_workspace_resolver.py
    """
    ours = {SET_DIRECTORY: {"directory": record.directory}}
    held = [dict(step) for step in deployment.pull_steps] if deployment else []
    return held if ours in held else [ours]
