"""Where a registry may send us: its realms, redirects and upload addresses are only its word.

A registry that can make us ask any address reaches what only we reach, such as a cloud's metadata
service: https://github.com/google/go-containerregistry/issues/2440
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urljoin, urlsplit, urlunsplit

from imagebuild.errors import RefusedByPolicy
from imagebuild.printable import printable
from imagebuild.web import is_loopback, origin, without_password

if TYPE_CHECKING:
    from collections.abc import Collection

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# What of a URL's query may be shown; the rest can be a key to what the URL names.
_SHOWN = {"scope", "service", "mount", "from", "digest", "n", "last"}
# What is a host and no folder where a `Location` begins with it.
_HOST = re.compile(r"localhost|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(\.[A-Za-z]+|:\d+)")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Metadata services that are not link-local: of Amazon by IPv6, of Alibaba, of Oracle's old one.
_METADATA = {"fd00:ec2::254", "100.100.100.200", "192.0.0.192"}


class Neighbourhood:
    """How near the registry is, as its own connections tell: others may not be nearer."""

    def __init__(self) -> None:
        self._distance = 2

    def learn(self, address: str) -> None:
        """The registry itself was reached there."""
        self._distance = min(self._distance, _distance(_parsed(address)))

    def check(self, url: str, address: str) -> None:
        """Raise `RefusedByPolicy` where the registry has no business to send us there."""
        found = _parsed(address)
        forbidden = (
            found.is_link_local
            or found.is_multicast
            or found.is_unspecified
            or str(found) in _METADATA
        )
        if forbidden or _distance(found) < self._distance:
            reason = f"{urlsplit(url).hostname} is {address}, which the registry's host is not near"
            raise _refused(url, reason)

    def check_name(self, url: str) -> None:
        """The same for a host that is an address already, before anybody is asked for it."""
        host = urlsplit(url).hostname or ""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            if is_loopback(host):
                self.check(url, "127.0.0.1")
            return
        self.check(url, host)


def followed(url: str, place: str) -> str:
    """Where a `Location` in the answer to `url` leads: relative, absolute, or without a scheme.

    Raises `RefusedByPolicy` for one that leads from https to http, or to no server at all.
    """
    first = place.partition("/")[0]
    if _HOST.fullmatch(first) and "://" not in place:
        there = f"{urlsplit(url).scheme}://{place}"
    else:
        there = urljoin(url, place)
    _check_server(there)
    if urlsplit(url).scheme == "https" and urlsplit(there).scheme != "https":
        raise _refused(
            there,
            f"{origin(url)} sends us from https to http",
            hint="where a proxy stands before the registry, it has to set X-Forwarded-Proto: https;"
            " or let the registry answer with relative addresses (REGISTRY_HTTP_RELATIVEURLS)",
        )
    return urlunsplit(urlsplit(there)._replace(fragment=""))


def check_realm(realm: str, registry: str, plain: Collection[str]) -> None:
    """Raise `RefusedByPolicy` for a token server that must not see a password.

    It has to be https; http only where the registry's own URL is, for the registry's host, for the
    loopback and for a host in `plain`.
    """
    _check_server(realm)
    parts, own = urlsplit(realm), urlsplit(registry)
    host = parts.hostname or ""
    may_be_plain = own.scheme == "http" and (
        host == own.hostname or is_loopback(host) or bool({host, parts.netloc} & set(plain))
    )
    if parts.scheme != "https" and not may_be_plain:
        raise _refused(realm, "a token server has to speak https")


def shown(url: str) -> str:
    """The URL as a message may show it."""
    parts = urlsplit(without_password(url))
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = "&".join(
        f"{quote(name)}={quote(value, safe=':/,') if name in _SHOWN else '…'}"
        for name, value in pairs
    )
    return printable(urlunsplit(parts._replace(query=query, fragment="")))


def _check_server(url: str) -> None:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        message = f"the registry sends us to {printable(url, 80)!r}, which is no address"
        raise RefusedByPolicy(message)
    if "@" in parts.netloc:
        raise _refused(url, "it comes with a user of its own")


def _refused(url: str, reason: str, hint: str | None = None) -> RefusedByPolicy:
    message = f"the registry sends us to {shown(url)}, where we do not go"
    return RefusedByPolicy(message, causes=(reason,), hint=hint)


def _parsed(address: str) -> Address:
    """An address, or the older one that it stands for."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv4Address):
        return found
    if found in _NAT64:
        return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    return found.ipv4_mapped or found.sixtofour or found


def _distance(address: Address) -> int:
    """This machine, a private network, the world."""
    if address.is_loopback:
        return 0
    return 2 if address.is_global else 1
