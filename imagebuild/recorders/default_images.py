"""What it takes to make an image the one that a work pool runs where nothing else is said. Pure.

https://docs.prefect.io/v3/concepts/work-pools#base-job-template
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagebuild.errors import UsageError
from imagebuild.names import BadImageName, ImageName
from imagebuild.recorders.job_variables import LOCAL, POLICY
from imagebuild.recorders.json_schema import allows, wanted
from imagebuild.state import DefaultImage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagebuild.state import Pool

_IMAGE = "image"


def change(pool: Pool, image: ImageName | None, *, pushed: bool) -> DefaultImage:
    """The pool's defaults as they are to be, and as they were; None takes the image away.

    An image that is not `pushed` is only in an engine: where nobody has set a pull policy, it is
    to be used as it is there, as a Docker worker always pulls `latest`
    (https://github.com/PrefectHQ/prefect/issues/10862). With such an image its policy goes too.
    Raises `UsageError` for an image that the template does not allow.
    """
    schema = pool.variables[_IMAGE]
    if image is not None and not allows(schema, str(image)):
        message = f"the work pool {pool.name!r} cannot run {image}"
        raise UsageError(message, causes=(f"its template wants {wanted(schema)}",))
    before, policy = _default(pool, _IMAGE), _default(pool, POLICY)
    return DefaultImage(
        pool.name,
        None if image is None else str(image),
        before,
        _policy(pool, before, policy, local=image is not None and not pushed),
        policy,
        warnings=_warnings(pool, image, pushed=pushed),
    )


def applied(
    variables: Mapping[str, Mapping[str, Any]], to: DefaultImage
) -> dict[str, dict[str, Any]]:
    """The template's variables with these defaults; nothing else of them is touched."""
    made = {name: dict(schema) for name, schema in variables.items()}
    for name, value in ((_IMAGE, to.image), (POLICY, to.policy)):
        schema = made.get(name, {})
        if value is not None:
            schema["default"] = value
        elif schema.get("default") is not None:
            del schema["default"]
            if schema.get("anyOf") and allows(schema, None):
                schema["default"] = None  # as pydantic writes it, by which Prefect's are made
    return made


def _default(pool: Pool, name: str) -> str | None:
    value = pool.variables.get(name, {}).get("default")
    return None if value is None else str(value)


def _policy(pool: Pool, before: str | None, now: str | None, *, local: bool) -> str | None:
    schema = pool.variables.get(POLICY)
    if local:
        fits = schema is not None and now is None and allows(schema, LOCAL)
        return LOCAL if fits else now
    came_with_it = now == LOCAL and pool.runs_here and before is not None and _is_bare(before)
    return None if came_with_it else now


def _is_bare(text: str) -> bool:
    try:
        return ImageName.parse(text).is_bare
    except BadImageName:
        return False


def _warnings(pool: Pool, image: ImageName | None, *, pushed: bool) -> tuple[str, ...]:
    if image is None or pushed or pool.runs_here:
        return ()
    place = f"the work pool {pool.name!r} ({pool.type}) runs elsewhere"
    return (f"{image} is only on this machine, and {place}; push it, or its runs will fail",)
