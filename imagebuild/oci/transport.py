"""Asks one registry: lets itself be let in, follows where it may, and has patience."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from imagebuild import __version__
from imagebuild.errors import RefusedByPolicy
from imagebuild.events import Note, ignore
from imagebuild.names import HUB
from imagebuild.oci.addresses import followed
from imagebuild.oci.connections import Connections
from imagebuild.oci.failures import TEMPORARY, Later, busy
from imagebuild.oci.tokens import Authorizer
from imagebuild.oci.trust import folders_for
from imagebuild.web import Clock, backoff, is_loopback, origin, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from imagebuild.events import Emit
    from imagebuild.names import ImageName
    from imagebuild.oci.connections import Reply
    from imagebuild.oci.exchange import Answer, Ask

_Done = TypeVar("_Done")

TRIES = 5
_HOPS = 5
_NOTABLE = 3
_REDIRECTS = {301, 302, 303, 307, 308}
_KEEPS_METHOD = {307, 308}
_HUB_API = "registry-1.docker.io"
_USER_AGENT = f"imagebuild/{__version__}"


class Transport:
    """One registry, of which any thread may ask.

    `login` finds the credentials for a repository; `insecure` are the hosts that may be asked
    without TLS, as the loopback may.
    """

    def __init__(
        self,
        host: str,
        env: Mapping[str, str],
        login: Callable[[ImageName], Mapping[str, str]],
        insecure: Collection[str] = (),
        emit: Emit = ignore,
        clock: Clock | None = None,
    ) -> None:
        self.url = f"{_scheme(host, insecure)}://{_HUB_API if host == HUB else host}"
        self.refused_mounts: set[str] = set()
        self._host, self._emit = host, emit
        self._clock = clock or Clock()
        self._gate = 0.0
        self._connections = Connections(self.url, env)
        self._authorizer = Authorizer(self.url, login, self._token, self._clock, insecure)

    def send(self, ask: Ask) -> Answer:
        """Ask until the answer is another than "later", or patience ends.

        So ask only for what may be done twice. Raises `Denied` where no token is given, `Later` and
        `Unreachable`, and `RefusedByPolicy` where it leads to a place that we do not go to.
        """
        return self.patiently(lambda: self.once(ask))

    def once(self, ask: Ask) -> Answer:
        """Ask once."""
        return self.open(ask).whole()

    def open(self, ask: Ask) -> Reply:
        """Ask once; the answer's body is still to be read."""
        self._wait()
        url, asked, hops, sent = ask.url, False, 0, None
        while hops <= _HOPS:
            own = origin(url) == origin(self.url)
            sent = sent or (self._authorizer.header(ask.access) if own else None)
            reply = self._connections.open(ask, url, _headers(ask, sent if own else None))
            if own and reply.status == 401 and not asked:
                asked = True
                reply.whole()
                header = self._authorizer.after_401(ask.access, reply.challenges, sent)
                if header is None:
                    return reply
                sent = header
            elif reply.status in _REDIRECTS and (place := reply.headers.get("Location")):
                reply.whole()
                hops += 1
                url = _onward(ask, url, place, reply.status)
            else:
                return self._checked(ask, reply)
        message = f"the registry sends us round in circles: {ask.shown}"
        raise RefusedByPolicy(message)

    def patiently(self, work: Callable[[], _Done]) -> _Done:
        """Do it again while it raises `Later`, until patience ends."""
        failed = 0
        while True:
            failed += 1
            try:
                return work()
            except Later as later:
                self.pause(later, failed)

    def pause(self, later: Later, failed: int) -> None:
        """Wait until it may be tried again; raises `later` itself where it failed too often."""
        if failed >= TRIES:
            raise later
        seconds = backoff(failed) if later.seconds is None else later.seconds
        if seconds >= _NOTABLE:
            self._emit(Note(f"{self._host} is busy: trying again in {seconds:.0f} seconds"))
        if later.seconds is None:
            self._clock.sleep(seconds)
        else:  # all others who ask this registry wait as well
            self._gate = max(self._gate, self._clock.now() + seconds)

    def quietly(self, ask: Ask) -> None:
        """Ask once, with what lets us in already, and never mind the answer."""
        header = self._authorizer.header(ask.access)
        if origin(ask.url) == origin(self.url):
            self._connections.open(ask, ask.url, _headers(ask, header)).whole()

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def _wait(self) -> None:
        if (seconds := self._gate - self._clock.now()) > 0:
            self._clock.sleep(seconds)

    def _token(self, ask: Ask) -> Answer:
        """Ask a token server, which must not send us on: it was given a password."""

        def once() -> Answer:
            self._wait()
            reply = self._connections.open(ask, ask.url, _headers(ask, None))
            return self._checked(ask, reply).whole()

        return self.patiently(once)

    def _checked(self, ask: Ask, reply: Reply) -> Reply:
        """The reply, where it is an answer at all."""
        if reply.status in TEMPORARY:
            answer = reply.whole()
            raise busy(ask, answer.said, retry_after(reply.headers.get("Retry-After")))
        return reply


def _scheme(host: str, insecure: Collection[str]) -> str:
    """Plain http for the loopback, but for one with certificates, and for who is named."""
    plain = host in insecure or (is_loopback(_without_port(host)) and not folders_for(host))
    return "http" if plain else "https"


def _without_port(host: str) -> str:
    return urlsplit(f"//{host}").hostname or host


def _headers(ask: Ask, authorization: str | None) -> dict[str, str]:
    given = {"Authorization": authorization} if authorization else {}
    return {"User-Agent": _USER_AGENT, **ask.headers, **given}


def _onward(ask: Ask, url: str, place: str, status: int) -> str:
    there = followed(url, place)
    if ask.method in {"GET", "HEAD"} or status in _KEEPS_METHOD:
        return there
    message = f"the registry answers {ask.shown} with a redirect of status {status}"
    raise RefusedByPolicy(message, causes=("what was sent would be lost on that way",))
