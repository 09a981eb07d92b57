"""Groups several deployments by their images, and finds the flow of each in its project."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from imagebuild.errors import ImagebuildError, UsageError
from imagebuild.events import ignore, labelled
from imagebuild.looking import flow_in
from imagebuild.orders import Made
from imagebuild.pairing import with_libraries
from imagebuild.planning import inside_image
from imagebuild.protocols import Parts
from imagebuild.pulling import pulled_in, with_steps
from imagebuild.records import target_of
from imagebuild.stages import Run
from imagebuild.survey import survey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagebuild.events import Emit
    from imagebuild.flows import FoundFlow
    from imagebuild.orders import Order
    from imagebuild.preparing import Image
    from imagebuild.protocols import Checkout
    from imagebuild.record import Change, Record
    from imagebuild.request import BuildRequest, DeploymentRequest
    from imagebuild.survey import Project

PartsOf: TypeAlias = Callable[["Order"], Parts]


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

    def wanted(self, member: Member, made: Made) -> DeploymentRequest:
        """One of its deployments, for the image as it is known by now.

        Where runs pull the code and the file does not say how, they do it as the source says.
        Raises `UsageError` where they cannot.
        """
        wanted, recorded = member.order.wanted(made), member.run.recorded
        if not self.request.pulled or recorded is None or "pull_steps" in wanted.stated:
            return wanted
        return with_steps(wanted, pulled_in(self.parts.source, wanted, recorded))

    def made(self) -> Made:
        """Its image as far as it is known before anything is done."""
        if self.image is None:
            ready, directory = self.orders[0][1].ready, self.request.directory
            name = ready.name if ready else None
            tags: tuple[str, ...] = (name.tag,) if name and name.tag else ()
            digest = name.digest if name else None
            return Made(name, tags, inside_image(directory) if directory else None, digest=digest)
        plan = self.image.plan
        tags = tuple(name.tag or "latest" for name in plan.names)
        return Made(plan.name, tags, plan.code.directory)


def grouped(
    orders: Sequence[Order], parts_of: PartsOf, emit: Emit, stack: ExitStack
) -> list[Group]:
    """The groups with their projects and flows; the files stay open as long as `stack`.

    Raises `UsageError` with all that is wrong with them; nobody else is asked.
    """
    groups: list[Group] = []
    wrong = list[tuple[str, UsageError]]()
    alike = _alike(orders)
    for same in alike:
        order = same[0][1]
        request = dataclasses.replace(order.request, entrypoint=None)
        parts = parts_of(order)
        told = labelled(emit, str(request.image or order.label)) if len(alike) > 1 else emit
        try:
            request = with_libraries(request, parts.source)
            checkout = stack.enter_context(parts.source.checkout())
            project = survey(request, checkout, emit)
        except UsageError as error:
            wrong.append((order.label, error))
            continue
        group = Group(request, parts, told, checkout, project, same)
        groups.append(group)
        wrong += _add_members(group, emit)
    members = [member for group in groups for member in group.members]
    _refuse([*wrong, *_twice(members)])
    return groups


def check_each(orders: Sequence[Order], parts_of: PartsOf) -> None:
    """Raise `UsageError` with all that is wrong with them as far as it is known; ask nobody."""
    with ExitStack() as stack:
        grouped(orders, parts_of, ignore, stack)


def _alike(orders: Sequence[Order]) -> list[list[tuple[int, Order]]]:
    """The orders by their images, each with its place among all."""
    found: list[tuple[object, list[tuple[int, Order]]]] = []
    for number, order in enumerate(orders):
        image = dataclasses.replace(order.request, entrypoint=None)
        key = (image, order.ready, order.builder, order.logins)
        same = next((same for other, same in found if other == key), None)
        if same is None:
            found.append((key, [(number, order)]))
        else:
            same.append((number, order))
    return [same for _, same in found]


def _add_members(group: Group, emit: Emit) -> list[tuple[str, UsageError]]:
    """Choose the flow of each; what is wrong with those that have none."""
    wrong = []
    for number, order in group.orders:
        try:
            group.members.append(_member(number, order, group, emit))
        except UsageError as error:  # noqa: PERF203 - all that is wrong is told at once
            wrong.append((order.label, error))
    return wrong


def _member(number: int, order: Order, group: Group, emit: Emit) -> Member:
    flow = flow_in(group.project, order.request, emit)
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


def _refuse(wrong: Sequence[tuple[str, UsageError]]) -> None:
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
