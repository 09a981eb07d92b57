"""Chooses the work pool that a deployment runs in, and says why a pool cannot be it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagebuild.errors import UsageError
from imagebuild.record import Target
from imagebuild.recorders.json_schema import meant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imagebuild.state import Deployment, Pool

_CREATE = "create one: prefect work-pool create my-pool --type docker"


def choose(
    target: Target,
    deployment: Deployment | None,
    default: str | None,
    *,
    find: Callable[[str], Pool | None],
    every: Callable[[], Sequence[Pool]],
    image: bool = True,
) -> Pool:
    """The pool asked for, else the deployment's own, else `default`, else the only fit one.

    `find` gives a pool by its name; `every` all of them, and is called only where none is named.
    Raises `UsageError` for a pool that does not exist or, where there is an `image`, takes none,
    and where several fit.
    """
    name = target.pool or (deployment and deployment.pool) or default
    if not name:
        return _only(every(), image=image)
    pool = find(name)
    if pool is None:
        raise _unknown(name, target, every())
    if image and not pool.accepts_image:
        raise _takes_no_image(pool, every())
    return pool


def named(name: str | None, pools: Sequence[Pool], *, image: bool = True) -> Pool:
    """The pool of this name among all pools, else the only fit one. Raises as `choose` does."""
    found = {pool.name: pool for pool in pools}
    target = Target("", "", name)
    return choose(target, None, None, find=found.get, every=lambda: pools, image=image)


def _fit(pools: Sequence[Pool]) -> list[str]:
    return sorted(pool.name for pool in pools if pool.accepts_image)


def _only(pools: Sequence[Pool], *, image: bool) -> Pool:
    """The only one that takes images; where there need be none, the only one that there is."""
    fit = [pool for pool in pools if pool.accepts_image]
    if not image and not fit:
        fit = list(pools)
    if len(fit) == 1:
        return fit[0]
    if fit:
        what = "take an image" if fit[0].accepts_image else "are there"
        message = f"several work pools {what}: {', '.join(sorted(pool.name for pool in fit))}"
        raise UsageError(message, hint="choose one with --pool")
    message = "no work pool takes an image"
    listed = tuple(f"{pool.name} is of type {pool.type}" for pool in pools)
    raise UsageError(message, causes=listed, hint=_CREATE)


def _unknown(name: str, target: Target, pools: Sequence[Pool]) -> UsageError:
    origin = "" if target.pool else " (Prefect's default)"
    message = f"there is no work pool {name!r}{origin}"
    close = meant(name, (pool.name for pool in pools))
    return UsageError(message, hint=close or _alternatives(pools))


def _takes_no_image(pool: Pool, pools: Sequence[Pool]) -> UsageError:
    """Why it takes none. https://docs.prefect.io/v3/concepts/work-pools"""
    why = f"its template has no image variable, as is usual for type {pool.type}"
    if pool.type.endswith(":managed"):
        why = f"a pool of type {pool.type} runs an image of its own"
    message = f"the work pool {pool.name!r} takes no image"
    without = "imagebuild deploy --code pulled"
    if pool.type != "process":  # whose runs see no folder of this machine
        without = "imagebuild deploy --source URL --code pulled"
    hint = f"{_alternatives(pools)}; or let each run pull the code, without an image: {without}"
    return UsageError(message, causes=(why,), hint=hint)


def _alternatives(pools: Sequence[Pool]) -> str:
    names = _fit(pools)
    return f"pools that take an image: {', '.join(names)}" if names else _CREATE
