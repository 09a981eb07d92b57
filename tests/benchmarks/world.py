"""What both ways deploy with: one engine, registry and Prefect server, each behind a counter."""

from __future__ import annotations

import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import docker.errors

from imagebuild import buildkit
from imagebuild.builders.trees import Files
from tests.benchmarks.counting import CountingProxy, counting_engine, counting_http
from tests.benchmarks.ways import POOL
from tests.support import SetupError
from tests.support.engine import ensure_engine
from tests.support.images import PREFECT, ensure
from tests.support.prefect_stack import create_pool, running_server
from tests.support.proxies import engine_address
from tests.support.registry import running_registry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from docker import DockerClient

    from tests.benchmarks.ways import Project, Way
    from tests.support.proxies import Request

BASE = "base"  # its repository in the registry
READS = ("/filter", "/count", "/paginate", "/history")  # what Prefect's API asks for by POST


@dataclass(frozen=True)
class Cost:
    """What one deploy took: wall time in seconds, sizes in bytes, the rest in numbers of them."""

    seconds: float
    to_engine: int
    to_registry: int
    from_registry: int
    registry_requests: int
    steps_run: int
    prefect_changes: int


@dataclass(frozen=True)
class World:
    """All that a deploy needs; `environment` leads it through the counters."""

    client: DockerClient
    engine: CountingProxy
    registry: CountingProxy
    prefect: CountingProxy
    registry_host: str
    environment: Mapping[str, str]
    images: dict[str, None] = field(default_factory=dict)  # IDs, in the order they were made
    names: set[str] = field(default_factory=set)  # of projects; nobody else has them

    @property
    def pulled_base(self) -> str:
        """The base as the registry has it."""
        return f"{self.registry_host}/{BASE}:v1"

    def deploy(self, way: Way, project: Project) -> Cost:
        """Deploy once, and count; raises `SetupError` with its last words where it fails."""
        self.names.add(project.folder.name)
        for proxy in (self.engine, self.registry, self.prefect):
            proxy.clear()
        began = time.monotonic()
        done = subprocess.run(
            way.command(project),
            cwd=project.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.monotonic() - began
        if done.returncode:
            message = f"{way.name} ended with {done.returncode}:\n"
            raise SetupError(message + (done.stdout + done.stderr)[-3000:])
        for image in self.client.images.list(project.repository):  # none, if only code was added
            self.images[str(image.id)] = None
        return Cost(
            seconds,
            self.engine.sent,
            self.registry.sent,
            self.registry.answered,
            len(self.registry.requests),
            way.steps_run(done.stdout + done.stderr),
            sum(map(is_change, self.prefect.requests)),
        )

    def forget_downloads(self, packages: Sequence[str]) -> None:
        """Take packages, and nothing else, out of uv's cache in the engine's cache mount."""
        dockerfile = (
            f"FROM {PREFECT.name}\n"
            f"RUN --mount=type=cache,target=/root/.cache uv cache clean {' '.join(packages)}\n"
        )
        trees = {"context": Files({}), "dockerfile": Files({"Dockerfile": dockerfile.encode()})}
        options = buildkit.BuildOptions(no_cache=True)
        api, name = self.client.api, "imagebuild-benchmark"
        with buildkit.Session(api, trees=trees, shared_key=name, name=name) as session:
            image = buildkit.build(api, session, options)
        self.images[image] = None

    def remove_all(self) -> None:
        """Remove the images, the newest first, since one may stand on an older one.

        Before them the containers that prefect-docker leaves behind, one for almost each step.
        """
        for container in self.client.containers.list(all=True, ignore_removed=True):
            made_by = str(container.attrs["Config"])
            if container.status != "running" and any(name in made_by for name in self.names):
                container.remove()
        for image in reversed(self.images):
            with suppress(docker.errors.ImageNotFound):
                self.client.images.remove(image, force=True)


def is_change(request: Request) -> bool:
    """Tell whether a request to Prefect's API was to change something."""
    path = request.path.partition("?")[0]
    return request.method in ("POST", "PUT", "PATCH", "DELETE") and not path.endswith(READS)


@contextmanager
def running_world() -> Iterator[World]:
    """Set everything up, and take it down with all that was made."""
    with (
        closing(ensure_engine()) as client,
        # The path of the engine's socket must be short.
        tempfile.TemporaryDirectory(prefix="ib-", ignore_cleanup_errors=True) as name,
        counting_engine(Path(name, "engine.sock"), engine_address()) as (engine, docker_host),
        running_registry(client) as open_registry,
        counting_http(open_registry.address) as (registry, registry_host),
        ThreadPoolExecutor(1) as aside,
    ):
        ensure(client, PREFECT)
        base = aside.submit(push_base, client, f"{registry_host}/{BASE}")  # while the server starts
        with (
            running_server(Path(name)) as server,
            counting_http(server.url) as (prefect, prefect_host),
        ):
            create_pool(server, POOL, "docker")
            base.result()
            leads = {"DOCKER_HOST": docker_host, "PREFECT_API_URL": f"http://{prefect_host}/api"}
            environment = with_bytecode(server.environment() | leads, Path(name))
            world = World(client, engine, registry, prefect, registry_host, environment)
            try:
                yield world
            finally:
                world.remove_all()


def with_bytecode(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Let Python keep what it compiles, as it does by default, and do it in the folder.

    Else both ways compile hundreds of modules each time, and the race is one of compilers.
    """
    kept = {key: value for key, value in environment.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


def push_base(client: DockerClient, repository: str) -> None:
    """Have the base's layers in the registry, where a team's registry has them too."""
    client.images.get(PREFECT.name).tag(repository, "v1")
    try:
        for event in client.api.push(repository, "v1", stream=True, decode=True):
            if "error" in event:
                raise SetupError(event["error"])
    finally:
        client.images.remove(f"{repository}:v1")
