"""Looks at several deployments at once and at their images, each image once; does nothing yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagebuild.errors import ImagebuildError, UsageError
from imagebuild.events import once
from imagebuild.grouping import Group, Member, PartsOf, grouped
from imagebuild.parallel import both, each
from imagebuild.preparing import deployed_version, image_of
from imagebuild.records import has_values, read_for, record_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack

    from imagebuild.events import Emit
    from imagebuild.orders import Order
    from imagebuild.record import Record


def foresee_each(
    orders: Sequence[Order], parts_of: PartsOf, emit: Emit, stack: ExitStack
) -> list[Group]:
    """What would be done now, with every error that only concerns one image or deployment in it.

    The projects' files stay open as long as `stack`. Raises `UsageError` with all that the files
    are wrong in, before anybody else is asked.
    """
    groups = grouped(orders, parts_of, once(emit), stack)
    each(_ask, groups)
    _check_names(groups)
    for group in groups:
        for member in group.members:
            _record(member, group)
    members = [member for group in groups for member in group.members]
    # What is wrong with values, only Prefect's code can tell, which else runs beside the build.
    describe_all([one for one in members if has_values(one.wanted) or one.wanted.triggers])
    for member in members:
        _change(member)
    return groups


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
    run, ready = member.run, member.order.ready
    assert run.target is not None
    has_image = ready is None or ready.reference is not None
    try:
        run.recorded = read_for(member.wanted, run.target, run.parts, image=has_image)
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


def _record(member: Member, group: Group) -> None:
    """What a deployment is to hold, as far as it is known."""
    made, order, pulled = group.made(), member.order, group.request.pulled
    if group.error or member.error:
        return
    try:
        member.wanted = group.wanted(member, made)
        member.record = record_of(
            member.wanted,
            image=order.ready.reference if order.ready else str(made.name),
            pushed=order.ready.pushed if order.ready else group.request.push,
            flow=member.flow,
            directory=None if pulled else made.directory,
            version=_version(group),
            source=str(group.checkout.root),
            alike=group.image.alike(member.flow.entrypoint) if group.image and not pulled else (),
        )
    except ImagebuildError as error:
        member.error = error


def _version(group: Group) -> str | None:
    return deployed_version(group.request, group.project, group.image.plan) if group.image else None


def describe_all(members: Sequence[Member]) -> None:
    """Let the recorder read at once what it needs of their flows, then give each its own."""
    known = [(one, one.run.recorded, one.record) for one in members if one.error is None]
    todo = [(one, now, record) for one, now, record in known if now and record]
    if not todo:
        return
    recorder = todo[0][0].run.parts.recorder
    recorder.read_ahead([(now, record) for _, now, record in todo])
    for member, now, record in todo:
        _attempt(member, lambda: recorder.describe(now, record, member.run.emit))  # noqa: B023


def _attempt(member: Member, describe: Callable[[], Record]) -> None:
    try:
        member.record = describe()
    except ImagebuildError as error:
        member.error = error


def _change(member: Member) -> None:
    """What would be written for a deployment."""
    run = member.run
    if member.error or not member.record or run.recorded is None or run.target is None:
        return
    try:
        member.change = run.parts.recorder.change(run.target, run.recorded, member.record)
    except ImagebuildError as error:
        member.error = error
