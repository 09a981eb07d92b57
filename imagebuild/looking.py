"""Reads the world, and plans in it: the start of every way through."""

from __future__ import annotations

import dataclasses
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from imagebuild.bases import resolve_base
from imagebuild.choosing import choose_flow
from imagebuild.dockerfile.mounts import mounted
from imagebuild.events import Warned
from imagebuild.modules import SOURCES
from imagebuild.names import BadImageName, ImageName
from imagebuild.parallel import both
from imagebuild.plan import Base
from imagebuild.planning import make_plan
from imagebuild.platforms import normalised
from imagebuild.stamps import PREFECT_LABEL, stamp
from imagebuild.state import Existing, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagebuild.dockerfile.mounts import Kind
    from imagebuild.entrypoint import FoundFlow
    from imagebuild.events import Emit
    from imagebuild.plan import Plan
    from imagebuild.protocols import Parts
    from imagebuild.request import BuildRequest
    from imagebuild.state import ImageConfig, Recorded
    from imagebuild.survey import Project

_RELEASE = re.compile(r"(\d+(\.\d+){0,2})?")  # as a plain one is written, or a part of it
_SCRATCH = Base(ImageName(None, "scratch"))


def unresolved(project: Project, platform: str | None) -> State:
    """The state where nobody was asked: the bases are what they are called.

    Raises `UsageError` for a platform that is none.
    """
    bases = tuple(Base(name) for name in project.bases)
    known = normalised(platform) if platform else ""
    return State(known, Base(project.base) if project.base else _SCRATCH, bases)


def look_at_bases(
    request: BuildRequest, project: Project, parts: Parts, emit: Emit, near: Iterable[ImageName]
) -> State:
    """The platform, and which images the bases mean now.

    `near` are names of images that may stand on them, which the builder looks at beside that: they
    tell of their bases what nobody has to be asked for then. Raises `UsageError` for a platform
    that cannot be built for, and what `resolve_base` raises.
    """
    platform = parts.builder.platform_for(request.platform)
    wanted = [project.base, *project.bases] if project.base else list(project.bases)

    def resolved() -> dict[ImageName, Base]:
        builder, registry, pull = parts.builder, parts.registry, request.pull
        names = dict.fromkeys(wanted)
        return {name: resolve_base(name, builder, registry, emit, pull) for name in names}

    found, _ = both(resolved, lambda: [parts.builder.find(name) for name in near])
    base = found[project.base] if project.base else _SCRATCH
    prefect = check_versions(project, parts.builder.says(base), emit)
    return State(platform, base, tuple(found[name] for name in project.bases), prefect)


def flow_in(
    project: Project, request: BuildRequest, emit: Emit, named: str | None = None
) -> FoundFlow:
    """The flow that is meant; it is told where runs may not find its module.

    Raises as `choose_flow` does.
    """
    here = request.typed_in(project.context.root)
    flow = choose_flow(project.context, request.entrypoint, here, named)
    is_installed = "./" in project.dependencies.sources
    if flow.dotted and PurePosixPath(flow.path).is_absolute():
        text = f"{flow.dotted} is of a package that is installed here, not in the project"
        emit(Warned(text, cause="that the image has it is not checked"))
    elif flow.dotted and flow.path.startswith(SOURCES) and not is_installed:
        text = f"{flow.dotted} lies in {SOURCES}, where runs look only once it is installed"
        hint = "write a line `.` into requirements.txt"
        emit(Warned(text, cause="that the image installs it is not checked", hint=hint))
    return flow


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
        prefect=state.prefect,
    )
    return dataclasses.replace(plan, stamp=labels)


def existing(plan: Plan, parts: Parts, *, push: bool, running: ImageName | None = None) -> Existing:
    """What the plan's names mean now; where the first of them is new, what `running` means too.

    A registry is only asked where something may be pushed that is there already.
    """
    local = {name: parts.builder.find(name) for name in plan.names}
    if running is not None and local[plan.name] is None:
        local[running] = parts.builder.find(running)
    first = local[plan.name]
    stands = first is not None and plan.outdated(first.labels) is None
    remote = {name: parts.registry.find(name) for name in plan.names} if push and stands else {}
    if first is not None and remote and remote[plan.name] != first.digest_in(plan.name):
        local[plan.name] = parts.builder.find(plan.name)  # what it remembers may be past
    return Existing(
        {name: config for name, config in local.items() if config is not None},
        {name: digest for name, digest in remote.items() if digest is not None},
    )


def running_image(recorded: Recorded, plan: Plan) -> ImageName | None:
    """The image that the deployment runs now, where it lies beside the one that is planned.

    It tells as much as one under the planned name would, which a tag for each commit never has.
    """
    deployment = recorded.deployment
    try:
        name = ImageName.parse(str(deployment and deployment.job_variables.get("image")))
    except BadImageName:
        return None
    return name if name.location == plan.name.location else None


def check_versions(project: Project, base: ImageConfig | None, emit: Emit) -> str | None:
    """Warn where the flow wants another Python or Prefect than the base has; the Prefect it gets.

    `base` is what it says of itself, None where only its name tells.
    """
    if project.base is None:
        return None
    requirements = "\n".join(project.lists.values())
    pyproject = project.text("pyproject.toml") or ""
    labels, env = (base.labels, base.env) if base else ({}, {})
    wishes = "prefect" in requirements.lower() or "requires-python" in pyproject
    own = env.get("PREFECT_VERSION") or labels.get(PREFECT_LABEL) or _named(project.base)
    if not wishes and _RELEASE.fullmatch(own):
        # There is nothing to compare, as most often, and to read versions takes a while to load.
        return own if own.count(".") == 2 else None
    from imagebuild.versions import mismatches, prefect_version

    name = str(project.base)
    for text in mismatches(requirements, pyproject, name, labels, env):
        emit(Warned(text))
    return prefect_version(requirements, name, labels, env)


def _named(base: ImageName) -> str:
    """The release of Prefect in the tag of an image of Prefect's own."""
    is_prefects = f"/{base.repository}".endswith("/prefecthq/prefect")
    return (base.tag or "").partition("-")[0] if is_prefects else ""


def warn_of_unread(request: BuildRequest, dockerfile: str, emit: Emit) -> None:
    """Say which secrets and ssh agents no step of the Dockerfile mounts."""
    given: dict[Kind, set[str]] = {
        "secret": {secret.id for secret in request.secrets},
        "ssh": set(request.ssh),
    }
    for kind, ids in given.items():
        for name in sorted(ids - mounted(dockerfile, kind) if ids else ids):
            hint = f"write RUN --mount=type={kind},id={name} in a Dockerfile or template"
            emit(Warned(f"no step mounts --{kind} {name}", hint=hint))
