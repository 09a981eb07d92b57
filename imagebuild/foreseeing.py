"""Looks at several deployments at once and at their images, each image once; does nothing yet."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from imagebuild.choosing import choose_flow
from imagebuild.errors import ImagebuildError, UsageError
from imagebuild.events import labelled, once
from imagebuild.orders import Made
from imagebuild.parallel import both, each
from imagebuild.planning import directory_of, inside_image
from imagebuild.preparing import image_of, read_for, record_of, target_of
from imagebuild.protocols import Parts
from imagebuild.request import BuildRequest
from imagebuild.stages import Run
from imagebuild.survey import survey

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack

    from imagebuild.events import Emit
    from imagebuild.flows import FoundFlow
    from imagebuild.orders import Order
    from imagebuild.preparing import Image
    from imagebuild.protocols import Checkout
    from imagebuild.record import Change, Record
    from imagebuild.request import DeploymentRequest
    from imagebuild.survey import Project

PartsOf: TypeAlias = Callable[[BuildRequest, Mapping[str, str] | None], Parts]


@dataclass
class Member:
    """One deployment, and how far it came: `number` is its place among all."""

    number: int
    order: Order
    wanted: DeploymentRequest
    flow: FoundFlow
    run: Run
    record: Record | None = None
    change: Change | None = None
    deployment_id: str | None = None
    error: ImagebuildError | None = None

    @property
    def label(self) -> str:
        """Its full name."""
        return str(self.run.target)


@dataclass
class Group:
    """Deployments with the same environment and code: one image.

    `image` is None for one that is there already. `error` is what became of the image, if that
    failed: then none of its deployments is recorded.
    """

    request: BuildRequest
    parts: Parts
    emit: Emit
    checkout: Checkout
    project: Project
    orders: list[tuple[int, Order]]
    members: list[Member] = field(default_factory=list)
    image: Image | None = None
    error: ImagebuildError | None = None

    @property
    def ready(self) -> bool:
        """Whether there is nothing to build for it."""
        return self.orders[0][1].ready is not None

    def made(self) -> Made:
        """Its image as far as it is known before anything is done."""
        if self.image is None:
            directory = self.request.directory
            return Made(directory=inside_image(directory) if directory else None)
        plan = self.image.plan
        tags = tuple(name.tag or "latest" for name in plan.names)
        return Made(plan.name, tags, plan.code.directory)


def foresee_each(
    orders: Sequence[Order], parts_of: PartsOf, emit: Emit, stack: ExitStack
) -> list[Group]:
    """What would be done now, with every error that only concerns one image or deployment in it.

    The projects' files stay open as long as `stack`. Raises `UsageError` with all that the files
    are wrong in, before anybody else is asked.
    """
    groups = _look(orders, parts_of, once(emit), stack)
    each(_ask, groups)
    _check_names(groups)
    for group in groups:
        for member in group.members:
            _foresee(member, group)
    return groups


def _look(
    orders: Sequence[Order], parts_of: PartsOf, emit: Emit, stack: ExitStack
) -> list[Group]:
    """The groups with their projects and flows."""
    groups: list[Group] = []
    wrong = list[tuple[str, UsageError]]()
    alike = _alike(orders)
    for same in alike:
        order = same[0][1]
        request = dataclasses.replace(order.request, entrypoint=None)
        parts = parts_of(request, order.login)
        told = labelled(emit, str(request.image or order.label)) if len(alike) > 1 else emit
        try:
            checkout = stack.enter_context(parts.source.checkout())
            project = survey(request, checkout, emit)
        except UsageError as error:
            wrong.append((order.label, error))
            continue
        group = Group(request, parts, told, checkout, project, same)
        groups.append(group)
        for number, each_order in same:
            try:
                group.members.append(_member(number, each_order, group, emit))
            except UsageError as error:
                wrong.append((each_order.label, error))
    members = [member for group in groups for member in group.members]
    refuse_all([*wrong, *_twice(members)])
    return groups


def _alike(orders: Sequence[Order]) -> list[list[tuple[int, Order]]]:
    """The orders by their images, each with its place among all."""
    found: list[tuple[object, list[tuple[int, Order]]]] = []
    for number, order in enumerate(orders):
        image = dataclasses.replace(order.request, entrypoint=None)
        key = (image, order.ready, order.login)
        same = next((same for other, same in found if other == key), None)
        if same is None:
            found.append((key, [(number, order)]))
        else:
            same.append((number, order))
    return [same for _, same in found]


def _member(number: int, order: Order, group: Group, emit: Emit) -> Member:
    flow = choose_flow(group.project.context, order.request.entrypoint, order.request.here)
    wanted = order.wanted(Made(order.request.image))
    target = target_of(flow, wanted)
    run = Run(group.parts, labelled(emit, str(target)), target=target)
    return Member(number, order, wanted, flow, run)


def _twice(members: Sequence[Member]) -> list[tuple[str, UsageError]]:
    """Two of one flow's name and their own would be one in Prefect, the last."""
    count = Counter(member.label for member in members)
    message = "it has the name of another one, of a flow of the same name"
    return [
        (member.label, UsageError(message, hint="give one of them another name"))
        for member in members
        if count[member.label] > 1
    ]


def refuse_all(wrong: Sequence[tuple[str, UsageError]]) -> None:
    """Raise what is wrong with the deployments, each by its label, if anything is."""
    if not wrong:
        return
    if len(wrong) == 1:
        [(label, error)] = wrong
        error.causes = (*error.causes, f"this is of the deployment {label!r}")
        raise error
    lines = []
    for label, error in wrong:
        lines.append(f"{label}: {': '.join((error.message, *error.causes))}")
        lines += [f"  hint: {error.hint}"] if error.hint else []
    message = f"{len(wrong)} deployments cannot be meant so"
    raise UsageError(message, body=tuple(lines), unchanged="nothing was changed")


def _ask(group: Group) -> None:
    """Ask the engine and the registry for the image, and Prefect for the deployments."""
    both(lambda: _ask_engine(group), lambda: each(_ask_prefect, group.members))


def _ask_engine(group: Group) -> None:
    if group.ready:
        return
    try:
        group.image = image_of(group.request, group.project, group.parts, group.emit)
    except ImagebuildError as error:
        group.error = error


def _ask_prefect(member: Member) -> None:
    run = member.run
    assert run.target is not None
    try:
        run.recorded = read_for(member.wanted, run.target, run.parts)
    except ImagebuildError as error:
        member.error = error


def _check_names(groups: Sequence[Group]) -> None:
    """Two images of one name would be one in the engine, the last that was built."""
    keys: dict[str, tuple[str, str, Group]] = {}
    for group in groups:
        if group.image is None:
            continue
        plan = group.image.plan
        for name in plan.names:
            key = (plan.environment.key, plan.code.key)
            *other, first = keys.setdefault(str(name), (*key, group))
            if tuple(other) != key:
                labels = " and ".join(one.orders[0][1].label for one in (first, group))
                message = f"two different images would be called {name}: those of {labels}"
                raise UsageError(message, hint="give each its own name or tag")


def _foresee(member: Member, group: Group) -> None:
    """What would be written for a deployment."""
    made, run, order = group.made(), member.run, member.order
    if group.error or member.error or run.recorded is None or run.target is None:
        return
    recorder = group.parts.recorder
    try:
        wanted = member.wanted = order.wanted(made)
        record = record_of(
            wanted,
            image=order.ready.reference if order.ready else str(made.name),
            pushed=order.ready.pushed if order.ready else group.request.push,
            entrypoint=member.flow.entrypoint,
            directory=made.directory,
            version=group.image.plan.version if group.image else None,
            source=str(group.checkout.root),
        )
        member.record = record
        member.change = recorder.change(run.target, run.recorded, record)
    except ImagebuildError as error:
        member.error = error


def directory_in(request: BuildRequest, project: Project) -> str | None:
    """Where the code of a project lies in an image that was built of it earlier."""
    return directory_of(request, project)
