"""Names to objects: the one place that picks who does the work."""

from __future__ import annotations

import difflib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from imagebuild.builders import BUILDERS, LAYOUT_BUILDER
from imagebuild.errors import UsageError
from imagebuild.places import load
from imagebuild.protocols import Parts
from imagebuild.recorders import RECORDERS
from imagebuild.registries import REGISTRIES
from imagebuild.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from imagebuild.engine import Engine
    from imagebuild.protocols import Builder, EnvironmentBuilder, Recorder, Registry, Source
    from imagebuild.request import BuildRequest
    from imagebuild.sources.references import Blocks, ReadBlock


@contextmanager
def wired(
    request: BuildRequest,
    env: Mapping[str, str],
    builder: str = "docker",
    logins: Mapping[str, Mapping[str, str]] | None = None,
    blocks: Blocks | None = None,
) -> Iterator[Parts]:
    """The parts for a request; what they started is ended with the block.

    `logins` are credentials (`username`, `password`) by their registry's host, that come before
    those that docker has; `blocks` come before those that Prefect has. Raises `UsageError` for a
    builder that there is not.
    """
    with workshop(env, request.here, blocks) as shop:
        yield shop.parts_of(request, builder, logins)


@contextmanager
def opened(
    request: BuildRequest, env: Mapping[str, str], blocks: Blocks | None = None
) -> Iterator[Source]:
    """Where the code is, for whoever needs no other part."""
    if request.source is None:
        yield source_of(request, env, lambda _kind, _name: None)
        return
    with workshop(env, request.here, blocks) as shop:
        yield shop.source_of(request)


@contextmanager
def workshop(
    env: Mapping[str, str], here: Path, blocks: Blocks | None = None
) -> Iterator[Workshop]:
    """Give what makes the parts for several requests; what they started is ended with the block.

    `here` is the folder that the user stands in; `blocks` come before those that Prefect has.
    """
    with ExitStack() as stack:
        recorder = load(RECORDERS["prefect"])(env, here)
        stack.callback(recorder.close)
        yield Workshop(env, recorder, stack, blocks or {})


@dataclass(frozen=True)
class Workshop:
    """Makes the parts for requests that are worked on side by side, by connections of their own."""

    env: Mapping[str, str]
    recorder: Recorder
    stack: ExitStack
    blocks: Blocks = field(default_factory=dict, repr=False)

    def parts_of(
        self,
        request: BuildRequest,
        builder: str = "docker",
        logins: Mapping[str, Mapping[str, str]] | None = None,
    ) -> Parts:
        """The parts for a request, as `wired` has them."""
        table = _Table(self.env, request, self.stack, logins)
        made = table.choose(_named(builder, BUILDERS, "builder"), builder)
        return Parts(self.source_of(request), *made, self.recorder)

    def source_of(self, request: BuildRequest) -> Source:
        """Where a request's code is."""

        def read_block(kind: str, name: str) -> Mapping[str, Any] | None:
            held = self.blocks.get((kind, name))
            return self.recorder.block(kind, name) if held is None else held

        return source_of(request, self.env, read_block)


@dataclass(frozen=True)
class _Table:
    """Makes a builder and the registry that goes with it, each when it is first needed."""

    env: Mapping[str, str]
    request: BuildRequest
    stack: ExitStack
    logins: Mapping[str, Mapping[str, str]] | None

    def choose(self, place: str, name: str) -> tuple[Builder, Registry]:
        """The builder of a name; one of images that are not pushed needs an engine."""
        if name == "oci":
            return self._direct(LAYOUT_BUILDER if self.request.output else place, None, None)
        if name == "auto" and self.request.push:
            return self._direct(place, self._docker, self._registry)
        place = BUILDERS["docker"] if name == "auto" else place
        return load(place)(self.engine, self.request), self._registry()

    def _direct(
        self,
        place: str,
        docker: Callable[[], EnvironmentBuilder] | None,
        registry: Callable[[], Registry] | None,
    ) -> tuple[Builder, Registry]:
        from imagebuild.oci.cache import Cache
        from imagebuild.oci.client import Registries
        from imagebuild.oci.credentials import Logins
        from imagebuild.oci.remote import Remote

        registries = Registries(self.env, Logins(self.env, self.logins), self.request.insecure)
        self.stack.callback(registries.close)
        remote = Remote(registries, Cache.of(self.env))
        asked: Registry = load(REGISTRIES["http"])(remote, registry)
        if self.request.layout:
            asked = load(REGISTRIES["layout"])(asked, self.request)
        return load(place)(remote, self.request, docker), asked

    def _docker(self) -> EnvironmentBuilder:
        made: EnvironmentBuilder = load(BUILDERS["docker"])(self.engine, self.request)
        return made

    def _registry(self) -> Registry:
        made: Registry = load(REGISTRIES["engine"])(self.engine)
        return made

    @cached_property
    def engine(self) -> Engine:
        """One engine for all that is made."""
        from imagebuild.engine import Engine

        engine = Engine(self.env, self.logins)
        self.stack.callback(engine.close)
        return engine


def source_of(request: BuildRequest, env: Mapping[str, str], read_block: ReadBlock) -> Source:
    """Where the request's code is; `read_block` gives a block of Prefect's, by its type and name.

    Raises `UsageError` for an address that is none.
    """
    source: Source
    if (asked := request.source) is None:
        source = load(SOURCES["local"])(request.root, env)
        return source
    from imagebuild.sources.kept import Kept
    from imagebuild.sources.kinds import kind_of

    source = load(SOURCES[kind_of(asked)])(asked, request.here, Kept.of(env), env, read_block)
    return source


def _named(name: str, table: Mapping[str, str], what: str) -> str:
    if name in table:
        return table[name]
    message = f"there is no {what} {name!r}"
    close = difflib.get_close_matches(name, table, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"choose one of: {', '.join(table)}"
    raise UsageError(message, hint=hint)
