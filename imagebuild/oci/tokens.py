"""How a registry lets us in: a password, or tokens from the server that it names.

https://distribution.github.io/distribution/spec/auth/token/
https://distribution.github.io/distribution/spec/auth/oauth/
"""

from __future__ import annotations

import base64
import io
import json
import re
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from imagebuild.oci.addresses import check_realm
from imagebuild.oci.challenges import challenge_in
from imagebuild.oci.exchange import Ask
from imagebuild.oci.failures import denied, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from imagebuild.names import ImageName
    from imagebuild.oci.challenges import Challenge
    from imagebuild.oci.exchange import Access, Answer
    from imagebuild.web import Clock

    _Key = tuple[str, tuple[str, ...]]

_CLIENT = "imagebuild"
_SECONDS = 60.0
_FRESH = 0.8
_TOKEN = re.compile(r"[!-~]+")
# Servers that know no POST: https://github.com/containerd/containerd/blob/main/core/remotes/docker/auth
_NO_POST = {404, 405}


@dataclass(frozen=True)
class _Token:
    header: str = field(repr=False)
    stale: float


class Authorizer:
    """Gives each request to one registry its `Authorization`, once the registry has asked for one.

    `send` asks a token server. Any thread may ask; a token is fetched once for all that wait.
    """

    def __init__(
        self,
        registry: str,
        login: Callable[[ImageName], Mapping[str, str]],
        send: Callable[[Ask], Answer],
        clock: Clock,
        plain: Collection[str] = (),
    ) -> None:
        self._registry, self._login, self._send = registry, login, send
        self._clock, self._plain = clock, plain
        self._challenge: Challenge | None = None
        self._tokens: dict[_Key, _Token] = {}
        self._missing: dict[_Key, tuple[str, ...]] = {}
        self._lock = threading.Lock()

    def header(self, access: Access) -> str | None:
        """What to send along; None while nobody asked, and for whoever has no credentials."""
        with self._lock:
            return self._header(access) if self._challenge else None

    def after_401(self, access: Access, challenges: Iterable[str], sent: str | None) -> str | None:
        """What else than `sent` to try; None where there is nothing else."""
        challenge = challenge_in(challenges)
        if challenge is None:
            return None
        with self._lock:
            self._challenge = challenge
            missing = (scope for scope in challenge.scopes if not _covered(scope, access.scopes))
            self._missing[_key(access)] = tuple(missing)
            self._tokens = {key: one for key, one in self._tokens.items() if one.header != sent}
            header = self._header(access)
        return None if header == sent else header

    def _header(self, access: Access) -> str | None:
        challenge, login = self._challenge, self._login(access.name)
        if "registrytoken" in login:
            return f"Bearer {login['registrytoken']}"
        if challenge is not None and challenge.scheme == "bearer":
            usable = self._usable(access)
            return usable.header if usable else self._fetched(access, challenge)
        return _basic(login["username"], login["password"]) if "username" in login else None

    def _usable(self, access: Access) -> _Token | None:
        """A token for just this, or for this repository and more of it; not one of several.

        Some servers put the last scope alone into a token that should hold several:
        https://github.com/estesp/manifest-tool/issues/53
        """
        exact = self._tokens.get(_key(access))
        wider = (
            token
            for (path, scopes), token in self._tokens.items()
            if path == access.name.path
            and len(scopes) == 1
            and all(_covered(scope, scopes) for scope in access.scopes)
        )
        now = self._clock.now()
        return next((one for one in (exact, *wider) if one and now < one.stale), None)

    def _fetched(self, access: Access, challenge: Challenge) -> str:
        """A new token, for what is wanted and, before that, for what the registry found missing."""
        scopes = (*self._missing.get(_key(access), ()), *access.scopes)
        realm = challenge.parameters.get("realm", "")
        check_realm(realm, self._registry, self._plain)
        ask = Ask(f"get a token for {access.name.host}", "GET", realm, access)
        begun = self._clock.now()
        answer = self._answer(ask, challenge, scopes)
        value, seconds = _read(ask, answer)
        token = _Token(f"Bearer {value}", begun + _FRESH * seconds)
        self._tokens[_key(access)] = token
        return token.header

    def _answer(self, ask: Ask, challenge: Challenge, scopes: tuple[str, ...]) -> Answer:
        login = self._login(ask.access.name)
        service = challenge.parameters.get("service")
        about = [("service", service)] if service else []
        identity = login.get("identitytoken")
        if identity:
            fields = [
                ("grant_type", "refresh_token"),
                *about,
                ("client_id", _CLIENT),
                ("scope", " ".join(scopes)),
                ("refresh_token", identity),
            ]
            answer = self._send(_form(ask, urlencode(fields).encode()))
            if answer.status not in _NO_POST:
                return answer
        query = urlencode([*about, *(("scope", scope) for scope in scopes)])
        mark = "&" if "?" in ask.url else "?"
        username = "<token>" if identity else login.get("username")
        secret = identity or login.get("password", "")
        header = {"Authorization": _basic(username, secret)} if username else {}
        return self._send(replace(ask, url=f"{ask.url}{mark}{query}", headers=header))


def _key(access: Access) -> _Key:
    return access.name.path, access.scopes


def _form(ask: Ask, data: bytes) -> Ask:
    return replace(
        ask,
        method="POST",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=lambda: io.BytesIO(data),
        size=len(data),
    )


def _read(ask: Ask, answer: Answer) -> tuple[str, float]:
    """The token, and for how many seconds it is good."""
    if answer.status in {400, 401, 403}:
        raise denied(ask, ask.access, answer.said)
    try:
        said: Any = json.loads(answer.body) if answer.status == 200 else None
    except (ValueError, RecursionError):
        said = None
    found = said if isinstance(said, dict) else {}
    value = found.get("token") or found.get("access_token")
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise wrong(ask, f"{answer.status}, and no token in the answer")
    seconds = found.get("expires_in")
    if not isinstance(seconds, int | float) or not 0 < seconds < 1e9:
        seconds = _SECONDS
    return value, float(seconds)


def _covered(scope: str, scopes: Iterable[str]) -> bool:
    """Whether what is wanted is among what was asked for."""
    resource, _, actions = scope.rpartition(":")
    return any(
        resource == other and (set(actions.split(",")) <= set(given.split(",")) or given == "*")
        for other, _, given in (one.rpartition(":") for one in scopes)
    )


def _basic(username: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"
