"""Tells by a key whether Prefect would still read the same parameters and description of a flow.

They are what importing the flow's module makes of its signature, so the key covers all that runs
on the way: the module and those of the project that it imports, without the bodies of functions
that only a run calls. It is made by reading, never by importing; wherever reading cannot be sure,
there is no key, and Prefect has to be asked. Nothing else than files goes into it: whoever uses it
adds the environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagebuild.flow_keys.doubts import Doubt
from imagebuild.flow_keys.keys import Keys
from imagebuild.flow_keys.modules import Modules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagebuild.context import ProjectContext
    from imagebuild.flows import FoundFlow

__all__ = ["Doubt", "Keys", "Modules", "keys_of"]


def keys_of(context: ProjectContext, flows: Iterable[FoundFlow]) -> dict[str, str]:
    """The keys of flows by their entrypoints, without those that are in doubt."""

    def read(path: str) -> bytes:
        with context.open(path) as file:
            return file.read()

    keys = Keys(Modules(context.nodes), read)
    found = {}
    for flow in flows:
        try:
            found[flow.entrypoint] = keys.key(flow.path, flow.function)
        except (Doubt, OSError):  # noqa: PERF203 - a doubt about one says nothing of the others
            continue
    return found
