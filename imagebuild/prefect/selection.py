"""Picks deployments of a file by their names, as `prefect deploy -n` does. Pure."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from imagebuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagebuild.prefect.file import FileDeployment

_SHOWN = 20


def select(
    deployments: Sequence[FileDeployment], names: Sequence[str], file: str
) -> list[FileDeployment]:
    """The deployments that the names mean, each once, in the file's order.

    A name is a deployment's own, or `flow/name`, where the flow is the entrypoint's function; `*`
    stands for any text. Raises `UsageError` for a name that means none.
    """
    found = {name: [one for one in deployments if _means(name, one)] for name in names}
    lost = [name for name, meant in found.items() if not meant]
    if lost:
        raise _unknown(lost, deployments, file)
    chosen = [one for meant in found.values() for one in meant]
    return [one for one in deployments if any(one is other for other in chosen)]


def _means(pattern: str, deployment: FileDeployment) -> bool:
    flow, slash, name = pattern.rpartition("/")
    if slash and not _matches(flow.replace("_", "-"), deployment.function.replace("_", "-")):
        return False
    return deployment.name is not None and _matches(name, deployment.name)


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), text) is not None


def _unknown(lost: Sequence[str], deployments: Sequence[FileDeployment], file: str) -> UsageError:
    names = list(dict.fromkeys(one.name for one in deployments if one.name is not None))
    message = f"{file} has no deployment {' and none '.join(repr(name) for name in lost)}"
    close = difflib.get_close_matches(lost[0].rpartition("/")[2], names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else None
    make = "to make a deployment that is not in the file, give its ENTRYPOINT"
    return UsageError(message, body=listing(deployments), hint=hint or make)


def listing(deployments: Sequence[FileDeployment]) -> tuple[str, ...]:
    """The deployments as lines, each with its entrypoint."""
    width = max((len(one.label) for one in deployments), default=0)
    lines = [f"{one.label:<{width}}  {one.entrypoint or ''}".rstrip() for one in deployments]
    more = len(lines) - _SHOWN
    return (*lines[:_SHOWN], *([f"and {more} more"] if more > 0 else []))
