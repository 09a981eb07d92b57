"""A registry in a container of its own: open, or one that asks for a password."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import urllib3
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy

from tests.support.images import REGISTRY, ensure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

USERNAME = "tester"
PASSWORD = "a password of the tests"
# The one kind of hash that the registry accepts is bcrypt, which Python's library lacks.
HTPASSWD = f"{USERNAME}:$2b$05$7WKS.AJBqhDPve2pH2K06ucYZkB0I5bKFiVTpZPfXfvWwsflXkE26\n"
MANIFESTS = ", ".join(
    [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]
)


@dataclass(frozen=True)
class Registry:
    """Where a registry is reached, by us and by the engine, and who may."""

    address: str
    username: str | None = None
    password: str | None = None

    def request(self, method: str, path: str) -> urllib3.BaseHTTPResponse:
        """Ask the registry itself, with its password; the path begins with /v2/."""
        headers = {"Accept": MANIFESTS}
        if self.username:
            headers |= urllib3.make_headers(basic_auth=f"{self.username}:{self.password}")
        return urllib3.request(method, f"http://{self.address}{path}", headers=headers)

    def digest(self, repository: str, reference: str) -> str | None:
        """Give the digest that a tag has there, or None."""
        answer = self.request("HEAD", f"/v2/{repository}/manifests/{reference}")
        return answer.headers["Docker-Content-Digest"] if answer.status == 200 else None


@contextmanager
def running_registry(client: DockerClient, *, private: bool = False) -> Iterator[Registry]:
    """Run an empty registry until the block ends."""
    # The container that usually tidies up cannot be pulled everywhere; `with` does it as well.
    testcontainers_config.ryuk_disabled = True
    container = DockerContainer(ensure(client, REGISTRY)).with_exposed_ports(5000)
    container.with_env("REGISTRY_STORAGE_DELETE_ENABLED", "true")
    if private:
        container.with_copy_into_container(HTPASSWD.encode(), "/htpasswd")
        container.with_envs(
            REGISTRY_AUTH="htpasswd",
            REGISTRY_AUTH_HTPASSWD_REALM="tests",
            REGISTRY_AUTH_HTPASSWD_PATH="/htpasswd",
        )
    container.waiting_for(HttpWaitStrategy(5000, "/"))
    with container:
        address = f"localhost:{container.get_exposed_port(5000)}"
        yield Registry(address, USERNAME, PASSWORD) if private else Registry(address)
