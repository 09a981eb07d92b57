"""The command finds an engine that is reached by TCP with TLS, as docker finds it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.certificates import loopback_certificate
from tests.support.command import imagebuild
from tests.support.processes import run
from tests.support.proxies import engine_address
from tests.support.small_image import import_small
from tests.support.tls_front import tls_front

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docker import DockerClient

    from tests.support.certificates import Certificate

HELLO = Path(__file__).parents[2] / "examples" / "hello"
NAME = "imagebuild-tests/over-tls:v1"


@pytest.fixture
def project(tmp_path: Path, engine: DockerClient) -> Iterator[Path]:
    """Give a copy of the example on a small base, without dependencies."""
    project = Path(shutil.copytree(HELLO, tmp_path / "hello"))
    (project / "requirements.txt").unlink()
    base = import_small(engine)
    (project / "imagebuild.toml").write_text(f"image = {NAME!r}\nbase = {base!r}\n")
    yield project
    for name in (NAME, base):
        if engine.images.list(name):
            engine.images.remove(name, force=True)


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[tuple[str, Certificate]]:
    """Give the address of an engine that only those reach who show a certificate, and that one."""
    certificate = loopback_certificate(tmp_path)
    with tls_front(engine_address(), certificate, mutual=True) as (host, port):
        yield f"tcp://{host}:{port}", certificate


def by_variables(folder: Path, address: str, known: Certificate) -> Mapping[str, str]:
    """DOCKER_HOST, DOCKER_TLS_VERIFY and a DOCKER_CERT_PATH."""
    for name, source in (
        ("ca", known.certificate),
        ("cert", known.certificate),
        ("key", known.key),
    ):
        shutil.copy(source, folder / f"{name}.pem")
    return {"DOCKER_HOST": address, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(folder)}


def by_context(folder: Path, address: str, known: Certificate) -> Mapping[str, str]:
    """A context that docker itself has made, and that is the current one."""
    tls = f"ca={known.certificate},cert={known.certificate},key={known.key}"
    config = {"DOCKER_CONFIG": str(folder)}
    docker = ("env", "--unset=DOCKER_HOST", "docker", "context")
    run(*docker, "create", "far", "--docker", f"host={address},{tls}", env=config)
    run(*docker, "use", "far", env=config)
    return config


@pytest.mark.parametrize("found", [by_variables, by_context])
def test_an_engine_behind_tls_is_found_and_builds(
    found: type,
    project: Path,
    engine: DockerClient,
    tmp_path: Path,
    secured: tuple[str, Certificate],
) -> None:
    """By both kinds of settings, with a certificate of ours for those who ask for one."""
    (tmp_path / "docker").mkdir()
    env = {key: value for key, value in os.environ.items() if key != "DOCKER_HOST"}

    ran = imagebuild("build", cwd=project, env=env | found(tmp_path / "docker", *secured))

    assert ran.reference == NAME
    assert "sent 2 files" in ran.told
    assert engine.images.list(NAME)


def test_an_engine_that_is_not_the_one_that_is_trusted_is_not_used(
    project: Path, engine: DockerClient, tmp_path: Path, secured: tuple[str, Certificate]
) -> None:
    """It is unreachable, and the address says which it is."""
    address, _ = secured
    for name in ("docker", "other"):
        (tmp_path / name).mkdir()
    other = loopback_certificate(tmp_path / "other")

    ran = imagebuild(
        "build",
        cwd=project,
        env={**os.environ, **by_variables(tmp_path / "docker", address, other)},
    )

    assert (ran.code, ran.answer) == (3, []), ran.told
    assert address in ran.told
    assert "its certificate is not trusted: self" in ran.told
    assert engine.images.list(NAME) == []
