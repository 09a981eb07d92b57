"""An ssh agent with one key, small but real: enough for a step that asks what keys there are.

The protocol: https://datatracker.ietf.org/doc/html/draft-miller-ssh-agent
"""

from __future__ import annotations

import socketserver
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REQUEST_IDENTITIES, IDENTITIES_ANSWER = 11, 12
SIGN_REQUEST, SIGN_RESPONSE = 13, 14
FAILURE = 5


def packet(kind: int, body: bytes = b"") -> bytes:
    """A message with its length and its type."""
    return (1 + len(body)).to_bytes(4, "big") + bytes([kind]) + body


def string(data: bytes) -> bytes:
    """Bytes with their length."""
    return len(data).to_bytes(4, "big") + data


class FakeAgent(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Has one key, of which only the comment matters, and hangs up where it has no answer."""

    daemon_threads = True

    def __init__(self, path: Path, comment: str) -> None:
        self.path = path
        keys = (1).to_bytes(4, "big") + string(b"a key") + string(comment.encode())
        self.identities = packet(IDENTITIES_ANSWER, keys)
        self.signature = packet(SIGN_RESPONSE, string(comment.encode() * 10_000))
        self.answers = {REQUEST_IDENTITIES: self.identities, SIGN_REQUEST: self.signature}
        self.asked: list[int] = []
        super().__init__(str(path), _Connection)


class _Connection(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        agent = self.server
        assert isinstance(agent, FakeAgent)
        while head := self.rfile.read(4):
            kind, *_ = self.rfile.read(int.from_bytes(head, "big"))
            agent.asked.append(kind)
            if kind not in agent.answers:
                return
            self.wfile.write(agent.answers[kind])


@contextmanager
def running_agent(path: Path, comment: str) -> Iterator[FakeAgent]:
    """Run an agent on a socket whose path is short (108 bytes at most)."""
    with FakeAgent(path, comment) as agent:
        thread = threading.Thread(target=agent.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield agent
        finally:
            agent.shutdown()
            thread.join()
