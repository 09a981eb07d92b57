"""Builds with the Docker Engine's BuildKit, by a session of our own over the SDK's connection."""

from __future__ import annotations

import hashlib
import io
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from imagebuild import buildkit, templates
from imagebuild.builders.docker_push import pushed_digest
from imagebuild.errors import BuildFailed, Denied, ImagebuildError, PushFailed, Unreachable
from imagebuild.events import Sent, StepEnded, StepLog, StepStarted, Transfer, Warned, ignore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from imagebuild.engine import Engine
    from imagebuild.events import Emit, Event
    from imagebuild.names import ImageName
    from imagebuild.plan import Base, Plan
    from imagebuild.protocols import Context
    from imagebuild.state import ImageConfig

_DOCKERFILE = "Dockerfile"
_SHOWN_LINES = 20
_EXIT_CODE = re.compile(r"exit code: \d+$")


@dataclass(frozen=True)
class EngineImage:
    """An image in the engine's store."""

    engine: Engine
    config: ImageConfig

    def tag(self, name: ImageName) -> None:
        """Name it in the engine."""
        self.engine.tag(self.config.id, name)

    def push(self, name: ImageName, emit: Emit) -> str:
        """Push what the engine holds under `name`; the digest that the registry knows it by."""
        digest = pushed_digest(name, self.engine.push(name), emit)
        found = self.engine.remote_digest(name.pinned(digest))
        if found != digest:
            message = f"{name} was pushed, and the registry does not have it"
            raise PushFailed(
                message, causes=(f"{name.host} does not know {digest}",), hint="push again"
            )
        return digest


@dataclass(frozen=True)
class DockerBuilder:
    """The engine as a builder; `root` is the folder whose files it remembers between builds."""

    engine: Engine
    root: Path

    @property
    def platform(self) -> str:
        """The engine's own, as `os/architecture`."""
        return self.engine.platform

    def find(self, name: ImageName) -> ImageConfig | None:
        """The image in the engine under this name."""
        return self.engine.image(str(name))

    def get(self, image_id: str) -> EngineImage:
        """An image of the engine; raises `ImagebuildError` where it is gone."""
        config = self.engine.image(image_id)
        if config is None:
            message = f"the image {image_id} is gone from the engine"
            raise ImagebuildError(message, hint="somebody removed it just now: run this again")
        return EngineImage(self.engine, config)

    def image(self, plan: Plan, context: Context, emit: Emit) -> EngineImage:
        """Build the plan's Dockerfile; raises `BuildFailed`, `Denied` or `Unreachable`."""
        base = self._base(plan.environment.base)
        dockerfile = templates.render(plan, user=base.user)
        options = buildkit.BuildOptions(
            dockerfile=_DOCKERFILE,
            labels=plan.labels,
            build_args=self.engine.proxies,
        )
        image = self.get(self._build(dockerfile, options, _ContextTree(context), emit))
        if image.config.diff_ids[: len(base.diff_ids)] != base.diff_ids:
            message = f"{plan.name} was not built on {plan.environment.base.name}"
            raise BuildFailed(
                message, causes=("the base changed in the meantime",), hint="run again"
            )
        return image

    def _base(self, base: Base) -> ImageConfig:
        """What the base says of itself.

        Where the engine does not have it, a build of nothing but `FROM` makes it fetch what the
        real build needs anyway, with the same credentials.
        """
        known = self.engine.image(base.reference if base.digest else str(base.image_id))
        if known is not None:
            return known
        image_id = self._build(
            f"FROM {base.reference}\n", buildkit.BuildOptions(), _Files({}), ignore
        )
        try:
            return self.get(image_id).config
        finally:
            self.engine.remove(image_id)

    def _build(
        self, dockerfile: str, options: buildkit.BuildOptions, context: buildkit.Tree, emit: Emit
    ) -> str:
        api = self.engine.api
        trees = {"context": context, "dockerfile": _Files({_DOCKERFILE: dockerfile.encode()})}
        session = buildkit.Session(
            api,
            trees=trees,
            credentials=self.engine.logins.credential,
            shared_key=hashlib.sha256(str(self.root).encode()).hexdigest(),
            name="imagebuild",
        )
        with _translated(), session:
            image_id = buildkit.build(api, session, options, _steps(emit))
            sent = session.sent["context"]
            emit(Sent(sent.paths, sent.bytes))
            return image_id


@dataclass(frozen=True)
class _ContextTree:
    """A build context, as a session serves it."""

    context: Context

    def entries(self) -> Iterator[buildkit.Entry]:
        for node in self.context.nodes:
            if node.kind == "directory":
                yield buildkit.Entry.directory(node.path, node.mtime_ns, node.mode)
            elif node.kind == "link":
                yield buildkit.Entry.symlink(node.path, node.target, node.mtime_ns)
            else:
                yield buildkit.Entry.file(node.path, node.size, node.mtime_ns, node.mode)

    def open(self, path: str) -> BinaryIO:
        return self.context.open(path)


@dataclass(frozen=True)
class _Files:
    """A few files that lie on no disk."""

    files: dict[str, bytes]

    def entries(self) -> Sequence[buildkit.Entry]:
        return [
            buildkit.Entry.file(path, len(content), _content_time(content))
            for path, content in sorted(self.files.items())
        ]

    def open(self, path: str) -> BinaryIO:
        return io.BytesIO(self.files[path])


def _content_time(content: bytes) -> int:
    """Nanoseconds since 1970 that differ where the content does."""
    return int.from_bytes(hashlib.sha256(content).digest()[:7], "big")


def _steps(emit: Emit) -> Callable[[buildkit.Status], None]:
    """Tell the Dockerfile's steps as events; BuildKit's internal ones are nobody's concern."""
    progress = buildkit.Progress()

    def on_status(status: buildkit.Status) -> None:
        nonlocal progress
        progress, events = progress.after(status)
        for event in events:
            if told := _told(event):
                emit(told)

    return on_status


def _one_line(text: str) -> str:
    """A step's name without its line breaks, and without the name of the only stage."""
    return " ".join(text.split()).replace("[stage-0 ", "[", 1)


def _told(event: buildkit.StepEvent) -> Event | None:
    step, name = event.step, _one_line(event.step.name)
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
def _translated() -> Iterator[None]:
    try:
        yield
    except buildkit.NoBuildkit as error:
        message = "cannot build with this engine"
        raise BuildFailed(
            message, causes=(str(error),), hint="use Docker Engine 18.09 or newer"
        ) from error
    except buildkit.ConnectionLost as error:
        message = "the Docker Engine went away during the build"
        raise Unreachable(
            message, causes=(str(error),), hint="see whether it was stopped, and run this again"
        ) from error
    except buildkit.Unauthorized as error:
        message = "a registry refused what the build needs"
        raise Denied(
            message,
            causes=(error.message,),
            hint="log in to the registry of the base image with `docker login`",
        ) from error
    except buildkit.BuildFailed as error:
        at = f" at {_one_line(error.step)}" if error.step else ""
        message = f"the build failed{at}"
        ended = _EXIT_CODE.search(error.message)
        cause = f"the command ended with {ended[0]}" if ended else _one_line(error.message)
        body = tuple(error.log[-_SHOWN_LINES:])
        raise BuildFailed(message, causes=(cause,), body=body) from error
    except buildkit.TreeError as error:
        message = f"cannot send {error.path}"
        raise BuildFailed(
            message,
            causes=(error.reason,),
            hint="let nothing write to it, or leave it out: add it to .dockerignore",
        ) from error
    except buildkit.BuildkitError as error:
        message = "the build failed"
        raise BuildFailed(message, causes=(str(error),)) from error
