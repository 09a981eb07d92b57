"""The user's ssh agents, for `RUN --mount=type=ssh,id=…`: a step can sign, and change nothing.

BuildKit: https://github.com/moby/buildkit/blob/master/session/sshforward/ssh.proto
The agent's protocol: https://datatracker.ietf.org/doc/html/draft-miller-ssh-agent
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.server import Stream
from h2.exceptions import ProtocolError

from imagebuild.buildkit.messages import BytesMessage, CheckAgentRequest, CheckAgentResponse
from imagebuild.buildkit.rpc import Methods, Served, unary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

_Stream = Stream[BytesMessage, BytesMessage]

_DEFAULT: Final = "default"
_CONNECT_SECONDS: Final = 5.0
_LENGTH_BYTES: Final = 4
# What OpenSSH's own agent takes: https://github.com/openssh/openssh-portable/blob/V_9_9/ssh-agent.c
_LONGEST: Final = 256 * 1024
# A step may list the keys and sign with them, as docker lets it; adding, removing and locking them
# is the user's: https://github.com/moby/buildkit/blob/master/session/sshforward/sshprovider
_REQUEST_IDENTITIES: Final = 11
_SIGN_REQUEST: Final = 13
_ALLOWED: Final = {_REQUEST_IDENTITIES, _SIGN_REQUEST}
_FAILURE: Final = b"\0\0\0\1\5"


def methods(served: Served) -> Methods:
    """`CheckAgent` comes before each step with an ssh mount, `ForwardAgent` for each connection
    that the step makes."""

    def path(name: str) -> tuple[str, Path]:
        known = name or _DEFAULT
        if known not in served.ssh:
            raise served.refusal(Status.NOT_FOUND, f"no ssh agent {known!r} was given")
        return known, served.ssh[known]

    def check(request: CheckAgentRequest) -> CheckAgentResponse:
        name, agent = path(request.id)
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(_CONNECT_SECONDS)
                connection.connect(str(agent))
        except OSError as error:
            text = f"cannot connect to the ssh agent {name!r} at {agent}: {error}"
            raise served.refusal(Status.UNAVAILABLE, text) from error
        return CheckAgentResponse()

    async def forward(stream: _Stream) -> None:
        metadata = stream.metadata
        name, agent = path(str(metadata.get("buildkit.ssh.id", "")) if metadata else "")
        try:
            await _forward(stream, agent)
        except (OSError, EOFError, ValueError) as error:
            text = f"forwarding to the ssh agent {name!r} at {agent} ended: {error}"
            raise served.refusal(Status.UNAVAILABLE, text) from error
        except ProtocolError as error:
            # The step has gone away; nobody reads this.
            raise GRPCError(Status.ABORTED, str(error)) from error

    service = "/moby.sshforward.v1.SSH"
    return {
        f"{service}/CheckAgent": unary(served, CheckAgentRequest, CheckAgentResponse, check),
        f"{service}/ForwardAgent": Handler(
            forward, Cardinality.STREAM_STREAM, BytesMessage, BytesMessage
        ),
    }


async def _forward(stream: _Stream, agent: Path) -> None:
    """Answer the step's requests one after the other, until it closes its connection.

    Raises OSError and EOFError where the agent goes away, ValueError for what is no message.
    """
    reader, writer = await asyncio.open_unix_connection(str(agent))
    try:
        async for request in _requests(stream):
            reply = _FAILURE
            if request[_LENGTH_BYTES] in _ALLOWED:
                writer.write(request)
                await writer.drain()
                reply = await _reply(reader)
            await stream.send_message(BytesMessage(data=reply))
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _requests(stream: _Stream) -> AsyncIterator[bytes]:
    """Whole requests with their lengths, however the stream cuts them."""
    received = b""
    async for message in stream:
        received += message.data
        while len(received) > _LENGTH_BYTES:
            end = _LENGTH_BYTES + _length(received)
            if len(received) < end:
                break
            yield received[:end]
            received = received[end:]


async def _reply(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(_LENGTH_BYTES)
    return head + await reader.readexactly(_length(head))


def _length(message: bytes) -> int:
    """How long the message is after its length."""
    length = int.from_bytes(message[:_LENGTH_BYTES], "big")
    if not 0 < length <= _LONGEST:
        text = f"a message of {length} bytes"
        raise ValueError(text)
    return length
