"""Ask the engine's BuildKit what it can build for: we are its gRPC client, by `POST /grpc`."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from grpclib.client import Channel, UnaryUnaryMethod
from grpclib.exceptions import GRPCError, StreamTerminatedError

from .connection import Adopted, Attached, upgrade
from .errors import BuildkitError, ConnectionLost
from .messages import ListWorkersRequest, ListWorkersResponse, PlatformMessage

if TYPE_CHECKING:
    from grpclib.protocol import H2Protocol

    from .api import Api

_SECONDS: Final = 10.0


def platforms(api: Api) -> tuple[str, ...]:
    """What the engine's BuildKit can build for, as `os/architecture[/variant]`, its own first.

    Emulated ones are among them where the engine's machine has an emulator (binfmt_misc).
    Raises NoBuildkit, ConnectionLost, and BuildkitError where BuildKit answers with an error.
    https://github.com/moby/buildkit/blob/master/api/services/control/control.proto
    """
    adopted = upgrade(api, "/grpc", [])
    try:
        # A loop of its own, in a thread of its own: the caller may have one that runs.
        with ThreadPoolExecutor(1, thread_name_prefix="buildkit-workers") as thread:
            response = thread.submit(asyncio.run, _list(adopted)).result()
    except GRPCError as error:
        text = f"the engine does not tell what it can build for: {error.message or error.status}"
        raise BuildkitError(text) from error
    except (OSError, StreamTerminatedError, asyncio.TimeoutError) as error:
        text = f"the engine went away before it told what it can build for: {error}"
        raise ConnectionLost(text) from error
    finally:
        adopted.close()
    found = (_name(platform) for worker in response.record for platform in worker.platforms)
    return tuple(dict.fromkeys(found))


async def _list(adopted: Adopted) -> ListWorkersResponse:
    path = "/moby.buildkit.v1.Control/ListWorkers"
    async with _Adopting(adopted) as channel:
        method = UnaryUnaryMethod(channel, path, ListWorkersRequest, ListWorkersResponse)
        return await method(ListWorkersRequest(), timeout=_SECONDS)


class _Adopting(Channel):
    """A client on a connection that is there already."""

    def __init__(self, adopted: Adopted) -> None:
        super().__init__("localhost")
        self._adopted = adopted
        self._attached: Attached | None = None

    async def _create_connection(self) -> H2Protocol:
        if self._attached is not None:
            text = "the connection was closed"
            raise ConnectionError(text)
        protocol = self._protocol_factory()
        self._attached = await self._adopted.attach(protocol)
        return protocol

    async def __aexit__(self, *error: object) -> None:
        self.close()
        if self._attached is not None:
            await self._attached.close()


def _name(platform: PlatformMessage) -> str:
    return "/".join(filter(None, (platform.os, platform.architecture, platform.variant)))
