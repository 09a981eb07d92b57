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

from .connection import Adopted, Attached, upgrade
from .rpc import Methods, Served, headers
from .services import methods

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from grpclib.const import Handler
    from typing_extensions import Self

    from .api import Api
    from .tree import Credential, Sent, Tree


class Session:
    """Serves the engine from `__enter__` to `__exit__`, in a thread of its own.

    It must live as long as the build: the engine checks its health all the time, and comes back
    for files, credentials and secrets whenever a step needs them.

    `trees` maps the engine's names (`context`, `dockerfile`) to what is served; `credentials` is
    asked for a registry's host (`registry-1.docker.io` for Docker Hub) and answers None for
    anonymous; `secrets` are the bytes by id, looked up whenever a step asks; `ssh` are the paths of
    ssh agents' sockets by id (`default` is the one that a mount without an id means). `shared_key`
    is stable for one tree of one project: the engine keeps the last tree it got under it and asks
    for the difference. `name` is shown in the engine's logs.

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
        ssh: Mapping[str, Path] | None = None,
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
        self._served = Served(trees, credentials, secrets or {}, ssh or {}, workers)
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
    def refused(self) -> tuple[str, ...]:
        """What the engine asked for and did not get, each once: secrets and ssh agents that were
        not given, agents that do not answer."""
        return tuple(dict.fromkeys(self._served.refused))

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
        self._started: Future[tuple[asyncio.AbstractEventLoop, Attached]] = Future()
        self._thread = threading.Thread(target=self._run, name="buildkit-session", daemon=True)
        self._thread.start()
        self._loop, self._attached = self._started.result()

    def __mapping__(self) -> Mapping[str, Handler]:
        """What grpclib asks its services for."""
        return self._methods

    def close(self) -> None:
        """Close the connection and wait for the thread."""
        if not self._closing:
            self._closing = True
            # The loop is closed where the engine ended the session before us.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._attached.transport.abort)
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
        # Server.start() can only listen; its protocol can be put on any connection.
        protocol = Server([self])._protocol_factory()
        attached = await self._adopted.attach(protocol)
        self._started.set_result((asyncio.get_running_loop(), attached))
        await attached.closed.wait()
        self.lost = not self._closing
        if isinstance(protocol.handler, GrpcHandler):
            await protocol.handler.wait_closed()
