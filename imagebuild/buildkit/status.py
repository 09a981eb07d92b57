"""BuildKit's trace, decoded: what changed in the build since the message before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .messages import StatusResponse

if TYPE_CHECKING:
    from .messages import (
        Timestamp,
        VertexLogMessage,
        VertexMessage,
        VertexStatusMessage,
        VertexWarningMessage,
    )
    from .wire import Message

_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class Vertex:
    """A step's state. Times are nanoseconds since 1970 on the engine's clock, None: not yet."""

    digest: str
    name: str
    inputs: tuple[str, ...] = ()
    cached: bool = False
    started: int | None = None
    completed: int | None = None
    error: str = ""


@dataclass(frozen=True)
class Transfer:
    """A transfer inside a step: `id` is unique in it; `total` is 0 where nobody knows it."""

    id: str
    vertex: str
    name: str = ""
    current: int = 0
    total: int = 0
    started: int | None = None
    completed: int | None = None


@dataclass(frozen=True)
class Log:
    """Bytes that a step printed, cut anywhere; `stream` is 1 for stdout, 2 for stderr."""

    vertex: str
    data: bytes
    stream: int = 1
    time: int | None = None


@dataclass(frozen=True)
class VertexWarning:
    """A warning of BuildKit's own about a step."""

    vertex: str
    short: str
    detail: tuple[str, ...] = ()
    url: str = ""
    level: int = 0


@dataclass(frozen=True)
class Status:
    """One message of the trace.

    https://github.com/moby/buildkit/blob/master/api/services/control/control.proto
    """

    vertexes: tuple[Vertex, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    logs: tuple[Log, ...] = ()
    warnings: tuple[VertexWarning, ...] = ()

    @classmethod
    def decode(cls, data: bytes) -> Status:
        """Decode a `StatusResponse`; raises `google.protobuf.message.DecodeError`."""
        response = StatusResponse.FromString(data)
        return cls(
            tuple(map(_vertex, response.vertexes)),
            tuple(map(_transfer, response.statuses)),
            tuple(map(_log, response.logs)),
            tuple(map(_warning, response.warnings)),
        )


def _time(message: Message, field: str) -> int | None:
    if not message.HasField(field):
        return None
    value: Timestamp = getattr(message, field)
    return value.seconds * _NANOSECONDS + value.nanos


def _vertex(message: VertexMessage) -> Vertex:
    return Vertex(
        message.digest,
        message.name,
        tuple(message.inputs),
        message.cached,
        _time(message, "started"),
        _time(message, "completed"),
        message.error,
    )


def _transfer(message: VertexStatusMessage) -> Transfer:
    return Transfer(
        message.id,
        message.vertex,
        message.name,
        message.current,
        message.total,
        _time(message, "started"),
        _time(message, "completed"),
    )


def _log(message: VertexLogMessage) -> Log:
    return Log(message.vertex, message.msg, message.stream, _time(message, "timestamp"))


def _warning(message: VertexWarningMessage) -> VertexWarning:
    return VertexWarning(
        message.vertex,
        message.short.decode(errors="replace"),
        tuple(line.decode(errors="replace") for line in message.detail),
        message.url,
        message.level,
    )
