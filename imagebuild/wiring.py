"""Names to objects: the one place that picks who does the work."""

from __future__ import annotations

import difflib
import importlib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagebuild.builders import BUILDERS
from imagebuild.errors import UsageError
from imagebuild.protocols import Parts
from imagebuild.recorders import RECORDERS
from imagebuild.registries import REGISTRIES
from imagebuild.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from imagebuild.protocols import Recorder, Source
    from imagebuild.request import BuildRequest


@contextmanager
def wired(
    request: BuildRequest,
    env: Mapping[str, str],
    builder: str = "docker",
    logins: Mapping[str, Mapping[str, str]] | None = None,
) -> Iterator[Parts]:
    """The parts for a request; what they started is ended with the block.

    `logins` are credentials (`username`, `password`) by their registry's host, that come before
    those that docker has. Raises `UsageError` for a builder that there is not.
    """
    with workshop(env, request.here) as shop:
        yield shop.parts_of(request, builder, logins)


@contextmanager
def workshop(env: Mapping[str, str], here: Path) -> Iterator[Workshop]:
    """Give what makes the parts for several requests; what they started is ended with the block.

    `here` is the folder that the user stands in.
    """
    with ExitStack() as stack:
        recorder = _load(RECORDERS["prefect"])(env, here)
        stack.callback(recorder.close)
        yield Workshop(env, recorder, stack)


@dataclass(frozen=True)
class Workshop:
    """Makes the parts for requests that are worked on side by side, by connections of their own."""

    env: Mapping[str, str]
    recorder: Recorder
    stack: ExitStack

    def parts_of(
        self,
        request: BuildRequest,
        builder: str = "docker",
        logins: Mapping[str, Mapping[str, str]] | None = None,
    ) -> Parts:
        """The parts for a request, as `wired` has them."""
        from imagebuild.engine import Engine

        made = _load(_named(builder, BUILDERS, "builder"))
        engine = Engine(self.env, logins)
        self.stack.callback(engine.close)
        return Parts(
            source=source_of(request, self.env),
            builder=made(engine, request),
            registry=_load(REGISTRIES["engine"])(engine),
            recorder=self.recorder,
        )


def source_of(request: BuildRequest, env: Mapping[str, str]) -> Source:
    """Where the request's code is."""
    source: Source = _load(SOURCES["local"])(request.root, env)
    return source


def _named(name: str, table: Mapping[str, str], what: str) -> str:
    if name in table:
        return table[name]
    message = f"there is no {what} {name!r}"
    close = difflib.get_close_matches(name, table, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"choose one of: {', '.join(table)}"
    raise UsageError(message, hint=hint)


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
