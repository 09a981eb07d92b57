"""Reads the world, and plans in it: the start of every way through."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imagebuild.bases import resolve_base
from imagebuild.events import Warned
from imagebuild.names import ImageName
from imagebuild.plan import Base
from imagebuild.planning import make_plan
from imagebuild.stamps import stamp
from imagebuild.state import Existing, State

if TYPE_CHECKING:
    from imagebuild.events import Emit
    from imagebuild.plan import Plan
    from imagebuild.protocols import Builder, Parts
    from imagebuild.request import BuildRequest
    from imagebuild.survey import Project

_SCRATCH = Base(ImageName(None, "scratch"))


def unresolved(project: Project, platform: str | None) -> State:
    """The state where nobody was asked: the bases are what they are called."""
    bases = tuple(Base(name) for name in project.bases)
    return State(platform or "", Base(project.base) if project.base else _SCRATCH, bases)


def look_at_bases(request: BuildRequest, project: Project, parts: Parts, emit: Emit) -> State:
    """The platform, and which images the bases mean now.

    Raises `UsageError` for a platform that cannot be built for, and what `resolve_base` raises.
    """
    platform = parts.builder.platform_for(request.platform)
    wanted = [project.base, *project.bases] if project.base else list(project.bases)
    found = {
        name: resolve_base(name, parts.builder, parts.registry, emit, request.pull)
        for name in dict.fromkeys(wanted)
    }
    base = found[project.base] if project.base else _SCRATCH
    warn_of_mismatches(project, parts.builder, emit)
    return State(platform, base, tuple(found[name] for name in project.bases))


def plan_in(
    request: BuildRequest,
    project: Project,
    state: State,
    name: ImageName,
    *,
    entrypoint: str | None = None,
    version: str | None = None,
) -> Plan:
    """The plan, with the labels that tell whence it comes; `version` is the user's own."""
    plan = make_plan(request, project, state, name=name, entrypoint=entrypoint)
    labels = stamp(
        project.commit,
        epoch=request.epoch,
        version=version or plan.version,
        base=state.base,
    )
    return dataclasses.replace(plan, stamp=labels)


def existing(plan: Plan, parts: Parts, *, push: bool) -> Existing:
    """What the plan's names mean now; a registry is only asked where something is to be pushed."""
    local = {name: parts.builder.find(name) for name in plan.names}
    remote = {name: parts.registry.find(name) for name in plan.names} if push else {}
    return Existing(
        {name: config for name, config in local.items() if config is not None},
        {name: digest for name, digest in remote.items() if digest is not None},
    )


def warn_of_mismatches(project: Project, builder: Builder, emit: Emit) -> None:
    """Say where the flow wants another Python or Prefect than the base has."""
    requirements = "\n".join(project.text(path) or "" for path in project.dependencies.requirements)
    pyproject = project.text("pyproject.toml")
    if project.base is None or not (requirements or pyproject):
        return
    from imagebuild.versions import mismatches

    config = builder.find(project.base)
    for text in mismatches(
        requirements,
        pyproject,
        str(project.base),
        config.labels if config else {},
        config.env if config else {},
    ):
        emit(Warned(text))
