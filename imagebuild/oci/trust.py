"""Which certificates a registry is known by, and which one we show it.

https://docs.docker.com/engine/security/certificates/
https://github.com/containers/image/blob/main/docs/containers-certs.d.5.md
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from imagebuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def folders_for(host: str) -> list[Path]:
    """The folders that hold certificates for a registry, `host` or `host:port`."""
    return [place / host for place in _places() if (place / host).is_dir()]


def tls_context(host: str, env: Mapping[str, str]) -> ssl.SSLContext:
    """Whom we trust for a host: the system, or SSL_CERT_FILE, and what its own folders hold.

    Raises `UsageError` for certificates that cannot be read.
    """
    path = Path(env.get("SSL_CERT_FILE") or "the system's certificates")
    try:
        context = ssl.create_default_context(cafile=env.get("SSL_CERT_FILE") or None)
        for path in _files(host, ".crt"):
            context.load_verify_locations(path)
        for path in _files(host, ".cert"):
            context.load_cert_chain(path, path.with_suffix(".key"))
    except (OSError, ssl.SSLError) as error:
        message = f"cannot read the certificates for {host}"
        causes = (f"{path}: {error.strerror or error}",)
        raise UsageError(message, causes=causes, hint="mend the file, or take it away") from error
    return context


def _places() -> Iterator[Path]:
    yield Path("/etc/docker/certs.d")
    yield Path("/etc/containers/certs.d")
    yield Path.home() / ".config" / "docker" / "certs.d"
    yield Path.home() / ".config" / "containers" / "certs.d"


def _files(host: str, ending: str) -> Iterator[Path]:
    for folder in folders_for(host):
        yield from sorted(path for path in folder.iterdir() if path.suffix == ending)
