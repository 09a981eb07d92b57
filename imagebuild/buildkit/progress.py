"""Steps with times, logs and transfers, folded out of the trace: pure, no clock, no output.

progress, events = progress.after(status)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from .status import Log, Status, Transfer, Vertex, VertexWarning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SECOND: Final = 1_000_000_000
# `[2/5] RUN …`, `[builder 2/5] RUN …`: the frontend's names, made in
# https://github.com/moby/buildkit/blob/master/frontend/dockerfile/dockerfile2llb/convert.go
_NUMBERED: Final = re.compile(r"\[(?:(?P<stage>[^]]+) )?\s*(?P<number>\d+)/(?P<total>\d+)\] ")


@dataclass(frozen=True)
class Step:
    """One vertex of the build graph. `number` of `total` in its `stage`, where the name says so.

    `internal` steps (`[internal] load build context`) are BuildKit's own, not the Dockerfile's.
    """

    digest: str
    name: str
    internal: bool = False
    stage: str = ""
    number: int | None = None
    total: int | None = None

    @classmethod
    def from_vertex(cls, vertex: Vertex) -> Step:
        """Read the vertex's name."""
        found = _NUMBERED.match(vertex.name)
        if found is None:
            return cls(vertex.digest, vertex.name, vertex.name.startswith("[internal]"))
        return cls(
            vertex.digest,
            vertex.name,
            stage=found["stage"] or "",
            number=int(found["number"]),
            total=int(found["total"]),
        )


@dataclass(frozen=True)
class StepStarted:
    """The step runs; it may turn out to be cached."""

    step: Step


@dataclass(frozen=True)
class StepCached:
    """The step's result was there already."""

    step: Step


@dataclass(frozen=True)
class StepCompleted:
    """The step is done, after `seconds` of the engine's clock."""

    step: Step
    seconds: float


@dataclass(frozen=True)
class StepFailed:
    """The step ended with an error, in the engine's words."""

    step: Step
    message: str
    seconds: float


@dataclass(frozen=True)
class StepLog:
    """One line that the step printed, without its end; `stream` is 1 stdout, 2 stderr."""

    step: Step
    line: str
    stream: int = 1


@dataclass(frozen=True)
class StepTransfer:
    """How far a part of the step is: `current` of `total` bytes (0: not known).

    `id` tells the parts of one step apart; `done` comes once, at the end.
    """

    step: Step
    id: str
    current: int
    total: int
    done: bool


@dataclass(frozen=True)
class StepWarning:
    """BuildKit's linter on the step."""

    step: Step
    message: str
    detail: tuple[str, ...] = ()
    url: str = ""


StepEvent: TypeAlias = (
    StepStarted | StepCached | StepCompleted | StepFailed | StepLog | StepTransfer | StepWarning
)


@dataclass(frozen=True)
class Progress:
    """All that is known of a build; `after` makes the next one and says what is new.

    The trace repeats itself (a vertex comes again with each of its changes); events do not.
    """

    vertexes: Mapping[str, Vertex] = field(default_factory=lambda: MappingProxyType({}))
    transfers: Mapping[tuple[str, str], Transfer] = field(
        default_factory=lambda: MappingProxyType({})
    )
    unfinished_lines: Mapping[tuple[str, int], bytes] = field(
        default_factory=lambda: MappingProxyType({})
    )

    def after(self, status: Status) -> tuple[Progress, tuple[StepEvent, ...]]:
        """The state after one message of the trace, and what happened in it, in order."""
        fold = _Fold(dict(self.vertexes), dict(self.transfers), dict(self.unfinished_lines))
        events = tuple(fold.events(status))
        return replace(
            self,
            vertexes=MappingProxyType(fold.vertexes),
            transfers=MappingProxyType(fold.transfers),
            unfinished_lines=MappingProxyType(fold.lines),
        ), events


@dataclass
class _Fold:
    """One step of the fold, on copies."""

    vertexes: dict[str, Vertex]
    transfers: dict[tuple[str, str], Transfer]
    lines: dict[tuple[str, int], bytes]

    def events(self, status: Status) -> Iterator[StepEvent]:
        # A step's last lines come in the same message as its end, and belong before it.
        ended = [vertex for vertex in status.vertexes if vertex.completed is not None]
        for vertex in status.vertexes:
            yield from self._begin(vertex)
        for transfer in status.transfers:
            yield from self._transfer(transfer)
        for log in status.logs:
            yield from self._log(log)
        for warning in status.warnings:
            yield self._warning(warning)
        for vertex in ended:
            yield from self._end(vertex)

    def _step(self, digest: str) -> Step:
        return Step.from_vertex(self.vertexes.get(digest) or Vertex(digest, digest))

    def _begin(self, vertex: Vertex) -> Iterator[StepEvent]:
        known = self.vertexes.get(vertex.digest)
        if known is None or known.completed is None or vertex.started != known.started:
            # The end is noted in `_end`, so that it is told once.
            self.vertexes[vertex.digest] = replace(vertex, completed=None)
        if vertex.started is None or vertex.cached:
            return
        if known is None or known.started is None or _later(vertex, known):
            yield StepStarted(Step.from_vertex(vertex))

    def _end(self, vertex: Vertex) -> Iterator[StepEvent]:
        if self.vertexes[vertex.digest].completed is not None:
            return
        self.vertexes[vertex.digest] = vertex
        step = Step.from_vertex(vertex)
        yield from self._flush(step)
        seconds = ((vertex.completed or 0) - (vertex.started or vertex.completed or 0)) / _SECOND
        if vertex.error:
            yield StepFailed(step, vertex.error, seconds)
        elif vertex.cached:
            yield StepCached(step)
        else:
            yield StepCompleted(step, seconds)

    def _transfer(self, transfer: Transfer) -> Iterator[StepEvent]:
        key = (transfer.vertex, transfer.id)
        if self.transfers.get(key) == transfer:
            return
        self.transfers[key] = transfer
        done = transfer.completed is not None
        step = self._step(transfer.vertex)
        yield StepTransfer(step, transfer.id, transfer.current, transfer.total, done)

    def _log(self, log: Log) -> Iterator[StepEvent]:
        key = (log.vertex, log.stream)
        *lines, rest = (self.lines.pop(key, b"") + log.data).split(b"\n")
        if rest:
            self.lines[key] = rest
        step = self._step(log.vertex)
        for line in lines:
            yield StepLog(step, _text(line), log.stream)

    def _flush(self, step: Step) -> Iterator[StepEvent]:
        for stream in (1, 2):
            rest = self.lines.pop((step.digest, stream), b"")
            if rest:
                yield StepLog(step, _text(rest), stream)

    def _warning(self, warning: VertexWarning) -> StepEvent:
        step = self._step(warning.vertex)
        return StepWarning(step, warning.short, warning.detail, warning.url)


def _later(vertex: Vertex, known: Vertex) -> bool:
    """Whether a step that had ended runs again, as happens when two targets share it."""
    return (
        known.completed is not None
        and vertex.started is not None
        and vertex.started > known.completed
    )


def _text(line: bytes) -> str:
    """What a terminal would show at the end: the part after the last carriage return."""
    return line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace")
