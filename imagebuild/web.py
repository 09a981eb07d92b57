"""What our clients of HTTP, to Prefect and to registries, have in common: patience and manners."""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_RETRY_AFTER_LIMIT = 120.0
_LOOPBACK = re.compile(r"(.+\.)?localhost|127(\.\d{1,3}){3}|::1")


@dataclass(frozen=True)
class Clock:
    """Time, which tests bring with them."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def backoff(attempt: int) -> float:
    """Seconds to wait after the first attempt, the second…: 1, 2, 4, and never quite the same."""
    return float(2 ** (attempt - 1)) * random.uniform(0.8, 1.2)


def retry_after(value: str | None, limit: float = _RETRY_AFTER_LIMIT) -> float | None:
    """The seconds that a server asks for, as a number or a date; None where it does not."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return None
    return min(max(seconds, 0.0), limit)


def origin(url: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{parts.hostname}:{port}"


def without_password(url: str) -> str:
    """The URL without the user and password that may be in it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def is_loopback(host: str) -> bool:
    """Whether a host, without its port, is this machine by its very name."""
    host = host.strip("[]").lower()
    return bool(_LOOPBACK.fullmatch(host))


def proxy_for(scheme: str, host: str, env: Mapping[str, str]) -> str | None:
    """The proxy that the environment names for this host; none can lead to our own loopback."""
    said = {name.lower(): value for name, value in env.items() if name.lower().endswith("_proxy")}
    proxy = said.get(f"{scheme}_proxy") or said.get("all_proxy")
    if not proxy or is_loopback(host):
        return None
    import urllib.request  # which takes its time, and is needed here alone

    # Python's own reading of NO_PROXY, on our own environment.
    bypass = urllib.request.proxy_bypass_environment  # type: ignore[attr-defined]
    if bypass(host, {"no": said.get("no_proxy", "")}):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
