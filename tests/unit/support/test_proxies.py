"""A recording proxy tells what was asked, and changes nothing that matters."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
import urllib3

from tests.support.proxies import Fault, recording_http, status_answer

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Origin(BaseHTTPRequestHandler):
    """Answers a GET with the Host it was asked with, takes a body of any framing, upgrades."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.headers["Upgrade"]:
            self.wfile.write(b"HTTP/1.1 101 UPGRADED\r\n\r\n")
            self.wfile.write(self.rfile.readline().upper())
            self.close_connection = True
            return
        self._answer(200, self.headers["Host"].encode())

    def do_PATCH(self) -> None:
        if length := self.headers["Content-Length"]:
            self._answer(202, self.rfile.read(int(length)))
            return
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self._answer(202, body)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base's name)
        pass


@pytest.fixture
def origin() -> Iterator[str]:
    """Serve on loopback; give `host:port`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Origin) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@contextmanager
def _client() -> Iterator[urllib3.PoolManager]:
    pool = urllib3.PoolManager(timeout=5, retries=False)
    yield pool
    pool.clear()


def test_method_path_and_status_of_each_request_are_kept(origin: str) -> None:
    """In order, and the query with them."""
    with recording_http(origin) as (proxy, address), _client() as http:
        http.request("GET", f"http://{address}/v2/?n=1")
        http.request("PATCH", f"http://{address}/upload", body=b"x")

    kept = [(request.method, request.path, request.status) for request in proxy.requests]
    assert kept == [("GET", "/v2/?n=1", 200), ("PATCH", "/upload", 202)]


def test_requests_are_found_by_method_and_path(origin: str) -> None:
    """So a test can say what must not have been asked."""
    with recording_http(origin) as (proxy, address), _client() as http:
        http.request("GET", f"http://{address}/v1.41/build?t=a")
        assert proxy.asked("GET|POST", r"/v[^/]*/build\?.*")
        assert not proxy.asked("POST")
        proxy.clear()
        assert not proxy.asked()


def test_the_answer_says_that_its_connection_ends(origin: str) -> None:
    """Else a client would send its next request into a connection that is being closed."""
    with recording_http(origin) as (_, address), _client() as http:
        assert http.request("GET", f"http://{address}/").headers["Connection"] == "close"


def test_the_host_stays_as_asked(origin: str) -> None:
    """A registry's Location headers then lead back through the proxy."""
    with recording_http(f"http://{origin}/api") as (_, address), _client() as http:
        assert http.request("GET", f"http://{address}/").data == address.encode()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_arrives_whole(origin: str, chunked: bool) -> None:
    """Layers are uploaded in chunks."""
    body = bytes(range(256)) * 8192
    with recording_http(origin) as (_, address), _client() as http:
        answer = http.request("PATCH", f"http://{address}/", body=body, chunked=chunked)
    assert answer.data == body


def test_an_upgraded_connection_carries_raw_bytes_both_ways(origin: str) -> None:
    """As the engine's POST /session does."""
    with recording_http(origin) as (proxy, address):
        host, _, port = address.partition(":")
        with socket.create_connection((host, int(port)), 5) as sock:
            sock.sendall(b"GET /session HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n")
            assert sock.recv(100).startswith(b"HTTP/1.1 101")
            sock.sendall(b"hello\n")
            assert sock.recv(100) == b"HELLO\n"
    assert proxy.requests[0].status == 101


def test_a_client_that_tries_tls_is_hung_up_on_at_once(origin: str) -> None:
    """An engine does, and would wait ten seconds before it tries without."""
    with recording_http(origin) as (proxy, address):
        host, _, port = address.partition(":")
        with socket.create_connection((host, int(port)), 5) as sock:
            sock.sendall(b"\x16\x03\x01\x02\x00")
            assert sock.recv(100) == b""
    assert not proxy.requests


def test_a_fault_happens_as_often_as_it_is_planned(origin: str) -> None:
    """To the requests that it is meant for; the target hears nothing of them."""
    with recording_http(origin) as (proxy, address), _client() as http:
        proxy.faults.append(Fault("PATCH", "/upload", 2, status_answer("503 Service Unavailable")))
        answers = [
            http.request("PATCH", f"http://{address}/upload", body=b"x" * 100_000).status
            for _ in range(3)
        ]
        assert http.request("GET", f"http://{address}/").status == 200

    assert answers == [503, 503, 202]
    assert [request.status for request in proxy.asked("PATCH")] == [503, 503, 202]


def test_a_fault_without_an_answer_resets_the_connection(origin: str) -> None:
    """As a registry does that is restarted."""
    with recording_http(origin) as (proxy, address), _client() as http:
        proxy.faults.append(Fault("GET", "/", 1))
        with pytest.raises(urllib3.exceptions.ProtocolError):
            http.request("GET", f"http://{address}/")
        assert http.request("GET", f"http://{address}/").status == 200
