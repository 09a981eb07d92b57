"""Where the Docker SDK's errors end, and those of the libraries under it."""

from __future__ import annotations

import os
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING

import docker.errors

from imagebuild.errors import ImagebuildError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator


class EngineRefused(ImagebuildError):
    """The engine answered, and its answer is no: `causes` holds its words."""


class EngineLacks(EngineRefused):
    """The engine, or a registry behind it, has no such thing."""


@contextmanager
def translated(action: str, host: str = "") -> Iterator[None]:
    """Turn the SDK's errors, and those of the libraries under it, into ours.

    The SDK lets errors of requests and of urllib3 through; every one of requests' is an OSError.
    """
    from urllib3.exceptions import HTTPError

    message = f"cannot {action}"
    try:
        yield
    except docker.errors.NotFound as error:
        raise EngineLacks(message, causes=(_explanation(error),)) from error
    except docker.errors.APIError as error:
        raise EngineRefused(message, causes=(_explanation(error),)) from error
    except (
        docker.errors.DockerException,
        docker.errors.StreamParseError,  # half an event, from an engine that was stopped
        OSError,
        HTTPError,
    ) as error:
        raise Unreachable(
            message,
            causes=(f"no Docker Engine answers{at(host)}: {_reason(error)}",),
            hint="start the engine, or say where it is: DOCKER_HOST, or docker context use",
        ) from error


def _explanation(error: docker.errors.APIError) -> str:
    return str(error.explanation or error).strip()


def _reason(error: BaseException) -> str:
    """The innermost error's own words: the SDK wraps three layers around a refused connection."""
    seen: BaseException = error
    while True:
        inner = next((arg for arg in seen.args if isinstance(arg, BaseException)), None)
        inner = inner or seen.__cause__ or (seen.__context__ if not seen.args else None)
        if inner is None:
            break
        seen = inner
    if isinstance(seen, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {seen.verify_message}"
    if isinstance(seen, ssl.SSLError):  # whose errno is not the system's
        return str(seen)
    if isinstance(seen, OSError) and seen.errno:
        return os.strerror(seen.errno).lower()
    return str(seen) or type(seen).__name__


def at(host: str | None) -> str:
    """Where, as a part of a sentence; nothing where it is not said."""
    return f" at {host}" if host else ""
