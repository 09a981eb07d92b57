"""A Prefect server that asks who comes, behind TLS with a CA of its own and a gateway's header."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import urllib3

from tests.support.certificates import loopback_certificate
from tests.support.command import imagebuild
from tests.support.prefect_stack import create_pool, running_server
from tests.support.proxies import recording_http
from tests.support.small_image import import_small
from tests.support.tls_front import tls_front

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer
    from tests.support.proxies import RecordingProxy

HELLO = Path(__file__).parents[2] / "examples" / "hello"
NAME = "hello:access"
AUTH = "admin:it's a:pass word"
HEADER = "x-gateway-token"
DEPLOY = ("deploy", "--image", NAME, "--no-push", "--name", "access")
# What is missing, the exit code, and what the error names.
LACKS = {
    "PREFECT_API_AUTH_STRING": (4, "PREFECT_API_AUTH_STRING"),
    "PREFECT_API_SSL_CERT_FILE": (3, "PREFECT_API_SSL_CERT_FILE"),
}


@dataclass(frozen=True)
class Guarded:
    """The server, what is asked of it, and the environment of somebody who may."""

    server: PrefectServer
    proxy: RecordingProxy
    env: dict[str, str]


@pytest.fixture(scope="module")
def guarded(engine: DockerClient) -> Iterator[Guarded]:
    """Give a server with an auth string, behind a proxy that records, behind TLS."""
    with (
        tempfile.TemporaryDirectory(prefix="prefect-", ignore_cleanup_errors=True) as name,
        running_server(Path(name), auth=AUTH) as server,
        recording_http(server.url) as (proxy, address),
    ):
        create_pool(server, "guarded-pool", "docker")
        certificate = loopback_certificate(Path(name))
        behind = ("127.0.0.1", int(address.rpartition(":")[2]))
        with tls_front(behind, certificate) as (host, port):
            docker_host = os.environ.get("DOCKER_HOST")
            yield Guarded(
                server,
                proxy,
                server.environment()
                | ({"DOCKER_HOST": docker_host} if docker_host else {})
                | {
                    "PREFECT_API_URL": f"https://{host}:{port}/api",
                    "PREFECT_API_SSL_CERT_FILE": str(certificate.certificate),
                    "PREFECT_CLIENT_CUSTOM_HEADERS": f'{{"{HEADER}": "let me in"}}',
                    "IMAGEBUILD_BASE": import_small(engine),
                },
            )
    for made in (NAME, "imagebuild-tests/empty:1"):
        if engine.images.list(made):
            engine.images.remove(made, force=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a copy of the example without dependencies, in a folder of the same name."""
    project = Path(shutil.copytree(HELLO, tmp_path / "hello"))
    (project / "requirements.txt").unlink()
    return project


def test_a_deployment_is_made_and_brought_up_to_date_there(project: Path, guarded: Guarded) -> None:
    """By Prefect's own client and by ours; every request shows who comes, and has the header."""
    guarded.proxy.clear()
    first = imagebuild(*DEPLOY, cwd=project, env=guarded.env)
    made = guarded.server.api.deployment("hello/access")
    (project / "data.csv").write_text("1,2\n")
    second = imagebuild(*DEPLOY, "--deployment-tag", "new", cwd=project, env=guarded.env)
    updated = guarded.server.api.deployment("hello/access")

    assert first.reference == second.reference == NAME
    assert made["job_variables"]["image"] == NAME
    assert (updated["id"], updated["tags"]) == (made["id"], ["new"])
    assert guarded.proxy.asked("POST", "/api/deployments/")
    assert guarded.proxy.asked("PATCH", "/api/deployments/.*")
    basic = urllib3.make_headers(basic_auth=AUTH)["authorization"]
    shown = {
        (request.headers.get(HEADER), request.headers.get("authorization"))
        for request in guarded.proxy.asked()
    }
    assert shown == {("let me in", basic)}


@pytest.mark.parametrize(
    ("lacking", "code", "names"), [(key, *told) for key, told in LACKS.items()]
)
def test_what_is_missing_is_named_before_anything_is_built(
    lacking: str, code: int, names: str, project: Path, guarded: Guarded
) -> None:
    """The password, or the server's CA."""
    env = {key: value for key, value in guarded.env.items() if key != lacking}

    ran = imagebuild(*DEPLOY, cwd=project, env=env)

    assert (ran.code, ran.answer) == (code, []), ran.told
    assert names in ran.told
    assert AUTH not in ran.told
    assert "build …" not in ran.told
