"""BuildKit's steps as events of ours, and its errors as errors of ours."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from imagebuild import buildkit
from imagebuild.builders.failures import (
    engine_gone,
    failure,
    one_line,
    refused_by_registry,
    unsendable,
)
from imagebuild.errors import BuildFailed
from imagebuild.events import StepEnded, StepLog, StepStarted, Transfer, Warned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imagebuild.builders.recipe import Dockerfile
    from imagebuild.events import Emit, Event


def steps(emit: Emit) -> Callable[[buildkit.StepEvent], None]:
    """Tell the Dockerfile's steps; BuildKit's internal ones are nobody's concern."""

    def on_event(event: buildkit.StepEvent) -> None:
        if told := _told(event):
            emit(told)

    return on_event


def _told(event: buildkit.StepEvent) -> Event | None:
    step, name = event.step, one_line(event.step.name)
    if step.internal and not isinstance(event, buildkit.StepTransfer):
        return None
    match event:
        case buildkit.StepStarted():
            return StepStarted(step.digest, name)
        case buildkit.StepCached():
            return StepEnded(step.digest, name, 0.0, cached=True)
        case buildkit.StepCompleted(seconds=seconds):
            return StepEnded(step.digest, name, seconds)
        case buildkit.StepFailed(message=message, seconds=seconds):
            return StepEnded(step.digest, name, seconds, error=message)
        case buildkit.StepLog(line=line):
            return StepLog(step.digest, line)
        case buildkit.StepTransfer(id=part, current=current, total=total):
            return Transfer("build", part, current, total)
        case buildkit.StepWarning(message=message, url=url):
            return Warned(message, hint=url or None)


@contextmanager
def translated(dockerfile: Dockerfile) -> Iterator[None]:
    """Turn BuildKit's errors into ours; `NoBuildkit` is the caller's concern."""
    try:
        yield
    except buildkit.NoBuildkit:
        raise
    except buildkit.ConnectionLost as error:
        raise engine_gone(str(error)) from error
    except buildkit.Unauthorized as error:
        raise refused_by_registry(error.message, error.step) from error
    except buildkit.BuildFailed as error:
        raise failure(
            error.message, dockerfile, step=error.step, log=error.log, refused=error.refused
        ) from error
    except buildkit.TreeError as error:
        raise unsendable(error.path, error.reason) from error
    except buildkit.BuildkitError as error:
        message = "the build failed"
        raise BuildFailed(message, causes=(str(error),)) from error
