"""A faithful little receiver of the file sync, as the engine's: order, difference, FIN and ERR.

https://github.com/tonistiigi/fsutil/blob/master/receive.go and validator.go beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from grpclib.client import Channel, Stream, StreamStreamMethod
from grpclib.exceptions import GRPCError
from grpclib.metadata import decode_grpc_message

from imagebuild.buildkit.messages import (
    PACKET_DATA,
    PACKET_ERR,
    PACKET_FIN,
    PACKET_REQ,
    PACKET_STAT,
    Packet,
    Stat,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GO_TYPE_BITS = 0x8F280000
METADATA = ("path", "mode", "uid", "gid", "size", "mod_time", "linkname")


class ReceiverError(Exception):
    """What makes an engine end a build while it takes files."""


@dataclass
class Received:
    """One run of the protocol, as the receiver saw it."""

    stats: list[Stat] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    largest_packet: int = 0
    error: str = ""

    @property
    def paths(self) -> list[str]:
        """All announced paths."""
        return [stat.path for stat in self.stats]


@dataclass
class Kept:
    """What an engine keeps of a tree between two builds."""

    stats: dict[str, tuple[object, ...]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


async def receive(
    channel: Channel,
    name: str,
    kept: Kept,
    followpaths: Sequence[str] = (),
    *,
    encoded: bool = False,
    wrong_request: int | None = None,
) -> Received:
    """Take the tree `name` and bring `kept` up to date; raises ReceiverError and GRPCError."""
    method = StreamStreamMethod(channel, "/moby.filesync.v1.FileSync/DiffCopy", Packet, Packet)
    metadata = [("dir-name", name)]
    metadata += [("followpaths", quote_plus(p) if encoded else p) for p in followpaths]
    if encoded:
        metadata.append(("followpaths-encoded", "1"))
    received = Received()
    try:
        async with method.open(metadata=metadata) as stream:
            await stream.send_request()
            await _Run(stream, kept, received, wrong_request).run()
    except GRPCError:
        # An engine's error is the packet's, not the status that comes behind it.
        if received.error:
            raise ReceiverError(received.error) from None
        raise
    return received


class _Run:
    def __init__(
        self,
        stream: Stream[Packet, Packet],
        kept: Kept,
        received: Received,
        wrong_request: int | None,
    ) -> None:
        self._stream = stream
        self._kept = kept
        self._received = received
        self._wrong_request = wrong_request
        self._open: dict[int, bytearray] = {}
        self._listed = False

    async def run(self) -> None:
        async for packet in self._stream:
            size = len(packet.SerializeToString())
            self._received.largest_packet = max(self._received.largest_packet, size)
            if packet.type == PACKET_STAT:
                await self._stat(packet)
            elif packet.type == PACKET_DATA:
                self._data(packet)
            elif packet.type == PACKET_ERR:
                self._received.error = f"error from sender: {packet.data.decode()}"
                raise ReceiverError(self._received.error)
            elif packet.type == PACKET_FIN:
                break
            if self._listed and not self._open:
                self._listed = False
                self._keep()
                await self._stream.send_message(Packet(type=PACKET_FIN), end=True)
        else:
            trailers = dict(await self._stream._stream.recv_trailers())
            self._received.error = decode_grpc_message(trailers.get("grpc-message", ""))
            raise ReceiverError(self._received.error)

    async def _stat(self, packet: Packet) -> None:
        stat = packet.stat
        if not packet.HasField("stat"):
            self._listed = True
            if self._wrong_request is not None:
                request = Packet(type=PACKET_REQ, id=self._wrong_request)
                self._open[self._wrong_request] = bytearray()
                await self._stream.send_message(request)
            return
        number = len(self._received.stats)
        self._received.stats.append(stat)
        check_order(self._received.paths, {s.path: s.mode for s in self._received.stats})
        if stat.mode & GO_TYPE_BITS == 0 and self._kept.stats.get(stat.path) != identity(stat):
            self._open[number] = bytearray()
            self._received.requested.append(stat.path)
            await self._stream.send_message(Packet(type=PACKET_REQ, id=number))

    def _data(self, packet: Packet) -> None:
        if packet.id not in self._open:
            text = f"invalid file request {packet.id}"
            raise ReceiverError(text)
        if packet.data:
            self._open[packet.id] += packet.data
        else:
            path = self._received.stats[packet.id].path
            self._received.files[path] = bytes(self._open.pop(packet.id))

    def _keep(self) -> None:
        known = self._kept.files | self._received.files
        self._kept.files = {
            stat.path: known[stat.path]
            for stat in self._received.stats
            if stat.mode & GO_TYPE_BITS == 0
        }
        self._kept.stats = {stat.path: identity(stat) for stat in self._received.stats}


def identity(stat: Stat) -> tuple[object, ...]:
    """What has to be equal for a file to count as unchanged: not its content."""
    return tuple(getattr(stat, name) for name in METADATA)


def check_order(paths: Sequence[str], modes: Mapping[str, int]) -> None:
    """Refuse what the engine refuses: a path before its folder, or before its elder sibling."""
    *before, path = paths
    parent = path.rpartition("/")[0]
    if parent and not modes.get(parent, 0) & (1 << 31):
        text = f"changes out of order: {path!r} before its directory"
        raise ReceiverError(text)
    if before and before[-1].split("/") >= path.split("/"):
        text = f"changes out of order: {path!r} {before[-1]!r}"
        raise ReceiverError(text)
