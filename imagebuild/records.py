"""Makes of what was asked the deployment that is meant, and the record that it is to hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagebuild.record import Record, Target

if TYPE_CHECKING:
    from imagebuild.flows import FoundFlow
    from imagebuild.protocols import Parts
    from imagebuild.request import DeploymentRequest
    from imagebuild.state import Recorded


def target_of(flow: FoundFlow, wanted: DeploymentRequest) -> Target:
    """The deployment of a flow that is meant; without a name, that of the flow's function."""
    name = wanted.name or flow.function.rpartition(".")[2]
    return Target(flow.flow_name or "", name, wanted.pool)


def has_values(wanted: DeploymentRequest) -> bool:
    """Whether there are values for the flow's parameters, which it may not take."""
    schedules = wanted.stated.get("schedules") or ()
    stated = wanted.stated.get("parameters") or any(one.get("parameters") for one in schedules)
    return bool(wanted.parameters or stated)


def read_for(
    wanted: DeploymentRequest, target: Target, parts: Parts, *, image: bool = True
) -> Recorded:
    """What is recorded now, as far as it may change for the request, of an `image` or of none."""
    return parts.recorder.read(target, triggers=wanted.triggers is not None, image=image)


def record_of(
    wanted: DeploymentRequest,
    *,
    image: str | None,
    pushed: bool,
    flow: FoundFlow | None = None,
    entrypoint: str | None = None,
    directory: str | None,
    version: str | None,
    source: str,
    alike: tuple[str, ...] = (),
) -> Record:
    """The record under the image's name as it is known yet; the user's own version comes first.

    Without an image, the deployment's own is let be; `entrypoint` is of a flow that is not at hand.
    """
    given = wanted.version or wanted.stated.get("version")
    return Record(
        image=image,
        pushed=pushed,
        entrypoint=flow.entrypoint if flow else entrypoint,
        code=flow.code if flow and flow.dotted else None,
        directory=directory,
        version=given or version,
        version_given=given is not None,
        source=source,
        job_variables=wanted.job_variables,
        queue=wanted.queue,
        description=wanted.description,
        parameters=wanted.parameters,
        tags=wanted.tags,
        schedules=wanted.schedules,
        concurrency_limit=wanted.concurrency_limit,
        stated=wanted.stated,
        triggers=wanted.triggers,
        alike=alike,
    )
