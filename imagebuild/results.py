"""What became of each of several deployments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild.outcome import Outcome
from imagebuild.plan import Build, Push

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagebuild.errors import ImagebuildError
    from imagebuild.grouping import Group, Member
    from imagebuild.orders import Made


@dataclass(frozen=True)
class Result:
    """What became of a deployment, by its full name where that is known: exactly one of the two."""

    label: str
    outcome: Outcome | None = None
    error: ImagebuildError | None = None


def result_of(member: Member, group: Group, made: Made, seconds: Mapping[str, float]) -> Result:
    """The outcome of a deployment, or its error, or that of its image."""
    error, change, image = member.error or group.error, member.change, group.image
    if error is not None or change is None:
        return Result(member.label, error=error)
    pushes = image.steps.pushes if image else {}
    outcome = Outcome(
        reference=change.runs,
        names=tuple(map(str, image.plan.names)) if image else (),
        image_id=made.image_id,
        digest=made.digest,
        version=image.plan.version if image else None,
        flow=member.flow.flow_name,
        entrypoint=member.flow.entrypoint,
        directory=made.directory,
        built=isinstance(image.steps.build, Build) if image else None,
        pushed=any(isinstance(one, Push) for one in pushes.values()) if pushes else None,
        recorded=change.needed,
        deployment=member.label,
        deployment_id=member.deployment_id,
        pool=change.pool,
        seconds=seconds,
    )
    return Result(member.label, outcome)
