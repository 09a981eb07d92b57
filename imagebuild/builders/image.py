"""An image in an engine's store: how it is named, and how it gets into a registry."""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imagebuild.builders.docker_push import pushed_digest
from imagebuild.errors import ImagebuildError, PushFailed
from imagebuild.events import Warned
from imagebuild.registry_errors import RegistryBusy

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagebuild.engine import Engine
    from imagebuild.events import Emit
    from imagebuild.names import ImageName
    from imagebuild.state import ImageConfig

_TRIES = 5
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 60.0  # seconds
_TIME = r"(\d+(?:\.\d+)?)(h|ms|m|ns|[uµμ]s|s)?"
_RETRY_AFTER = re.compile(rf"retry[- ]after\W{{0,3}}((?:{_TIME})+)", re.IGNORECASE)
_SECONDS = {"h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}


def found_image(engine: Engine, image_id: str) -> EngineImage:
    """An image that the engine has; raises `ImagebuildError` where it is gone."""
    config = engine.image(image_id)
    if config is None:
        message = f"the image {image_id} is gone from the engine"
        raise ImagebuildError(message, hint="somebody removed it just now: run this again")
    return EngineImage(engine, config)


@dataclass(frozen=True)
class EngineImage:
    """An image in the engine's store; `sleep` waits for a number of seconds."""

    engine: Engine
    config: ImageConfig
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False, compare=False)

    def tag(self, name: ImageName) -> None:
        """Name it in the engine."""
        self.engine.tag(self.config.id, name)

    def push(self, name: ImageName, emit: Emit) -> str:
        """Push what the engine holds under `name`; the digest that the registry knows it by.

        Where the registry is busy or the connection breaks it is tried again, five times in all:
        what has arrived stays there. The engine itself tries each layer five times.
        """
        return self._try(name, emit, 1)

    def _try(self, name: ImageName, emit: Emit, attempt: int) -> str:
        try:
            return self._push(name, emit)
        except RegistryBusy as error:
            if attempt == _TRIES:
                raise
            seconds = _wait(attempt, " ".join(error.causes))
            text = f"the push of {name} is tried again in {seconds:.1f} s"
            emit(Warned(text, cause="; ".join(error.causes)))
        self.sleep(seconds)
        return self._try(name, emit, attempt + 1)

    def _push(self, name: ImageName, emit: Emit) -> str:
        digest = pushed_digest(name, self.engine.push(name), emit)
        found = self.engine.remote_digest(name.pinned(digest))
        if found != digest:
            message = f"{name} was pushed, and the registry does not have it"
            raise PushFailed(
                message, causes=(f"{name.host} does not know {digest}",), hint="push again"
            )
        return digest


def _wait(attempt: int, cause: str) -> float:
    """Seconds before the next try: twice as many each time, or more where the registry asks for it.

    Up to a half is added, so that those who failed together do not come back together. What it asks
    for is known only where its message says so, as GitHub's does (`retry-after: 10.3ms, allowed:
    2000/minute`, https://github.com/chainguard-images/images/issues/173): the engine hands on the
    text of a refusal, and drops the header Retry-After.
    """
    seconds = _FIRST_WAIT * 2.0 ** (attempt - 1) * random.uniform(1.0, 1.5)
    if asked := _RETRY_AFTER.search(cause):
        times = re.findall(_TIME, asked[1].lower())
        seconds = max(seconds, sum(float(number) * _SECONDS[unit or "s"] for number, unit in times))
    return min(seconds, _LONGEST_WAIT)
