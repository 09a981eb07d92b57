"""Connections to a registry, and to where it sends us: TLS, proxies, and whom they lead to."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Timeout, make_headers, parse_url

from imagebuild.errors import UsageError
from imagebuild.oci.addresses import Neighbourhood, shown
from imagebuild.oci.exchange import ERROR_LIMIT, Answer
from imagebuild.oci.failures import of_the_way, tls_unexpected, wrong
from imagebuild.oci.trust import tls_context
from imagebuild.web import origin, proxy_for, without_password

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping

    from imagebuild.oci.exchange import Ask

_CONNECT, _READ = 10.0, 60.0
# How fast a registry has to write down and check an upload before it answers.
_SLOWEST = 8 << 20
_AT_ONCE = 8
_BLOCK = 128 << 10
# What Go's server and nginx say, in plain http, to who speaks plain http to them.
_TLS_WANTED = (b"HTTP request to an HTTPS server", b"HTTP request was sent to HTTPS port")


class Reply:
    """An answer of which the body is still to be read."""

    def __init__(self, ask: Ask, url: str, response: urllib3.BaseHTTPResponse) -> None:
        self.ask, self.url, self.status = ask, url, response.status
        self._response = response
        self._answer: Answer | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """By their names in any letters."""
        return self._response.headers

    @property
    def challenges(self) -> list[str]:
        """Each `WWW-Authenticate` header."""
        return self._response.headers.getlist("WWW-Authenticate")

    def whole(self) -> Answer:
        """Read it to its end; raises `Wrong` where it is longer than it may be.

        What is longer than an error should be is cut short. It can be asked for again.
        """
        if self._answer is None:
            self._answer = self._read()
        return self._answer

    def _read(self) -> Answer:
        limit = self.ask.limit if self.status < 300 else ERROR_LIMIT
        body = b""
        with of_the_way(self.ask, self.url):
            # To its very end: only there urllib3 sees that there should have been more.
            while len(body) <= limit and (
                more := self._response.read(limit + 1 - len(body), decode_content=False)
            ):
                body += more
        self.close(whole=len(body) <= limit)
        if len(body) > limit and self.status < 300:
            raise wrong(self.ask, f"the answer is longer than {limit} bytes")
        if self.status == 400 and any(word in body for word in _TLS_WANTED):
            raise tls_unexpected(self.ask, self.url)
        request = f"{self.ask.method} {shown(self.url)}"
        return Answer(self.url, self.status, self.headers, body[:limit], request)

    def chunks(self) -> Iterator[bytes]:
        """The body piece by piece, as it was sent."""
        with of_the_way(self.ask, self.url):
            while chunk := self._response.read(_BLOCK, decode_content=False):
                yield chunk
            self.close(whole=True)

    def close(self, *, whole: bool = False) -> None:
        """Give the connection back, or up where something may still come."""
        if not whole:
            self._response.close()
        self._response.release_conn()


class Connections:
    """All connections that one registry leads to, for any thread; each is kept for the next."""

    def __init__(self, registry: str, env: Mapping[str, str]) -> None:
        self._own, self._env = origin(registry), env
        self._near = Neighbourhood()
        self._openers: dict[str, _Opener] = {}
        self._lock = threading.Lock()

    def open(self, ask: Ask, url: str, headers: Mapping[str, str]) -> Reply:
        """Send a question to `url`; what comes back, be it what it may.

        Raises `Later`, `Unreachable`, and `RefusedByPolicy` for another host's address where the
        registry has no business to send us.
        """
        opener, body = self._opener(url), ask.body() if ask.body else None
        sent = {"Accept-Encoding": "identity", **headers}
        if body is not None or ask.method in {"POST", "PUT"}:
            sent["Content-Length"] = str(ask.size)
        try:
            with of_the_way(ask, url):
                wait = Timeout(connect=_CONNECT, read=_READ + ask.size / _SLOWEST)
                return Reply(ask, url, opener(ask.method, url, body, sent, wait))
        finally:
            if body is not None:
                body.close()

    def close(self) -> None:
        """Close them all."""
        with self._lock:
            for opener in self._openers.values():
                opener.close()
            self._openers.clear()

    def _opener(self, url: str) -> _Opener:
        key = origin(url)
        with self._lock:
            if key not in self._openers:
                self._openers[key] = self._made(url)
            return self._openers[key]

    def _made(self, url: str) -> _Opener:
        parts = urlsplit(url)
        proxy = proxy_for(parts.scheme, parts.hostname or "", self._env)
        tls = tls_context(parts.netloc, self._env) if parts.scheme == "https" else None
        site = None if origin(url) == self._own else f"{parts.scheme}://{parts.netloc}"
        if site:
            self._near.check_name(site)
        if proxy is not None:
            return _Opener(_proxied(proxy, tls), whole=True)
        return _Opener(_direct(url, tls, near=self._near, site=site), whole=False)


class _Opener:
    """Sends to one origin; a proxy wants to be told the `whole` URL."""

    def __init__(self, pool: Any, *, whole: bool) -> None:
        self._pool, self._whole = pool, whole

    def __call__(
        self, method: str, url: str, body: Any, headers: dict[str, str], wait: Timeout
    ) -> urllib3.BaseHTTPResponse:
        response: urllib3.BaseHTTPResponse = self._pool.urlopen(
            method,
            url if self._whole else parse_url(url).request_uri,
            body=body,
            headers=headers,
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
            timeout=wait,
        )
        return response

    def close(self) -> None:
        self._pool.clear() if self._whole else self._pool.close()


def _proxied(proxy: str, tls: Any) -> urllib3.ProxyManager:
    parts = urlsplit(proxy)
    if parts.scheme not in {"http", "https"}:
        message = f"{shown(proxy)} is a proxy that speaks {parts.scheme}, which we do not"
        raise UsageError(message, hint="name an http proxy, or take the registry into NO_PROXY")
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else None
    return urllib3.ProxyManager(
        without_password(proxy),
        proxy_headers=make_headers(proxy_basic_auth=user),
        ssl_context=tls,
        maxsize=_AT_ONCE,
    )


def _direct(url: str, tls: Any, **meeting: Any) -> urllib3.HTTPConnectionPool:
    parts = parse_url(url)
    host, port = parts.host or "", parts.port
    more: dict[str, Any] = {"maxsize": _AT_ONCE, "blocksize": _BLOCK, **meeting}
    if parts.scheme == "https":
        return _TlsPool(host, port, ssl_context=tls, **more)
    return _Pool(host, port, **more)


class _Meeting:
    """A connection that looks whom it has met.

    At another `site` than the registry's, before anything is said; the registry itself, when it has
    shown its certificate.
    """

    def __init__(
        self, *arguments: Any, near: Neighbourhood, site: str | None, **named: Any
    ) -> None:
        super().__init__(*arguments, **named)
        self._near, self._site, self._peer = near, site, ""

    def _new_conn(self) -> socket.socket:
        made: socket.socket = super()._new_conn()  # type: ignore[misc]
        try:
            self._peer = made.getpeername()[0]
            if self._site:
                self._near.check(self._site, self._peer)
        except BaseException:
            made.close()
            raise
        return made

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        if not self._site:
            self._near.learn(self._peer)


class _Connection(_Meeting, HTTPConnection):
    pass


class _TlsConnection(_Meeting, HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection
