"""The five parts that can be another: source, builder, image, registry and recorder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Any, BinaryIO

    from imagebuild.commit import Commit
    from imagebuild.events import Emit
    from imagebuild.names import ImageName
    from imagebuild.node import Node
    from imagebuild.plan import Base, Plan
    from imagebuild.record import Change, Pulled, Record, Target
    from imagebuild.state import DefaultImage, ImageConfig, Pool, Recorded


class Checkout(Protocol):
    """The project's files as they are on this machine, for as long as they are needed."""

    @property
    def root(self) -> Path:
        """The project root."""

    @property
    def name(self) -> str:
        """The project's name: its directory's name in the image."""

    @property
    def commit(self) -> Commit | None:
        """The commit that the files are of; None where nobody knows."""


class Source(Protocol):
    """Where the flow's code comes from."""

    def checkout(self) -> AbstractContextManager[Checkout]:
        """The files; raises `UsageError` where there are none, `Denied` and `Unreachable`."""

    def pulled(self) -> Pulled:
        """How a run fetches them by itself; raises `UsageError` where it cannot.

        No secret is in it, only references to where a run finds one.
        """


class Context(Protocol):
    """The build context: one sorted tree of files, the same on every machine."""

    @property
    def digest(self) -> str:
        """The digest of every path, kind, mode and content in it, in hexadecimal."""

    @property
    def nodes(self) -> Sequence[Node]:
        """Its entries, sorted component by component, directories before what is in them."""

    @property
    def digests(self) -> Mapping[str, str]:
        """The content digest of each regular file, by its path."""

    def under(self, path: str) -> Iterator[Node]:
        """The entry at a path and, where that is a directory, all in it; everything for `.`."""

    def open(self, path: str) -> BinaryIO:
        """A regular file's content; raises `OSError`, also where it is another by now."""

    def read(self, path: str) -> Iterator[bytes]:
        """The same, piece by piece."""


class Image(Protocol):
    """An image, wherever it lies; it knows how to leave it."""

    @property
    def config(self) -> ImageConfig:
        """What it says of itself."""

    def tag(self, name: ImageName) -> None:
        """Let the builder hold it under this name, which no longer means another image."""

    def push(self, name: ImageName, emit: Emit) -> str:
        """Send it to the registry of `name`; the manifest's digest.

        Raises `PushFailed`, `Denied` or `Unreachable`; returns only what the registry confirmed.
        """


class Builder(Protocol):
    """Makes images, and keeps them where a later build finds them."""

    def platform_for(self, asked: str | None) -> str:
        """What it will build for, as `os/architecture[/variant]`: as asked, else its own.

        Raises `UsageError` for one that it cannot, `Unreachable` where it is down.
        """

    def find(self, name: ImageName) -> ImageConfig | None:
        """The image that it holds under this name, if any."""

    def base(self, name: ImageName) -> ImageConfig | None:
        """What it holds under a base's name, if any; nobody else is asked."""

    def says(self, base: Base) -> ImageConfig | None:
        """What a base says of itself, where it knows the very one."""

    def get(self, image_id: str) -> Image:
        """An image that `find` or `image` told of."""

    def image(self, plan: Plan, context: Context, emit: Emit) -> Image:
        """Build the whole plan with its labels, and under no name yet; raises `BuildFailed`."""


class EnvironmentBuilder(Builder, Protocol):
    """Makes environments too, for others to add the code."""

    def environment(self, plan: Plan, context: Context, emit: Emit) -> Image:
        """Build what the plan's code is added to, under no name yet; raises as `image` does."""

    def real_path(self, image: Image, path: str) -> str:
        """Where an absolute path of an image leads, through the links on its way."""


class Registry(Protocol):
    """Holds images for others to pull."""

    def find(self, name: ImageName) -> str | None:
        """The digest of the manifest under this name, or None where the registry has none.

        Raises `Denied` or `Unreachable`.
        """

    def check_push(self, name: ImageName) -> bool:
        """Raise `Denied` where it is plain before the build that a push would be refused.

        Whether there are credentials that it could see.
        """


class WorkPools(Protocol):
    """Where deployments run."""

    def every(self) -> Sequence[Pool]:
        """All of them. Raises `Unreachable` or `Denied`."""

    def set_image(self, name: str, image: ImageName | None, *, pushed: bool) -> DefaultImage:
        """Make an image the default of a pool, or with None take the default away.

        Nothing is written where it stands already. Raises `UsageError` for a pool that does not
        exist or takes no image, `Unreachable`, `Denied`.
        """


class Recorder(Protocol):
    """Keeps which image a deployment runs."""

    def default_namespace(self) -> str | None:
        """Where images go whose name says nothing of it, as `registry[/path]`."""

    def work_pools(self) -> WorkPools:
        """The work pools, apart from any deployment. Raises `UsageError` where none can be."""

    def read(self, target: Target, *, triggers: bool = False, image: bool = True) -> Recorded:
        """The pool and the deployment as they are, with its triggers where they are asked for.

        Raises `UsageError` for a pool that does not exist or, where there is to be an `image`,
        takes none, `Unreachable`, `Denied`.
        """

    def describe(self, now: Recorded, record: Record, emit: Emit) -> Record:
        """The record, with what only the flow's code tells where `now` does not hold it yet.

        So it is with its triggers, which only Prefect's code translates. It can take seconds and
        needs no image, so it is meant to run beside the build. Raises `UsageError` where a new
        deployment's flow cannot be read, for parameters that the flow does not take and for
        triggers that are none; a deployment that is there keeps what it knows, with a warning.
        """

    def read_ahead(self, wanted: Iterable[tuple[Recorded, Record]]) -> None:
        """Read at once what `describe` will be asked for of several; what fails, it will tell."""

    def variable(self, name: str) -> Mapping[str, Any] | None:
        """A variable that it keeps, as its `value`; None where there is none."""

    def block(self, kind: str, name: str) -> Mapping[str, Any] | None:
        """What a block of a type (its slug) holds, with its secrets; None where there is none."""

    def run_step(self, name: str, inputs: Mapping[str, Any], folder: Path) -> Any:
        """What a step of a deployment's own gives, run in a folder; a mapping, or nothing.

        Raises `UsageError` where it fails.
        """

    def change(self, target: Target, now: Recorded, record: Record) -> Change:
        """What has to be written so that the deployment holds the record. Pure.

        Raises `UsageError` for a record that cannot stand there, so ask before the build too.
        """

    def apply(self, change: Change, emit: Emit) -> str:
        """Write it, read it again, compare; the deployment's ID.

        Raises `NotRecorded` where the deployment does not name the image; `UsageError`, `Denied` or
        `Unreachable` where it does, and something else of the record could not be written.
        """

    def close(self) -> None:
        """End what was started for it: connections, processes, an embedded server."""


@dataclass(frozen=True)
class Parts:
    """Who does the work; `wiring` chooses them."""

    source: Source
    builder: Builder
    registry: Registry
    recorder: Recorder
