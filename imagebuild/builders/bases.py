"""What a plan builds on, before the build and after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagebuild.errors import BuildFailed, UsageError
from imagebuild.plan import OwnDockerfile

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagebuild.names import ImageName
    from imagebuild.plan import Base, Plan
    from imagebuild.state import ImageConfig


def bases_of(plan: Plan) -> tuple[Base, ...]:
    """All images that the plan's Dockerfile names."""
    recipe = plan.environment.recipe
    return recipe.bases if isinstance(recipe, OwnDockerfile) else (plan.environment.base,)


def if_meant(base: Base, found: ImageConfig | None) -> ImageConfig | None:
    """What was found under the base's name, where it is the image that is meant."""
    if found is None or (base.digest and found.digest_in(base.name) != base.digest):
        return None
    return found


def is_newer_wanted(
    plan: Plan, pull: bool | None, find: Callable[[ImageName], ImageConfig | None]
) -> bool:
    """Whether the engine has to ask the registries, so that the bases are those of the plan.

    A template names its base by digest. A Dockerfile of the user's own names tags, which the
    engine takes for what it has. Raises `UsageError` where it has to ask for one that is nowhere
    but in the engine.
    """
    recipe = plan.environment.recipe
    if pull is False or not isinstance(recipe, OwnDockerfile):
        return False
    outdated = [base for base in recipe.bases if _is_outdated(base, find(base.name))]
    if not pull and not outdated:
        return False
    if local := next((base for base in recipe.bases if base.digest is None), None):
        message = f"cannot build on newer bases: {local.name} is in the engine alone"
        raise UsageError(
            message,
            causes=tuple(f"the registry has a newer {base.name}" for base in outdated),
            hint=f"docker pull {outdated[0].name}" if outdated else "leave --pull out",
        )
    return True


def _is_outdated(base: Base, local: ImageConfig | None) -> bool:
    """Whether the engine has another image under the base's name than the plan means."""
    if base.digest is None or base.name.digest is not None or local is None:
        return False
    return local.digest_in(base.name) != base.digest


def check_base(plan: Plan, image: ImageConfig, base: ImageConfig) -> None:
    """Raise `BuildFailed` where the image does not begin with the base's layers."""
    if image.diff_ids[: len(base.diff_ids)] != base.diff_ids:
        message = f"{plan.name} was not built on {plan.environment.base.name}"
        raise BuildFailed(message, causes=("the base changed in the meantime",), hint="run again")
