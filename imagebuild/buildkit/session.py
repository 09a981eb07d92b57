"""A BuildKit session: a gRPC server for the engine, on a connection that we opened."""

from __future__ import annotations

import asyncio
import threading
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from grpclib.server import Handler as GrpcHandler
from grpclib.server import Server

from .connection import Adopted, upgrade
from .rpc import Methods, Served, headers
from .services import methods

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from grpclib.const import Handler
    from grpclib.protocol import H2Protocol
    from typing_extensions import Self

    from .api import Api
    from .tree import Credential, Sent, Tree


class Session:
    """Serves the engine from `__enter__` to `__exit__`, in a thread of its own.

    It must live as long as the build: the engine checks its health all the time, and comes back
    for files, credentials and secrets whenever a step needs them.

    `trees` maps the engine's names (`context`, `dockerfile`) to what is served; `credentials` is
    asked for a registry's host (`registry-1.docker.io` for Docker Hub) and answers None for
    anonymous; `secrets` are the bytes by id. `shared_key` is stable for one tree of one project:
    the engine keeps the last tree it got under it and asks for the difference. `name` is shown in
    the engine's logs.

    `__enter__` raises NoBuildkit and ConnectionLost.
    https://github.com/moby/buildkit/blob/master/session/session.go
    """

    def __init__(
        self,
        api: Api,
        *,
        trees: Mapping[str, Tree],
        credentials: Callable[[str], Credential | None] = lambda _: None,
        secrets: Mapping[str, bytes] | None = None,
        shared_key: str,
        name: str = "",
    ) -> None:
        self.id = uuid.uuid4().hex
        self._api = api
        self._headers = [
            ("X-Docker-Expose-Session-Uuid", self.id),
            ("X-Docker-Expose-Session-Name", name),
            ("X-Docker-Expose-Session-Sharedkey", shared_key),
        ]
        workers = ThreadPoolExecutor(2, thread_name_prefix="buildkit-files")
        self._served = Served(trees, credentials, dict(secrets or {}), workers)
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        served = methods(self._served)
        adopted = upgrade(self._api, "/session", self._headers + headers(list(served)))
        self._server = _Server(adopted, served)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the session; once is enough, twice does no harm."""
        if self._server is not None:
            self._server.close()
        self._served.workers.shutdown()

    @property
    def sent(self) -> Mapping[str, Sent]:
        """What was sent so far, by the tree's name."""
        return {name: self._served.ledger(name).total() for name in self._served.trees}

    @property
    def error(self) -> Exception | None:
        """The first thing that went wrong on our side while serving: a TreeError, or whatever
        `credentials` or a tree raised."""
        return next(iter(self._served.errors), None)

    @property
    def lost(self) -> bool:
        """Whether the engine closed the connection before we did."""
        return self._server is not None and self._server.lost


class _Server:
    """The thread with the event loop."""

    def __init__(self, adopted: Adopted, served: Methods) -> None:
        self.lost = False
        self._adopted = adopted
        self._methods = served
        self._closing = False
        self._started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(target=self._run, name="buildkit-session", daemon=True)
        self._thread.start()
        self._loop, self._ended = self._started.result()

    def __mapping__(self) -> Mapping[str, Handler]:
        """What grpclib asks its services for."""
        return self._methods

    def close(self) -> None:
        """Close the connection and wait for the thread."""
        if not self._closing:
            self._closing = True
            # The loop is closed where the engine ended the session before us.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join()
            self._adopted.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._started.done():
                raise
            self._started.set_exception(error)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        # Server.start() can only listen; its protocol can be put on any connection.
        inner = Server([self])._protocol_factory()
        protocol = _Adopting(inner, self._adopted.received, ended)
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, self._adopted.socket)
        self._started.set_result((loop, ended))
        await ended.wait()
        self.lost = not self._closing
        # abort and not close: nobody reads any more, so a full buffer would never drain.
        transport.abort()
        await protocol.closed.wait()
        if isinstance(inner.handler, GrpcHandler):
            await inner.handler.wait_closed()


class _Adopting(asyncio.Protocol):
    """grpclib's protocol, given first what was received before it was there."""

    def __init__(self, inner: H2Protocol, received: bytes, ended: asyncio.Event) -> None:
        self.closed = asyncio.Event()
        self._inner = inner
        self._received = received
        self._ended = ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._inner.connection_made(transport)
        if self._received:
            self._inner.data_received(self._received)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)
        self._ended.set()
        self.closed.set()
