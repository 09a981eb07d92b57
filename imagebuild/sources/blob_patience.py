"""How long the services' libraries try a storage that does not answer: seconds, not minutes."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from imagebuild.sources.blob_address import AZURE, GCS, S3

if TYPE_CHECKING:
    from imagebuild.sources.blob_address import BlobAddress

_CONNECT, _ANSWER = 3, 60  # seconds
_TRIES = 3
# What goes wrong they tell by their errors; their logs tell it again, with tracebacks.
_TALKERS = ("s3fs", "aiobotocore", "gcsfs", "adlfs", "azure", "google")


def limits(address: BlobAddress) -> dict[str, Any]:
    """The options of fsspec's file system that say so, where it has any."""
    if address.service == S3:
        retries = {"mode": "standard", "total_max_attempts": _TRIES}
        waits = {"connect_timeout": _CONNECT, "read_timeout": _ANSWER}
        return {"config_kwargs": {**waits, "retries": retries}}
    if address.service == GCS:
        return {"session_kwargs": _of_aiohttp()}
    return {}


def settle(address: BlobAddress, system: Any) -> None:
    """The same for what no option says. Raises what the library does where nobody answers."""
    for logger in map(logging.getLogger, _TALKERS):
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
    if address.service == S3:
        system.retries = 2  # each of them is _TRIES of botocore's
    elif address.service == AZURE:
        _knock(address, system)


def plain(kind: type[Any]) -> type[Any]:
    """A file system's class; of gcsfs the one that speaks HTTP alone.

    Its own choice first asks by gRPC of which type a bucket is, where no proxy and no emulator
    answers, and waits for a minute. Who has buckets that nothing else reads, says so by gcsfs's own
    variable.
    """
    if (
        kind.__module__ != "gcsfs.extended_gcsfs"
        or "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT" in os.environ
    ):
        return kind
    return next(base for base in kind.__mro__ if base.__module__ == "gcsfs.core")


def _of_aiohttp() -> dict[str, Any]:
    """gcsfs tries six times, and waits for half a minute: we end that when nobody listens."""
    from aiohttp import ClientConnectionError, ClientTimeout, TraceConfig

    failed = 0

    async def on_answer(*_: Any) -> None:
        nonlocal failed
        failed = 0

    async def on_failure(_: Any, __: Any, about: Any) -> None:
        nonlocal failed
        failed += isinstance(about.exception, ClientConnectionError)
        if failed >= _TRIES:
            raise ConnectionError(str(about.exception)) from about.exception

    trace = TraceConfig()
    trace.on_request_end.append(on_answer)
    trace.on_request_exception.append(on_failure)
    timeout = ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=_ANSWER)
    return {"timeout": timeout, "trace_configs": [trace]}


def _knock(address: BlobAddress, system: Any) -> None:
    """Azure's library waits a minute before it gives up a request, and adlfs makes several."""
    import asyncio

    from azure.core.exceptions import HttpResponseError, ServiceRequestError
    from fsspec.asyn import sync

    async def knock(tries: int) -> None:
        container = system.service_client.get_container_client(address.bucket)
        try:
            await container.exists(retry_total=0, connection_timeout=_CONNECT)
        except HttpResponseError:
            return  # whoever may read its blobs need not see the container
        except ServiceRequestError:
            if tries == 1:
                raise
            await asyncio.sleep(1)
            await knock(tries - 1)

    sync(system.loop, knock, _TRIES)
