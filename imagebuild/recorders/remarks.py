"""Says what a person should know of a change: notes, warnings and questions. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagebuild.record import SET_DIRECTORY
from imagebuild.recorders import job_variables, parameters, schedules, stated_schedules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagebuild.record import Record
    from imagebuild.state import Deployment, Pool

    Fields = Mapping[str, Any]

NO_AUTOMATIONS = "this Prefect server has no automations, so the triggers are left out"


def notes(
    deployment: Deployment | None, record: Record, pool: Pool, wanted: Fields
) -> Iterator[str]:
    """What else is so."""
    yield from _moved(deployment, record, pool)
    yield from _no_image(record, pool, wanted)
    after = wanted.get("schedules", ())
    stated = record.stated.get("schedules", ())
    yield from schedules.paused(after, record.schedules)
    yield from stated_schedules.paused(after, stated)
    if deployment and "schedules" in record.stated:
        yield from stated_schedules.gone(deployment.schedules, after)


def warnings(
    deployment: Deployment | None, record: Record, pool: Pool, wanted: Fields
) -> Iterator[str]:
    """What will probably surprise."""
    yield from _far(record, pool)
    if deployment and record.described is not None:
        values = wanted.get("parameters", deployment.parameters)
        yield from parameters.outlived(values, record.described.parameters)
    if deployment and record.automations and deployment.triggers is None:
        yield NO_AUTOMATIONS


def questions(
    deployment: Deployment | None, record: Record, wanted: Fields, fields: Fields
) -> tuple[str, ...]:
    """What of somebody else's would be replaced."""
    return (*_replaced(deployment, record, wanted), *_shared(deployment, fields))


def _no_image(record: Record, pool: Pool, wanted: Fields) -> tuple[str, ...]:
    """Which image such a deployment runs, since nobody named it here."""
    if record.image is not None or not pool.accepts_image:
        return ()
    own = wanted["job_variables"].get("image")
    runs = job_variables.image_of(wanted["job_variables"], pool)
    if own:
        return (f"no image is given, and the deployment runs its own: {own}",)
    if runs:
        return (f"no image is given, and the work pool {pool.name!r} runs its default: {runs}",)
    return ("no image is given, and its worker runs Prefect's own image, of its version",)


def _replaced(deployment: Deployment | None, record: Record, wanted: Fields) -> tuple[str, ...]:
    """The pull steps that give way: with the code in the image, a run has nothing to fetch."""
    held = deployment.pull_steps if deployment else ()
    steps = wanted.get("pull_steps", held)
    if (
        record.entrypoint
        and not record.directory
        and not any(SET_DIRECTORY in step for step in steps)
    ):
        # Where the code will lie is known only when a Dockerfile of the user's own is built.
        steps = record.stated.get("pull_steps", ())
    gone = [name for step in held if step not in steps for name in step if name != SET_DIRECTORY]
    instead = "those of the file" if "pull_steps" in record.stated else "the code in the image"
    return (f"its pull steps ({', '.join(gone)}) give way to {instead}",) if gone else ()


def _moved(deployment: Deployment | None, record: Record, pool: Pool) -> tuple[str, ...]:
    held = deployment.pool if deployment else None
    if deployment is None or held is None or held == pool.name:
        return ()
    text = f"the deployment moves from the work pool {held!r} to {pool.name!r}"
    if not (record.queue or record.stated.get("work_queue_name")) and deployment.queue not in {
        None,
        "default",
    }:
        text += f", and from the work queue {deployment.queue!r} to the default one"
    return (text,)


def _shared(deployment: Deployment | None, fields: Fields) -> tuple[str, ...]:
    """The limit that would change for others too: Prefect sets the one that the deployment has.

    https://github.com/PrefectHQ/prefect/blob/main/src/prefect/server/models/deployments.py
    """
    name = deployment.concurrency_limit_name if deployment else None
    if deployment is None or "concurrency_limit" not in fields or name is None:
        return ()
    if name == f"deployment:{deployment.id}":
        return ()
    return (f"the concurrency limit {name!r} changes for all that share it",)


def _far(record: Record, pool: Pool) -> tuple[str, ...]:
    if record.image is None or record.pushed or pool.runs_here:
        return ()
    place = f"the work pool {pool.name!r} ({pool.type}) runs elsewhere"
    return (f"{record.image} is only on this machine, and {place}; push it, or its runs will fail",)
