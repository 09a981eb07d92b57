"""Run a build in the engine: `POST /build`, its answer, and its end, wanted or not."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections import deque
from contextlib import closing, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from .api import Api, Response, address
from .errors import BuildCancelled, BuildFailed, ConnectionLost, Unauthorized
from .progress import Progress, StepEvent, StepFailed, StepLog
from .status import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .options import BuildOptions
    from .session import Session

# Seconds to connect, and to wait for an answer: a build may be silent for as long as it likes.
_BUILD_TIMEOUT: Final = (10.0, None)
_CANCEL_TIMEOUT: Final = (5.0, 10.0)
_LOG_LINES: Final = 30

# The registry's words reach us inside the engine's: there is no code to tell them apart by.
_UNAUTHORIZED: Final = re.compile(
    r"\b401\b|\b403 Forbidden|unauthorized|authorization failed|authentication required"
    r"|no basic auth credentials|insufficient_scope|access denied|requested access .* is denied",
    re.IGNORECASE,
)
_CANCELLED: Final = re.compile(r"context canceled|code = Canceled", re.IGNORECASE)
# A RUN step's own failure quotes its command, which may contain any of the words above.
_RAN: Final = re.compile(r"did not complete successfully|executor failed running")


def build(
    api: Api,
    session: Session,
    options: BuildOptions,
    on_event: Callable[[StepEvent], None] = lambda _: None,
) -> str:
    """Build, and return the image's ID (`sha256:…`). `session` must be open.

    `on_event` is called in this thread for whatever happens in a step. Whatever interrupts this
    function (Ctrl-C, an error of `on_event`) cancels the build in the engine and is raised again.

    Raises BuildFailed (Unauthorized, BuildCancelled), ConnectionLost, and what went wrong while
    serving, if that is why the build failed: a TreeError, an error of `credentials` or `secrets`.
    """
    try:
        return _Running(api, session, on_event).run(options)
    except BuildFailed as error:
        if session.error is not None:
            raise session.error from error
        raise


class _Running:
    """One build: the connection that its answer comes from, and what it said so far."""

    def __init__(self, api: Api, session: Session, on_event: Callable[[StepEvent], None]) -> None:
        self._api = api
        self._session = session
        self._on_event = on_event
        self._id = uuid.uuid4().hex
        self._image = ""
        self._over = False
        self._progress = Progress()
        self._logs: dict[str, deque[str]] = {}
        self._failed: StepFailed | None = None

    def run(self, options: BuildOptions) -> str:
        """The image's ID; raises as `build` does."""
        try:
            for event in self._events(options):
                self._take(event)
        finally:
            if not self._over:
                self._cancel()
        if not self._image:
            text = "the engine's answer ended without an image and without an error"
            raise ConnectionLost(text)
        return self._image

    def _events(self, options: BuildOptions) -> Iterator[dict[str, Any]]:
        try:
            response = self._api.post(
                address(self._api, "/build"),
                params=options.query(self._session.id, self._id),
                stream=True,
                timeout=_BUILD_TIMEOUT,
            )
            with closing(response):
                if response.status_code != HTTPStatus.OK:
                    self._over = True
                    raise BuildFailed(_message(response))
                for line in _lines(response):
                    yield json.loads(line)
        except OSError as error:
            self._over = True
            text = f"the engine went away during the build: {error}"
            raise ConnectionLost(text) from error
        except json.JSONDecodeError as error:
            self._over = True
            text = f"the engine's answer was cut off: {error}"
            raise ConnectionLost(text) from error
        self._over = True

    def _take(self, event: dict[str, Any]) -> None:
        """One line of the answer.

        https://github.com/moby/moby/blob/v20.10.24/api/server/router/build/build_routes.go
        """
        if "errorDetail" in event or "error" in event:
            self._over = True
            detail = event.get("errorDetail") or {}
            raise self._error(str(detail.get("message") or event.get("error")))
        if event.get("id") == "moby.image.id":
            self._image = str(event["aux"]["ID"])
        elif event.get("id") == "moby.buildkit.trace":
            status = Status.decode(base64.b64decode(event["aux"]))
            self._progress, happened = self._progress.after(status)
            for step_event in happened:
                self._remember(step_event)
                self._on_event(step_event)

    def _remember(self, event: StepEvent) -> None:
        if isinstance(event, StepLog):
            lines = self._logs.setdefault(event.step.digest, deque(maxlen=_LOG_LINES))
            lines.append(event.line)
        elif isinstance(event, StepFailed):
            self._failed = event

    def _error(self, message: str) -> BuildFailed | ConnectionLost:
        if self._session.lost:
            return ConnectionLost(f"the engine closed the session: {message}")
        failed = self._failed.step if self._failed else None
        step = failed.name if failed else None
        log = tuple(self._logs.get(failed.digest, ())) if failed else ()
        kind = BuildFailed
        if not _RAN.search(message):
            if _CANCELLED.search(message):
                kind = BuildCancelled
            elif _UNAUTHORIZED.search(message):
                kind = Unauthorized
        refused = tuple(text for text in self._session.refused if text not in message)
        return kind(message, step, log, refused)

    def _cancel(self) -> None:
        # What interrupted us matters more than an engine that cannot be told: it stops the build
        # too when the connection of its answer closes.
        with suppress(OSError):
            self._api.post(
                address(self._api, "/build/cancel"),
                params=[("id", self._id)],
                timeout=_CANCEL_TIMEOUT,
            ).close()


def _lines(response: Response) -> Iterator[bytes]:
    """The answer's lines, each as soon as it is whole."""
    rest = b""
    for piece in response.iter_content(chunk_size=None):
        *lines, rest = (rest + piece).split(b"\n")
        yield from filter(bytes.strip, lines)
    if rest.strip():
        yield rest


def _message(response: Response) -> str:
    """The message of an answer that is an error: JSON, or text from a proxy in between."""
    text = response.text
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {response.status_code}: {text[:1000].strip()}"
