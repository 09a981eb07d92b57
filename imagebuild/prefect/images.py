"""Builds and pushes for Prefect's doors: the ways through, with plain output to a stream."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from imagebuild.names import ImageName

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imagebuild.events import Emit
    from imagebuild.protocols import Parts
    from imagebuild.request import BuildRequest
    from imagebuild.sources.references import Blocks

    Logins = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Built:
    """An image that the engine has: `directory` is where it starts, the code's place.

    `runnable` is what a deployment may name that cannot say when to pull: the name, or, as workers
    always pull `latest`, a second local tag. `digest` is the registry's where it was pushed too.
    """

    name: ImageName
    runnable: ImageName
    image_id: str
    directory: str
    digest: str | None


def default_namespace() -> str | None:
    """Where images go whose name says nothing of it, as Prefect's settings have it."""
    from pathlib import Path

    from imagebuild.recorders import prefect_settings

    return prefect_settings.read(os.environ, Path.cwd()).namespace


def build(
    request: BuildRequest, builder: str, stream: TextIO | None, blocks: Blocks | None = None
) -> Built:
    """Build what is not built yet, and push where the request says so.

    `blocks` come before those that Prefect has. Raises what `pipeline.build` does.
    """
    from imagebuild import pipeline

    with _at_work(request, builder, stream, blocks=blocks) as (parts, emit):
        if request.pulled:
            _tell_of_folder(parts.source.pulled().folder, emit)
        outcome = pipeline.build(request, parts, emit)
        image = parts.builder.get(str(outcome.image_id))
        name = runnable = ImageName.parse(outcome.names[0])
        if name.tag == "latest" and outcome.digest is None:
            runnable = name.with_tag(f"local-{outcome.version}")
            image.tag(runnable)
        return Built(name, runnable, image.config.id, image.config.directory or "/", outcome.digest)


def _tell_of_folder(folder: str | None, emit: Emit) -> None:
    """Warn of a folder that a container does not see by itself.

    Which work pool it will be, and with which volumes, only Prefect is told.
    """
    if folder is None:
        return
    from imagebuild.events import Warned

    text = f"runs pull their code from {folder}, and containers have no such folder"
    volume = f"job_variables={{'volumes': ['{folder}:{folder}']}}"
    emit(Warned(text, hint=f"mount it, .deploy({volume}), or bake the code: code='baked'"))


def push(
    request: BuildRequest,
    name: ImageName,
    tags: Sequence[str],
    stream: TextIO | None,
    logins: Logins | None = None,
) -> str:
    """Push the engine's image under its name and further tags; the digest of its manifest.

    `logins` come before docker's own credentials. Raises what `pipeline.push` does.
    """
    from imagebuild import pipeline

    with _at_work(request, "docker", stream, logins) as (parts, emit):
        return str(pipeline.push(name, tags, parts, emit).digest)


@contextmanager
def _at_work(
    request: BuildRequest,
    builder: str,
    stream: TextIO | None,
    logins: Logins | None = None,
    blocks: Blocks | None = None,
) -> Iterator[tuple[Parts, Emit]]:
    from imagebuild.cli.plain import Plain
    from imagebuild.events import ignore
    from imagebuild.wiring import wired

    with wired(request, os.environ, builder, logins, blocks) as parts:
        yield parts, ignore if stream is None else Plain(stream).emit
