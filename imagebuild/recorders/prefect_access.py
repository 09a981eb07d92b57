"""How to reach Prefect's API and be let in: TLS, proxies, credentials, as Prefect's client has it.

https://github.com/PrefectHQ/prefect/blob/main/src/prefect/client/orchestration/__init__.py
"""

from __future__ import annotations

import base64
import ssl
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.util import make_headers

from imagebuild import __version__
from imagebuild.errors import UsageError
from imagebuild.printable import printable
from imagebuild.web import proxy_for, without_password

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagebuild.recorders.prefect_settings import PrefectSettings

# Prefect's client refuses to let these be set: prefect/client/base.py
_PROTECTED = {"user-agent", "prefect-csrf-token", "prefect-csrf-client"}


def headers_for(url: str, settings: PrefectSettings) -> dict[str, str]:
    """What every request carries, with Prefect's own order of credentials.

    https://github.com/PrefectHQ/prefect/blob/main/src/prefect/client/orchestration/__init__.py
    """
    headers = {"accept": "application/json", "user-agent": f"imagebuild/{__version__}"}
    if settings.auth_string:
        headers["authorization"] = _basic(settings.auth_string)
    elif settings.api_key:
        headers["authorization"] = f"Bearer {settings.api_key}"
    given = {name.lower(): value for name, value in settings.headers.items()}
    headers |= {name: value for name, value in given.items() if name not in _PROTECTED}
    parts = urlsplit(url)
    if parts.username is not None:
        user, password = unquote(parts.username), unquote(parts.password or "")
        headers["authorization"] = _basic(f"{user}:{password}")
    return headers


def _basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def pool_for(url: str, settings: PrefectSettings, env: Mapping[str, str]) -> urllib3.PoolManager:
    """The connections to an API, of which none is open yet.

    Raises `UsageError` for an address that is none and for certificates that cannot be read.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not _has_port(url):
        message = f"{printable(url)!r} is not the address of a Prefect API"
        raise UsageError(message, hint="PREFECT_API_URL looks like http://127.0.0.1:4200/api")
    context = _tls(settings) if parts.scheme == "https" else None
    proxy = proxy_for(parts.scheme, parts.hostname, env)
    if proxy is None:
        return urllib3.PoolManager(ssl_context=context)
    auth = urlsplit(proxy)
    user = f"{unquote(auth.username)}:{unquote(auth.password or '')}" if auth.username else None
    return urllib3.ProxyManager(
        without_password(proxy),
        proxy_headers=make_headers(proxy_basic_auth=user),
        ssl_context=context,
    )


def _has_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _tls(settings: PrefectSettings) -> ssl.SSLContext:
    if settings.insecure:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    path = settings.ssl_cert_file
    if path is None:
        import certifi

        path = certifi.where()
    try:
        return ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        message = f"cannot read the certificates in {path}"
        causes = (str(error),)
        hint = "check PREFECT_API_SSL_CERT_FILE and SSL_CERT_FILE"
        raise UsageError(message, causes=causes, hint=hint) from error
