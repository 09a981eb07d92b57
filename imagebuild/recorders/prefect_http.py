"""Sends one request to Prefect's API and gives its answer, with patience and no blind trust.

What an answer means is not known here: see `prefect_api`.
"""

from __future__ import annotations

import threading
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import urllib3
from urllib3.util import Timeout

from imagebuild.errors import Unreachable, UsageError
from imagebuild.printable import printable
from imagebuild.recorders.prefect_access import headers_for, pool_for
from imagebuild.web import Clock, backoff, origin, retry_after, without_password

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagebuild.recorders.prefect_settings import PrefectSettings

_TIMEOUT = Timeout(connect=10, read=60)
_LIMIT = 64 << 20
_RETRIED = {408, 429, 502, 503, 504}
_REDIRECTS = 3


@dataclass(frozen=True)
class Patience:
    """How often to try, and for how many seconds in all another try may begin."""

    tries: int
    seconds: float


READING = Patience(3, 5)
WRITING = Patience(5, 90)


@dataclass(frozen=True)
class Answer:
    """What came back; `request` is its method and address, fit to be shown."""

    request: str
    status: int
    type: str
    body: bytes


class Transport:
    """The connection to one API, over which any thread may send."""

    def __init__(
        self,
        url: str,
        settings: PrefectSettings,
        env: Mapping[str, str],
        clock: Clock | None = None,
    ) -> None:
        self.url = without_password(url).rstrip("/")
        self._clock = clock or Clock()
        # A server that keeps its data in SQLite puts off whoever writes beside another.
        self._changes = threading.Lock()
        self._headers = headers_for(url, settings)
        self._pool = pool_for(self.url, settings, env)

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        patience: Patience = READING,
    ) -> Answer:
        """Send it until it is answered with something else than "later", or patience ends.

        So send only what may arrive twice. Raises `Unreachable` where no answer came, `UsageError`
        where the server sends us on to another one.
        """
        given_up = self._clock.now() + patience.seconds
        for attempt in range(1, patience.tries + 1):
            # The first time soon: a server on SQLite is locked for a moment.
            answer, failure, delay = None, None, backoff(attempt) / (4 if attempt == 1 else 1)
            try:
                with self._changes if method == "PATCH" else nullcontext():
                    answer, wanted = self._once(method, path, body, headers or {})
                delay = delay if wanted is None else wanted
            except urllib3.exceptions.HTTPError as error:
                failure = error
            if answer is not None and answer.status not in _RETRIED:
                return answer
            lasting = isinstance(
                failure, (urllib3.exceptions.SSLError, urllib3.exceptions.LocationParseError)
            )
            if lasting or attempt == patience.tries or self._clock.now() + delay > given_up:
                break
            self._clock.sleep(delay)
        if answer is not None:
            return answer
        raise self._unreachable(method, path, failure) from failure

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _once(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[Answer, float | None]:
        """One answer, and the seconds that it asks us to wait before another try."""
        url = f"{self.url}{path}"
        sent = {**self._headers, **headers}
        if body is not None:
            sent["Content-Type"] = "application/json"
        for _ in range(_REDIRECTS + 1):
            response = self._pool.request(
                method,
                url,
                body=body,
                headers=sent,
                redirect=False,
                retries=False,
                timeout=_TIMEOUT,
                preload_content=False,
            )
            try:
                content = response.read(_LIMIT, decode_content=True)
            finally:
                response.drain_conn()
                response.release_conn()
            place = response.headers.get("Location")
            if not (300 <= response.status < 400 and place):
                kind = response.headers.get("Content-Type", "")
                answer = Answer(f"{method} {url}", response.status, kind, content)
                return answer, retry_after(response.headers.get("Retry-After"))
            url = self._followed(method, url, place, response.status)
        message = f"the Prefect API at {self.url} sends us round in circles"
        raise UsageError(message, hint="check PREFECT_API_URL")

    def _followed(self, method: str, url: str, place: str, status: int) -> str:
        """Where a redirect leads: never to another server, which would get our credentials."""
        there = urljoin(url, place)
        keeps_method = method == "GET" or status in {307, 308}
        if origin(there) == origin(url) and keeps_method:
            return there
        message = f"the Prefect API at {self.url} sends us on to {printable(origin(there))}"
        hint = (
            "set PREFECT_API_URL to where the API itself is; if that is a login page, the API "
            "wants credentials, such as PREFECT_API_KEY or PREFECT_CLIENT_CUSTOM_HEADERS"
        )
        raise UsageError(message, causes=(f"{method} {url} was answered with {status}",), hint=hint)

    def _unreachable(self, method: str, path: str, failure: Exception | None) -> Unreachable:
        hint = "start the server, or check PREFECT_API_URL"
        if isinstance(failure, urllib3.exceptions.SSLError):
            hint = "name the server's own CA with PREFECT_API_SSL_CERT_FILE"
            if "WRONG_VERSION" in str(failure) or "record layer" in str(failure):
                hint = "the server seems to speak http: check PREFECT_API_URL"
        causes = (f"{method} {self.url}{path}: {_reason(failure)}",)
        message = f"cannot reach the Prefect API at {self.url}"
        return Unreachable(message, causes=causes, hint=hint)


def _reason(failure: Exception | None) -> str:
    cause = failure.__cause__ if failure else None
    if isinstance(cause, OSError) and cause.strerror:
        return printable(cause.strerror.lower())
    text = str(failure)
    return printable(text.partition("): ")[2] or text)
