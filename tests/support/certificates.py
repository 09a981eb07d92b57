"""A certificate for what listens on loopback, signed by itself."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """Two PEM files; `certificate` is also the authority that a client must trust."""

    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        """Give what a server with this certificate listens by."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def loopback_certificate(folder: Path, name: str = "IP:127.0.0.1") -> Certificate:
    """Make a certificate for 127.0.0.1, or a `DNS:` name, good for two days, with its key."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-nodes", "-days", "2",
         "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-subj", "/CN=tests", "-addext", f"subjectAltName={name}",
         "-keyout", str(made.key), "-out", str(made.certificate)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return made
