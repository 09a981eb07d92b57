"""Compares a deployment as it is with the record that it should hold. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from imagebuild.errors import UsageError
from imagebuild.record import Change, Record, Target
from imagebuild.recorders import job_variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagebuild.state import Deployment, Pool, Recorded

_STEP = "prefect.deployments.steps.set_working_directory"


def change_of(target: Target, now: Recorded, record: Record) -> Change:
    """What has to be written so that the deployment holds the record.

    The fields are named as Prefect's API names them; only those that differ are among them, since
    every PATCH deletes the runs that are scheduled. A deployment that is not there differs in all.
    Raises `UsageError` for job variables that cannot stand in this pool.
    """
    pool, deployment = now.pool, now.deployment
    job_variables.check(record, pool)
    held = deployment.job_variables if deployment else {}
    variables, notes = job_variables.merge(held, record, pool)
    wanted: dict[str, Any] = {
        "job_variables": variables,
        "entrypoint": record.entrypoint,
        "pull_steps": _pull_steps(deployment, record),
        "version": record.version,
        # Sent alone it moves the deployment to this pool's default queue: right where the pool
        # is another, so it must not be among the fields otherwise.
        "work_pool_name": pool.name,
    }
    if record.version is None or _is_somebodys(deployment):
        del wanted["version"]
    if record.described is not None:
        wanted["parameter_openapi_schema"] = dict(record.described.parameters)
    fields: Mapping[str, Any] = _differing(deployment, wanted) if deployment else wanted
    if deployment is None and record.described is not None:
        fields = {**wanted, "description": record.described.description}
    return Change(
        target,
        record,
        deployment.id if deployment else None,
        pool.name,
        fields,
        notes=(*notes, *_moved(deployment, pool)),
        warnings=(*job_variables.unknown(record, pool), *_far(record, pool)),
        questions=_replaced(deployment, record),
    )


def knows(deployment: Deployment | None, record: Record) -> bool:
    """Whether the deployment has the parameters of exactly this flow in this version."""
    return deployment is not None and (
        (deployment.version, deployment.entrypoint) == (record.version, record.entrypoint)
    )


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


def _differing(deployment: Deployment, wanted: Mapping[str, Any]) -> dict[str, Any]:
    held: dict[str, Any] = {
        "job_variables": dict(deployment.job_variables),
        "entrypoint": deployment.entrypoint,
        "pull_steps": [dict(step) for step in deployment.pull_steps],
        "version": deployment.version,
        "work_pool_name": deployment.pool,
        "parameter_openapi_schema": dict(deployment.parameter_schema),
    }
    return {
        name: value for name, value in wanted.items() if not job_variables.same(value, held[name])
    }


def _pull_steps(deployment: Deployment | None, record: Record) -> list[dict[str, Any]]:
    """One step into the code, by an absolute path: without it a run copies the folder first.

    https://github.com/PrefectHQ/prefect/blob/main/src/prefect/runner/_workspace_resolver.py
    """
    ours = {_STEP: {"directory": record.directory}}
    held = [dict(step) for step in deployment.pull_steps] if deployment else []
    return held if ours in held else [ours]


def _replaced(deployment: Deployment | None, record: Record) -> tuple[str, ...]:
    """The pull steps that give way: with the code in the image, a run has nothing to fetch."""
    steps = _pull_steps(deployment, record)
    held = deployment.pull_steps if deployment else ()
    gone = [name for step in held if step not in steps for name in step if name != _STEP]
    return (
        (f"its pull steps ({', '.join(gone)}) give way to the code in the image",) if gone else ()
    )


def _moved(deployment: Deployment | None, pool: Pool) -> tuple[str, ...]:
    held = deployment.pool if deployment else None
    if held is None or held == pool.name:
        return ()
    return (f"the deployment moves from the work pool {held!r} to {pool.name!r}",)


def _far(record: Record, pool: Pool) -> tuple[str, ...]:
    if record.pushed or pool.runs_here:
        return ()
    place = f"the work pool {pool.name!r} ({pool.type}) runs elsewhere"
    return (f"{record.image} is only on this machine, and {place}; push it, or its runs will fail",)
