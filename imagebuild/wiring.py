"""Names to objects: the one place that picks who does the work."""

from __future__ import annotations

import importlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from imagebuild.builders import BUILDERS
from imagebuild.pipeline import Parts
from imagebuild.recorders import RECORDERS
from imagebuild.registries import REGISTRIES
from imagebuild.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagebuild.protocols import Source
    from imagebuild.request import BuildRequest


@contextmanager
def wired(request: BuildRequest, env: Mapping[str, str]) -> Iterator[Parts]:
    """The parts for a deploy; what they started is ended with the block."""
    from imagebuild.engine import Engine

    engine = Engine(env)
    recorder = _load(RECORDERS["prefect"])(env, request.here)
    try:
        yield Parts(
            source=source_of(request),
            builder=_load(BUILDERS["docker"])(engine, request.root),
            registry=_load(REGISTRIES["engine"])(engine),
            recorder=recorder,
        )
    finally:
        recorder.close()
        engine.close()


def source_of(request: BuildRequest) -> Source:
    """Where the request's code is."""
    source: Source = _load(SOURCES["local"])(request.root)
    return source


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
