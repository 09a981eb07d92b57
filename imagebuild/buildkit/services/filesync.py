"""The file sync: announce a tree, and send the files that the engine asks for.

The engine compares the announced entries with what the last build under the same shared key sent,
and requests the files that differ.
https://github.com/moby/buildkit/blob/master/session/filesync/filesync.go
https://github.com/tonistiigi/fsutil/blob/master/send.go
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.server import Stream
from h2.exceptions import ProtocolError

from imagebuild.buildkit.messages import PACKET_ERR, PACKET_FIN, PACKET_REQ, Packet
from imagebuild.buildkit.outgoing import Outgoing
from imagebuild.buildkit.rpc import Methods, Served, frame, send_frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from multidict import MultiDict

_Stream = Stream[Packet, Packet]


def methods(served: Served) -> Methods:
    """`DiffCopy`, the one protocol that engines speak."""

    async def diff_copy(stream: _Stream) -> None:
        metadata = stream.metadata
        name = next(iter(_values(metadata, "dir-name")), "")
        if name not in served.trees:
            raise GRPCError(Status.NOT_FOUND, f"no access allowed to dir {name!r}")
        follow = _values(metadata, "followpaths")
        outgoing = Outgoing(served.trees[name], follow, served.ledger(name))
        try:
            await _Exchange(stream, served, outgoing).run()
        except ProtocolError as error:
            # The engine has given the stream up, and its reason comes with the build's answer.
            raise GRPCError(Status.ABORTED, str(error)) from error

    path = "/moby.filesync.v1.FileSync/DiffCopy"
    return {path: Handler(diff_copy, Cardinality.STREAM_STREAM, Packet, Packet)}


def _values(metadata: MultiDict[str | bytes] | None, key: str) -> list[str]:
    """All values of a metadata key, decoded where `<key>-encoded` says so."""
    if metadata is None:
        return []
    values = [str(value) for value in metadata.getall(key, [])]
    encoded = [str(value) for value in metadata.getall(f"{key}-encoded", [])]
    # What Go's strconv.ParseBool takes for true.
    if encoded and encoded[0] in {"1", "t", "T", "TRUE", "true", "True"}:
        return [unquote_plus(value) for value in values]
    return values


class _TreeFailedError(Exception):
    """Reading a tree failed; the cause is kept in `Served.errors`."""


class _Exchange:
    """One run of the protocol: three tasks that announce, listen and answer at the same time."""

    def __init__(self, stream: _Stream, served: Served, outgoing: Outgoing) -> None:
        self._stream = stream
        self._served = served
        self._outgoing = outgoing
        self._lock = asyncio.Lock()
        self._news = asyncio.Event()
        self._finished = False

    async def run(self) -> None:
        """Return when the engine has all it wants; raises GRPCError."""
        await self._stream.send_initial_metadata()
        tasks = [
            asyncio.ensure_future(part)
            for part in (self._announce(), self._listen(), self._answer())
        ]
        try:
            await asyncio.gather(*tasks)
        except _TreeFailedError as error:
            text = str(error).encode(errors="replace")
            await self._send(frame(Packet(type=PACKET_ERR, data=text)))
            raise GRPCError(Status.INTERNAL, str(error)) from error
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            # Not here: a worker may be reading yet, and is not to be waited for in the loop.
            self._served.workers.submit(self._outgoing.close)

    async def _work(self, make: Callable[[], bytes]) -> bytes:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._served.workers, make)
        except Exception as error:
            # Kept before the engine hears of it, so that it is there when the build has failed.
            self._served.errors.append(error)
            raise _TreeFailedError(str(error)) from error

    async def _send(self, frames: bytes) -> None:
        # A batch is cut where the window ends; without the lock two could be mixed.
        async with self._lock:
            await send_frames(self._stream, frames)

    async def _announce(self) -> None:
        while stats := await self._work(self._outgoing.stats):
            await self._send(stats)

    async def _listen(self) -> None:
        async for packet in self._stream:
            if packet.type == PACKET_REQ:
                self._outgoing.request(packet.id)
                self._news.set()
            elif packet.type == PACKET_FIN:
                await self._send(frame(Packet(type=PACKET_FIN)))
                break
            elif packet.type == PACKET_ERR:
                text = packet.data.decode(errors="replace")
                raise GRPCError(Status.ABORTED, f"the engine could not take the files: {text}")
        self._finished = True
        self._news.set()

    async def _answer(self) -> None:
        while not self._finished:
            await self._news.wait()
            self._news.clear()
            while data := await self._work(self._outgoing.data):
                await self._send(data)
