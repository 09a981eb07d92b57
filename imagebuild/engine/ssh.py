"""An engine behind ssh, as docker reaches it: by the ssh program, and docker's own there.

The SDK's own way needs paramiko, and gives pipes. Here both ends of the program are one socket,
which HTTP and BuildKit's session take for any other.
https://github.com/docker/cli/blob/v28.0.0/cli/connhelper/connhelper.go
"""

from __future__ import annotations

import socket
import subprocess
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from docker.transport.unixconn import (
    UnixHTTPAdapter,
    UnixHTTPConnection,
    UnixHTTPConnectionPool,
)

from imagebuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_LAST_WORDS = 5.0  # seconds that a program which has closed its end gets to say why


def command(host: str) -> list[str]:
    """The program for `ssh://[user@]host[:port][/path/of/the/socket]`. Raises `UsageError`."""
    url = urlsplit(host)
    if not url.hostname or url.password or url.query or url.fragment:
        message = "cannot use the address of the Docker Engine"
        why = "a password in it would be seen by all" if url.password else "it names no host"
        raise UsageError(message, causes=(why,), hint="write it as ssh://[user@]host[:port]")
    user = ["-l", unquote(url.username)] if url.username else []
    port = ["-p", str(url.port)] if url.port else []
    path = ["--host", f"unix://{url.path}"] if url.path.strip("/") else []
    there = ["docker", *path, "system", "dial-stdio"]
    return ["ssh", "-o", "ConnectTimeout=30", "-T", *user, *port, "--", url.hostname, *there]


class SshAdapter(UnixHTTPAdapter):
    """The SDK's adapter for a socket, with a program behind each connection."""

    def __init__(self, host: str, timeout: int) -> None:
        super().__init__("", timeout)
        self._pool = _Pool(command(host), timeout)

    def get_connection(self, url: Any, proxies: Any = None) -> UnixHTTPConnectionPool:  # noqa: ARG002 -- the SDK's form
        """The one pool that there is."""
        return self._pool

    def close(self) -> None:
        """Give the connections up."""
        super().close()
        self._pool.close()


class _Pool(UnixHTTPConnectionPool):
    def __init__(self, argv: Sequence[str], timeout: int) -> None:
        super().__init__("ssh", "", timeout)
        self._argv = argv

    def _new_conn(self) -> Any:
        return _Connection(self._argv, self.timeout)


class _Connection(UnixHTTPConnection):
    """One program; it ends when nobody has its socket open any more."""

    def __init__(self, argv: Sequence[str], timeout: Any) -> None:
        super().__init__("ssh", "", timeout)
        self._argv = argv
        self._said = b""

    def connect(self) -> None:
        near, far = socket.socketpair()
        with far:
            # In a session of its own, so that Ctrl-C leaves us the way to cancel a build.
            program = subprocess.Popen(
                self._argv,
                stdin=far.fileno(),
                stdout=far.fileno(),
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        near.settimeout(self.timeout)
        self._watch = threading.Thread(target=self._listen, args=(program,), daemon=True)
        self._watch.start()
        self.sock = near

    def _listen(self, program: subprocess.Popen[bytes]) -> None:
        self._said = program.communicate()[1]

    def getresponse(self) -> Any:
        """The answer; where the program has ended instead, what it said is the reason."""
        try:
            return super().getresponse()
        except ConnectionError:
            self._watch.join(_LAST_WORDS)
            if said := self._said.decode(errors="replace").strip():
                raise ConnectionError(said) from None
            raise
