"""The way that is made longer: later, in order, and no slower."""

from __future__ import annotations

import os
import socket
import socketserver
import threading
import time
from typing import TYPE_CHECKING, cast

import pytest

from tests.support.delays import delayed

if TYPE_CHECKING:
    from collections.abc import Iterator

EACH_WAY = 0.05


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        """Send back what comes."""
        peer = cast("socket.socket", self.request)
        while data := peer.recv(65536):
            peer.sendall(data)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128


@pytest.fixture
def far_echo() -> Iterator[tuple[str, int]]:
    """Give the address of an echo that is far away."""
    with _Server(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        with delayed(("127.0.0.1", server.server_address[1]), EACH_WAY) as address:
            yield address
        server.shutdown()
        thread.join()


def _send(peer: socket.socket, data: bytes) -> None:
    peer.sendall(data)
    peer.shutdown(socket.SHUT_WR)


def _all(peer: socket.socket) -> bytes:
    return b"".join(iter(lambda: peer.recv(65536), b""))


def test_each_direction_takes_its_time(far_echo: tuple[str, int]) -> None:
    """There and back again, every time."""
    with socket.create_connection(far_echo, timeout=10) as peer:
        for number in range(2):
            began = time.monotonic()
            peer.sendall(b"%d" % number)
            assert peer.recv(10) == b"%d" % number
            assert time.monotonic() - began >= 2 * EACH_WAY


def test_much_comes_in_order_and_is_not_slowed_down(far_echo: tuple[str, int]) -> None:
    """A hundred parts take as long as one, not a hundred times; what has ended has ended."""
    much = os.urandom(100 * 65536)
    with socket.create_connection(far_echo, timeout=10) as peer:
        began = time.monotonic()
        sender = threading.Thread(target=_send, args=(peer, much))
        sender.start()
        got = _all(peer)
        seconds = time.monotonic() - began
        sender.join()

    assert got == much
    assert 2 * EACH_WAY <= seconds < 20 * EACH_WAY


def test_connections_do_not_wait_for_each_other(far_echo: tuple[str, int]) -> None:
    """Ten at once take as long as one."""
    began = time.monotonic()
    peers = [socket.create_connection(far_echo, timeout=10) for _ in range(10)]
    for peer in peers:
        peer.sendall(b"x")
    assert [peer.recv(1) for peer in peers] == [b"x"] * 10
    assert time.monotonic() - began < 10 * 2 * EACH_WAY
    for peer in peers:
        peer.close()


def test_who_cannot_be_reached_is_hung_up_on() -> None:
    """And not waited for."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with (
            delayed(("127.0.0.1", nobody.getsockname()[1]), EACH_WAY) as address,
            socket.create_connection(address, timeout=10) as peer,
        ):
            assert peer.recv(1) == b""
