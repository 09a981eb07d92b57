"""How a session's services are written: what they may use, and how a call becomes a gRPC method."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError

from .tree import Credential, Sent, Tree
from .wire import Message

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from pathlib import Path

    from grpclib.server import Stream

Methods = Mapping[str, Handler]
_Request = TypeVar("_Request", bound=Message)
_Reply = TypeVar("_Reply", bound=Message)


@dataclass(frozen=True)
class Served:
    """What a session offers, and what happened while it did.

    `workers` runs whatever can block (files, credential helpers), so that the loop goes on
    answering health checks: the engine drops a session that is silent.
    `errors` collects what went wrong on our side, the first first; `refused` what was asked for and
    is not there; `sent` is filled while sending.
    """

    trees: Mapping[str, Tree]
    credentials: Callable[[str], Credential | None]
    secrets: Mapping[str, bytes]
    ssh: Mapping[str, Path]
    workers: Executor
    errors: list[Exception] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    sent: dict[str, Ledger] = field(default_factory=dict)

    def ledger(self, name: str) -> Ledger:
        """The running count for the tree `name`."""
        return self.sent.setdefault(name, Ledger())

    def refusal(self, status: Status, text: str) -> GRPCError:
        """The error to raise for what is not there; the engine hides it where a step's mount is
        optional, so the text is kept."""
        self.refused.append(text)
        return GRPCError(status, text)


@dataclass
class Ledger:
    """A count that grows; `total` freezes it."""

    paths: list[str] = field(default_factory=list)
    bytes: int = 0

    def add(self, path: str, size: int) -> None:
        """One file was sent whole."""
        self.paths.append(path)
        self.bytes += size

    def total(self) -> Sent:
        """The count so far."""
        return Sent(tuple(self.paths), self.bytes)


def unary(
    served: Served,
    request: type[_Request],
    reply: type[_Reply],
    answer: Callable[[_Request], _Reply],
) -> Handler:
    """A method with one request and one reply; `answer` runs in a worker thread.

    A GRPCError of `answer` is the engine's to read; any other exception is kept for `build`, too.
    """

    async def serve(stream: Stream[_Request, _Reply]) -> None:
        message = await stream.recv_message()
        if message is None:
            return
        loop = asyncio.get_running_loop()
        try:
            result = await loop.run_in_executor(served.workers, answer, message)
        except GRPCError:
            raise
        except Exception as error:
            served.errors.append(error)
            raise GRPCError(Status.INTERNAL, str(error)) from error
        await stream.send_message(result)

    return Handler(serve, Cardinality.UNARY_UNARY, request, reply)


def frame(message: Message) -> bytes:
    """A message with gRPC's prefix (not compressed, length).

    https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
    """
    data = message.SerializeToString()
    return b"\0" + len(data).to_bytes(4, "big") + data


async def send_frames(stream: Stream[_Request, _Reply], frames: bytes) -> None:
    """Send several framed messages at once, waiting where the engine's window is full.

    grpclib's `send_message` makes one HTTP/2 frame and one write for each message, which for
    20,000 small files takes most of the time; so this goes to the stream below it.
    https://github.com/vmagamedov/grpclib/blob/v0.4.9/grpclib/stream.py
    """
    await stream._stream.send_data(frames)


def headers(methods: Sequence[str]) -> list[tuple[str, str]]:
    """The headers of `POST /session` that announce the methods."""
    return [("X-Docker-Expose-Session-Grpc-Method", method) for method in methods]
