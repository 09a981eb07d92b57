"""A session with a real engine behind TLS."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING

import docker
import pytest
from docker.tls import TLSConfig

from imagebuild.buildkit import platforms
from tests.support.certificates import loopback_certificate
from tests.support.proxies import engine_address
from tests.support.tls_front import tls_front

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

from .test_buildkit_build import COPY, files_of, run


@pytest.fixture
def tls_address(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A TLS-terminating proxy on loopback before the engine, and its certificate."""
    certificate = loopback_certificate(tmp_path)
    with tls_front(engine_address(), certificate) as (host, port):
        yield f"https://{host}:{port}", certificate.certificate


@pytest.fixture
def tls_api(
    tls_address: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[docker.APIClient]:
    """The engine, reached by https."""
    # requests prefers these to what its session says: https://github.com/psf/requests/issues/3829
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    address, certificate = tls_address
    tls = TLSConfig(ca_cert=str(certificate), verify=True)
    with contextlib.closing(docker.APIClient(address, "auto", tls=tls)) as api:
        yield api


def test_a_build_works_over_tls(tls_api: docker.APIClient) -> None:
    """Many files, there and back."""
    key = uuid.uuid4().hex
    files: dict[str, bytes | str] = {f"d/{i}": (key * i).encode() for i in range(500)}
    with contextlib.closing(docker.from_env()) as client:
        image, sent, _ = run(tls_api, COPY, files, key)
        try:
            assert sent["context"].files == 500
            assert len(files_of(client, image)) == 500
        finally:
            client.images.remove(image, force=True)


def test_platforms_are_listed_over_tls(tls_api: docker.APIClient) -> None:
    """As over the engine's socket."""
    with contextlib.closing(docker.from_env()) as client:
        assert platforms(tls_api) == platforms(client.api)
