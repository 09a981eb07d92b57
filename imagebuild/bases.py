"""Settles once, before the plan, which image the base's name means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagebuild.errors import ImagebuildError, Unreachable, UsageError
from imagebuild.events import Warned
from imagebuild.plan import Base

if TYPE_CHECKING:
    from imagebuild.events import Emit
    from imagebuild.names import ImageName
    from imagebuild.protocols import Builder, Registry
    from imagebuild.state import ImageConfig

_SCRATCH = "scratch"


def resolve_base(
    name: ImageName,
    builder: Builder,
    registry: Registry,
    emit: Emit,
    pull: bool | None = None,
) -> Base:
    """The base as it is now.

    `pull` says who tells: None for the registry and, where it does not answer, the builder; True
    for the registry alone; False for the builder, and the registry where it has none.

    Raises `ImagebuildError` where neither has it, and what the registry raised where it did not
    answer and the builder has none to go on with. Raises `UsageError` for `scratch`, and for a
    base that a registry should have and does not.
    """
    if str(name) == _SCRATCH:
        message = "cannot build on scratch: nothing in it could run a flow"
        raise UsageError(message, hint="give an image with Python and Prefect as --base")
    if name.digest is not None and not pull:
        return Base(name, digest=name.digest)
    if pull is False and (local := builder.base(name)):
        return _held(name, local)
    try:
        digest = registry.find(name)
    except UsageError:
        raise
    except ImagebuildError as error:
        local = None if pull else _local(name, builder)
        if local is None:
            raise _cannot_get(name, error) from error
        emit(_unanswered(name, error))
        return _held(name, local)
    return Base(name, digest=digest) if digest else _without_registry(name, builder, pull)


def _local(name: ImageName, builder: Builder) -> ImageConfig | None:
    """What the builder has; nothing where it does not answer either."""
    try:
        return builder.base(name)
    except ImagebuildError:
        return None


def _unanswered(name: ImageName, error: ImagebuildError) -> Warned:
    text = (
        f"{name.host} did not tell whether there is a newer {name}: the one in the engine is used"
    )
    return Warned(text, cause="; ".join(error.causes))


def _held(name: ImageName, local: ImageConfig) -> Base:
    """What the builder has, by the digest that it knows for it.

    The containerd image store calls every image by a digest, its ID, also one that no registry has.
    """
    digest = local.digest_in(name)
    return Base(name, digest=None if digest == local.id else digest, image_id=local.id)


def _without_registry(name: ImageName, builder: Builder, pull: bool | None) -> Base:
    """What the builder alone has; by its ID, as nobody could pull it."""
    local = builder.base(name)
    if local is not None and not pull:
        return Base(name, image_id=local.id)
    if local is not None:
        message = f"cannot pull the base image {name}"
        raise UsageError(
            message,
            causes=(f"{name.host} has none: it is in the engine alone",),
            hint="leave --pull out",
        )
    message = f"there is no base image {name}"
    raise ImagebuildError(
        message,
        causes=(f"neither {name.host} nor the engine has it",),
        hint=f"check the name and the {'digest' if name.digest else 'tag'} given with --base",
    )


def _cannot_get(name: ImageName, error: ImagebuildError) -> ImagebuildError:
    kind = type(error) if error.exit_code in {3, 4} else Unreachable
    return kind(
        f"cannot get the base image {name}", causes=(error.message, *error.causes), hint=error.hint
    )
