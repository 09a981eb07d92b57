"""A BuildKit engine on loopback, small but real: HTTP, the h2c upgrade, and gRPC as the client."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, urlsplit

from grpclib.client import UnaryUnaryMethod
from grpclib.const import Cardinality, Handler
from grpclib.exceptions import GRPCError
from grpclib.server import Server
from typing_extensions import Self

from imagebuild.buildkit.messages import (
    HealthCheckRequest,
    HealthCheckResponse,
    ListWorkersRequest,
    ListWorkersResponse,
    StatusResponse,
)

from .fake_channel import First, SessionChannel
from .fake_receiver import Kept, Received, receive

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from types import TracebackType

    from grpclib.server import Stream


UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
IMAGE = "sha256:" + "0" * 64


@dataclass
class Request:
    """What was asked of the engine."""

    path: str
    query: dict[str, list[str]]
    headers: list[tuple[str, str]]

    def header(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass
class Build:
    """One `POST /build`: what a test's script works with."""

    engine: FakeEngine
    request: Request
    writer: asyncio.StreamWriter

    @property
    def channel(self) -> SessionChannel:
        """The session that the build names."""
        return self.engine.sessions[self.request.query["session"][0]]

    async def sync(self, name: str, *follow: str, **options: Any) -> Received:
        """Take a tree, keeping what is kept for its shared key."""
        session = self.request.query["session"][0]
        # .dockerignore has a hint of its own, so it does not shrink what is kept of the context:
        # https://github.com/moby/buildkit/blob/v0.8.3/frontend/dockerfile/builder/build.go
        hint = f"{name}-.dockerignore" if follow == (".dockerignore",) else name
        key = (self.engine.shared_keys[session], hint)
        kept = self.engine.kept.setdefault(key, Kept())
        received = await receive(self.channel, name, kept, follow, **options)
        self.engine.received.append(received)
        return received

    async def emit(self, **event: Any) -> None:
        """One line of the answer."""
        await self.raw(json.dumps(event).encode() + b"\r\n")

    async def raw(self, data: bytes) -> None:
        """One chunk of the answer."""
        self.writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self.writer.drain()

    async def trace(self, status: StatusResponse) -> None:
        """One message of the trace."""
        text = base64.b64encode(status.SerializeToString()).decode()
        await self.emit(id="moby.buildkit.trace", aux=text)

    async def image(self) -> None:
        """The end of a build that went well."""
        await self.emit(id="moby.image.id", aux={"ID": IMAGE})


Script = Callable[[Build], Awaitable[None]]


async def usual(build: Build) -> None:
    """What an engine does for `COPY . /app`."""
    await build.sync("dockerfile", "Dockerfile", "Dockerfile.dockerignore", "dockerfile")
    await build.sync("context", ".dockerignore")
    await build.sync("context")
    await build.image()


@dataclass
class FakeEngine:
    """Runs in a thread of its own between `__enter__` and `__exit__`.

    `script` is what `/build` does; an exception of it becomes the build's error. `workers` is what
    `ListWorkers` answers; None hangs up.
    """

    script: Script = usual
    workers: ListWorkersResponse | GRPCError | None = None
    buildkit: bool = True
    tls: ssl.SSLContext | None = None
    requests: list[Request] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    kept: dict[tuple[str, str], Kept] = field(default_factory=dict)
    sessions: dict[str, SessionChannel] = field(default_factory=dict)
    shared_keys: dict[str, str] = field(default_factory=dict)
    port: int = 0

    def __enter__(self) -> Self:
        started: Future[None] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(started)))
        self._thread.start()
        started.result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _run(self, started: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._answers: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._server = server = await asyncio.start_server(
            self._accept, "127.0.0.1", 0, ssl=self.tls
        )
        self.port = server.sockets[0].getsockname()[1]
        started.set_result(None)
        await self._stop.wait()
        server.close()
        for channel in self.sessions.values():
            channel.close()
        for writer in self._writers:
            writer.transport.abort()
        for answer in self._answers:
            answer.cancel()
        await asyncio.gather(*self._answers, return_exceptions=True)
        await asyncio.sleep(0.01)

    def close_listener(self) -> None:
        """Take no new connections."""
        self._server.close()

    def vanish(self) -> None:
        """Drop every connection, as an engine that is killed does."""
        for writer in self._writers:
            writer.transport.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._answers.add(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = _parse(await reader.readuntil(b"\r\n\r\n"))
                self.requests.append(request)
                if request.path.endswith("/session") and self.buildkit:
                    self._session(request, writer)
                    return
                if request.path.endswith("/grpc") and self.buildkit:
                    self._control(writer)
                    return
                if request.path.endswith("/build"):
                    await self._build(request, writer)
                else:
                    found = request.path.endswith("/build/cancel")
                    status = b"200 OK" if found else b"404 Not Found"
                    body = b'{"message": "page not found"}'
                    head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
                    writer.write(head + body)

    def _session(self, request: Request, writer: asyncio.StreamWriter) -> None:
        session = request.header("X-Docker-Expose-Session-Uuid")[0]
        channel = SessionChannel("session", 0)
        channel.adopt(cast("asyncio.Transport", writer.transport), UPGRADED)
        self.sessions[session] = channel
        self.shared_keys[session] = request.header("X-Docker-Expose-Session-Sharedkey")[0]

    def _control(self, writer: asyncio.StreamWriter) -> None:
        protocol = Server([_Control(self)])._protocol_factory()
        writer.transport.set_protocol(protocol)
        first = First(cast("asyncio.Transport", writer.transport), UPGRADED)
        protocol.connection_made(cast("asyncio.BaseTransport", first))

    async def _build(self, request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        build = Build(self, request, writer)
        try:
            await self.script(build)
        except ConnectionError:
            raise
        except Exception as error:
            await build.emit(errorDetail={"message": str(error)}, error=str(error))
        writer.write(b"0\r\n\r\n")
        await writer.drain()


@dataclass
class _Control:
    """BuildKit's own service."""

    engine: FakeEngine

    def __mapping__(self) -> Mapping[str, Handler]:
        """What grpclib asks its services for."""
        handler = Handler(
            self._list, Cardinality.UNARY_UNARY, ListWorkersRequest, ListWorkersResponse
        )
        return {"/moby.buildkit.v1.Control/ListWorkers": handler}

    async def _list(self, stream: Stream[ListWorkersRequest, ListWorkersResponse]) -> None:
        assert await stream.recv_message() is not None
        if isinstance(self.engine.workers, GRPCError):
            raise self.engine.workers
        if self.engine.workers is None:
            self.engine.vanish()
        else:
            await stream.send_message(self.engine.workers)


async def check_health(build: Build) -> int:
    """What an engine asks every few seconds."""
    method = UnaryUnaryMethod(
        build.channel, "/grpc.health.v1.Health/Check", HealthCheckRequest, HealthCheckResponse
    )
    return (await method(HealthCheckRequest())).status


def _parse(head: bytes) -> Request:
    first, *lines = head.decode().rstrip().split("\r\n")
    url = urlsplit(first.split(" ")[1])
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return Request(url.path, parse_qs(url.query), headers)
