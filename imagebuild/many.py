"""The way through for several deployments: what is the same for them is done once.

All are looked at before anything is done. Then their images are built side by side and pushed, and
each deployment is recorded; one that fails does not stop the others.
"""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from imagebuild.errors import ImagebuildError, Interrupted
from imagebuild.events import Note
from imagebuild.foreseeing import describe_all, foresee_each
from imagebuild.orders import Made
from imagebuild.parallel import both, each
from imagebuild.results import result_of
from imagebuild.stages import Run, code_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from imagebuild.events import Emit
    from imagebuild.grouping import Group, Member, PartsOf
    from imagebuild.names import ImageName
    from imagebuild.orders import Order
    from imagebuild.protocols import Image
    from imagebuild.record import Change, Record
    from imagebuild.results import Result
    from imagebuild.stages import Finish

    Confirm: TypeAlias = Callable[[Sequence[Change]], None]


@dataclass
class _Work:
    """A group at work: its image once it is built, and the names that it gets last."""

    group: Group
    run: Run
    image: Image | None = None
    made: Made = field(default_factory=Made)
    late: Sequence[ImageName] = ()


def deploy_each(
    orders: Sequence[Order],
    parts_of: PartsOf,
    emit: Emit,
    *,
    confirm: Confirm,
    finish: Finish,
) -> list[Result]:
    """Look at all, then build, push and record; a result for each, in their order.

    `parts_of` gives the parts for an image; `confirm` is asked once for all, and `finish` for each,
    as in `pipeline.deploy`. Raises `UsageError` with all that is wrong in the files: nothing was
    done then. What fails for one deployment, or for all of one image, is its result.
    """
    run = Run(parts_of(orders[0]), emit)
    with ExitStack() as stack:
        with run.told(), run.stage("preflight") as told:
            groups = foresee_each(orders, parts_of, emit, stack)
            confirm([one.change for group in groups for one in group.members if one.change])
            told.append(_counted(groups))
        works = [_Work(group, Run(group.parts, group.emit), made=group.made()) for group in groups]
        stack.enter_context(_told(works, emit))
        wanted = [one for work in works for one in _wanted(work.group)]
        # Beside the images, what the flows' code tells is read, where it has to be.
        both(lambda: _build_and_push(works, run), lambda: describe_all(wanted))
        _record_all(works, run, finish)
        return _results(works, run)


def preview_each(
    orders: Sequence[Order], parts_of: PartsOf, emit: Emit, stack: ExitStack
) -> list[Group]:
    """What `deploy_each` would do now; everybody is asked, nothing is done."""
    run = Run(parts_of(orders[0]), emit)
    with run.told():
        return foresee_each(orders, parts_of, emit, stack)


@contextmanager
def _told(works: Sequence[_Work], emit: Emit) -> Iterator[None]:
    """Let an interruption say of each deployment what became of it."""
    try:
        yield
    except (KeyboardInterrupt, Interrupted):
        for work in works:
            for one in work.group.members:
                done = f"the deployment {one.label} is recorded"
                emit(Note(done if one.deployment_id else one.run.unchanged))
        raise


def _build_and_push(works: Sequence[_Work], run: Run) -> None:
    """Build the images side by side, then push them."""
    if needed := [work for work in works if work.group.image and _wanted(work.group)]:
        with run.stage("build") as told:
            each(lambda work: _attempt(work, _build, told), needed)
    _push_all(works, run)


def _build(work: _Work, told: list[str]) -> None:
    group = work.group
    assert group.image is not None
    plan, steps, held = group.image.plan, group.image.steps, group.image.existing.local
    image = work.image = work.run.make(plan, steps, group.project.context, told)
    directory = code_directory(plan, image)
    work.made = dataclasses.replace(group.made(), image_id=image.config.id, directory=directory)
    work.late = work.run.name(image, steps, held)
    if any(member.order.has_hooks for member in group.members):
        _name_the_rest(work)  # what is done with the image may call it by its name
    for member in group.members:
        member.order.built(work.made, group.emit)


def _push_all(works: Sequence[_Work], run: Run) -> None:
    well = [work for work in works if not work.group.error]
    built = [work for work in well if work.image]
    if any(work.group.image and work.group.image.steps.pushes for work in built):
        with run.stage("push") as told:
            each(lambda work: _attempt(work, _push, told), built)
    for work in well:
        if not work.group.error:
            _attempt(work, _after, [])


def _push(work: _Work, told: list[str]) -> None:
    image = work.group.image
    assert image is not None
    assert work.image is not None
    if image.steps.pushes:
        digest = work.run.send(image.steps.pushes, work.image, told)
        work.made = dataclasses.replace(work.made, digest=digest)


def _after(work: _Work, told: list[str]) -> None:  # noqa: ARG001 -- as `_attempt` has it
    for member in work.group.members:
        member.order.pushed(work.made, work.group.emit)


def _attempt(work: _Work, do: Callable[[_Work, list[str]], None], told: list[str]) -> None:
    """Do something for a group; what fails is the group's own error."""
    try:
        do(work, told)
    except ImagebuildError as error:
        stands = "; ".join(member.run.unchanged for member in work.group.members)
        error.unchanged = error.unchanged or stands
        work.group.error = error


def _wanted(group: Group) -> list[Member]:
    """The deployments that nothing has failed for yet."""
    return [] if group.error else [one for one in group.members if one.error is None]


def _record_all(works: Sequence[_Work], run: Run, finish: Finish) -> None:
    """Record what is built; what fails is the deployment's own error."""
    todo = [(work, member) for work in works for member in _wanted(work.group)]
    if not todo:
        return
    with run.stage("record") as told:
        each(lambda pair: _record(*pair, finish), todo)
        done = [member.label for _, member in todo if member.error is None]
        told.append(f"{len(done)} of {len(todo)}")
    for work in works:
        if any(one.deployment_id for one in work.group.members):
            _name_the_rest(work)


def _name_the_rest(work: _Work) -> None:
    assert not work.late or work.image is not None
    for name in work.late:
        work.image.tag(name)  # type: ignore[union-attr]
    work.late = ()


def _record(work: _Work, member: Member, finish: Finish) -> None:
    run, recorder = member.run, work.group.parts.recorder
    assert run.target is not None
    assert run.recorded is not None
    try:
        with run.told():
            member.record = _final(work, member)
            member.change = recorder.change(run.target, run.recorded, member.record)
            member.deployment_id = run.write(member.change, finish, [])
    except ImagebuildError as error:
        member.error = error


def _final(work: _Work, member: Member) -> Record:
    """The record with what became known since it was foreseen: the image, and what steps gave."""
    assert member.record is not None
    made = dataclasses.replace(work.made, final=True)
    wanted = work.group.wanted(member, made)
    record = dataclasses.replace(
        member.record,
        job_variables=wanted.job_variables,
        stated=wanted.stated,
        triggers=wanted.triggers,
        version=wanted.version or wanted.stated.get("version") or member.record.version,
    )
    if work.image is None or made.name is None:
        return record
    digest = made.digest if work.group.request.pin else None
    image = str(made.name.pinned(digest) if digest else made.name)
    directory = None if work.group.request.pulled else made.directory
    return dataclasses.replace(record, image=image, directory=directory)


def _results(works: Sequence[_Work], run: Run) -> list[Result]:
    found = [
        (one.number, result_of(one, work.group, work.made, run.seconds))
        for work in works
        for one in work.group.members
    ]
    return [result for _, result in sorted(found, key=lambda pair: pair[0])]


def _counted(groups: Sequence[Group]) -> str:
    deployments = sum(len(group.members) for group in groups)
    images = sum(group.image is not None for group in groups)
    return ", ".join(
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((deployments, "deployment"), (images, "image"))
    )
