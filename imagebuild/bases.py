"""Settles once, before the plan, which image the base's name means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagebuild.errors import ImagebuildError, Unreachable
from imagebuild.events import Note, Warned
from imagebuild.plan import Base

if TYPE_CHECKING:
    from imagebuild.events import Emit
    from imagebuild.names import ImageName
    from imagebuild.protocols import Builder, Registry


def resolve_base(name: ImageName, builder: Builder, registry: Registry, emit: Emit) -> Base:
    """The base as the registry has it now, else as the builder has it.

    Raises `ImagebuildError` where neither has it, and what the registry raised where it did not
    answer and the builder has none to go on with.
    """
    if name.digest is not None:
        return Base(name, digest=name.digest)
    local = builder.find(name)
    try:
        digest = registry.find(name)
    except ImagebuildError as error:
        if local is None:
            raise _cannot_get(name, error) from error
        emit(
            Warned(
                f"{name.host} did not tell whether there is a newer {name}: the one in the engine"
                " is used",
                cause="; ".join(error.causes),
            )
        )
        known = local.digest_in(name)
        return Base(name, digest=known, image_id=local.id)
    if digest is not None:
        if local is not None and local.digest_in(name) != digest:
            emit(Note(f"{name.host} has another {name} than the engine: that is what is used"))
        return Base(name, digest=digest, image_id=local.id if local else None)
    if local is not None:
        return Base(name, image_id=local.id)
    message = f"there is no base image {name}"
    raise ImagebuildError(
        message,
        causes=(f"neither {name.host} nor the engine has it",),
        hint="check the name and the tag given with --base",
    )


def _cannot_get(name: ImageName, error: ImagebuildError) -> ImagebuildError:
    kind = type(error) if error.exit_code in {3, 4} else Unreachable
    return kind(
        f"cannot get the base image {name}", causes=(error.message, *error.causes), hint=error.hint
    )
