"""The messages of BuildKit's session services and of its build trace, by their field numbers.

Only the fields that are used are declared; protobuf skips the others.
"""

from collections.abc import Sequence
from typing import Annotated, Final

from .wire import Message, message


@message
class Timestamp(Message):
    """https://github.com/protocolbuffers/protobuf/blob/main/src/google/protobuf/timestamp.proto."""

    seconds: Annotated[int, 1] = 0
    nanos: Annotated[int, 2] = 0


# https://github.com/grpc/grpc-proto/blob/master/grpc/health/v1/health.proto
SERVING: Final = 1


@message
class HealthCheckRequest(Message):
    """The service asked about; empty means the server."""

    service: Annotated[str, 1] = ""


@message
class HealthCheckResponse(Message):
    """`status` is SERVING as long as we answer at all."""

    status: Annotated[int, 1] = 0


# https://github.com/moby/buildkit/blob/master/session/auth/auth.proto
@message
class CredentialsRequest(Message):
    """The registry's host, `registry-1.docker.io` for Docker Hub."""

    host: Annotated[str, 1] = ""


@message
class CredentialsResponse(Message):
    """Both empty: anonymous."""

    username: Annotated[str, 1] = ""
    secret: Annotated[str, 2] = ""


# https://github.com/moby/buildkit/blob/master/session/secrets/secrets.proto
@message
class GetSecretRequest(Message):
    """The id of `--mount=type=secret,id=…`."""

    id: Annotated[str, 1] = ""


@message
class GetSecretResponse(Message):
    """The secret's bytes."""

    data: Annotated[bytes, 1] = b""


# https://github.com/moby/buildkit/blob/master/session/sshforward/ssh.proto
@message
class CheckAgentRequest(Message):
    """The id of `--mount=type=ssh,id=…`."""

    id: Annotated[str, 1] = ""


@message
class CheckAgentResponse(Message):
    """The agent can be asked."""


@message
class BytesMessage(Message):
    """Bytes of a connection, cut anywhere."""

    data: Annotated[bytes, 1] = b""


# https://github.com/tonistiigi/fsutil/blob/master/types/stat.proto
@message
class Stat(Message):
    """One entry of a tree; `mode` is Go's os.FileMode, `mod_time` in nanoseconds."""

    path: Annotated[str, 1] = ""
    mode: Annotated[int, 2] = 0
    uid: Annotated[int, 3] = 0
    gid: Annotated[int, 4] = 0
    size: Annotated[int, 5] = 0
    mod_time: Annotated[int, 6] = 0
    linkname: Annotated[str, 7] = ""


# https://github.com/tonistiigi/fsutil/blob/master/types/wire.proto
PACKET_STAT: Final = 0
PACKET_REQ: Final = 1
PACKET_DATA: Final = 2
PACKET_FIN: Final = 3
PACKET_ERR: Final = 4


@message
class Packet(Message):
    """One message of the file sync; `id` is the position of the entry's STAT."""

    type: Annotated[int, 1] = 0
    stat: Annotated[Stat, 2] = Stat()
    id: Annotated[int, 3] = 0
    data: Annotated[bytes, 4] = b""


# https://github.com/moby/buildkit/blob/master/api/services/control/control.proto
@message
class VertexMessage(Message):
    """A node of the build graph: one step."""

    digest: Annotated[str, 1] = ""
    inputs: Annotated[Sequence[str], 2] = ()
    name: Annotated[str, 3] = ""
    cached: Annotated[bool, 4] = False
    started: Annotated[Timestamp, 5] = Timestamp()
    completed: Annotated[Timestamp, 6] = Timestamp()
    error: Annotated[str, 7] = ""


@message
class VertexStatusMessage(Message):
    """A transfer inside a vertex; `total` is 0 where it is not known."""

    id: Annotated[str, 1] = ""
    vertex: Annotated[str, 2] = ""
    name: Annotated[str, 3] = ""
    current: Annotated[int, 4] = 0
    total: Annotated[int, 5] = 0
    timestamp: Annotated[Timestamp, 6] = Timestamp()
    started: Annotated[Timestamp, 7] = Timestamp()
    completed: Annotated[Timestamp, 8] = Timestamp()


@message
class VertexLogMessage(Message):
    """Bytes that a vertex printed; `stream` is 1 for stdout, 2 for stderr."""

    vertex: Annotated[str, 1] = ""
    timestamp: Annotated[Timestamp, 2] = Timestamp()
    stream: Annotated[int, 3] = 0
    msg: Annotated[bytes, 4] = b""


@message
class VertexWarningMessage(Message):
    """What BuildKit's linter says of a vertex."""

    vertex: Annotated[str, 1] = ""
    level: Annotated[int, 2] = 0
    short: Annotated[bytes, 3] = b""
    detail: Annotated[Sequence[bytes], 4] = ()
    url: Annotated[str, 5] = ""


@message
class StatusResponse(Message):
    """What changed since the last one."""

    vertexes: Annotated[Sequence[VertexMessage], 1] = ()
    statuses: Annotated[Sequence[VertexStatusMessage], 2] = ()
    logs: Annotated[Sequence[VertexLogMessage], 3] = ()
    warnings: Annotated[Sequence[VertexWarningMessage], 4] = ()


@message
class ListWorkersRequest(Message):
    """All workers."""


# https://github.com/moby/buildkit/blob/master/solver/pb/ops.proto
@message
class PlatformMessage(Message):
    """`linux`, `arm`, `v7`; the variant may be empty."""

    architecture: Annotated[str, 1] = ""
    os: Annotated[str, 2] = ""
    variant: Annotated[str, 3] = ""


# https://github.com/moby/buildkit/blob/master/api/types/worker.proto
@message
class WorkerRecord(Message):
    """One worker; an engine has one."""

    platforms: Annotated[Sequence[PlatformMessage], 3] = ()


@message
class ListWorkersResponse(Message):
    """All of them."""

    record: Annotated[Sequence[WorkerRecord], 1] = ()
