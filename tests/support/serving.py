"""What the servers and clocks of unit tests have in common."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from imagebuild.web import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from socketserver import BaseServer

_Server = TypeVar("_Server", bound="BaseServer")


@contextmanager
def running(server: _Server) -> Iterator[_Server]:
    """Let a server serve until the block ends."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class FakeTime:
    """Time that passes only by sleeping."""

    slept: list[float] = field(default_factory=list)

    @property
    def clock(self) -> Clock:
        """The clock that a transport takes."""
        return Clock(lambda: sum(self.slept), self.slept.append)
