"""Prefect for real: a server with a database of its own, work pools, and workers."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import docker

from tests.support.prefect_api import PrefectApi
from tests.support.processes import background, free_port, run, wait_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

KEPT = Path(__file__).parents[2] / ".work"


@dataclass(frozen=True)
class Prefect:
    """A Prefect that is installed: its version, and the start of its command line."""

    version: str
    argv: tuple[str, ...]

    @property
    def empty_database(self) -> Path:
        """Where a migrated database of this version is kept, if there is one."""
        return KEPT / f"prefect-{self.version}-empty.db"


OURS = Prefect(version("prefect"), (sys.executable, "-m", "prefect"))


@dataclass(frozen=True)
class PrefectServer:
    """A running server; everything it and its clients keep lies in its folder.

    `auth` is what it wants to be shown, `user:password`; empty, it is open to all.
    """

    folder: Path
    url: str
    prefect: Prefect = OURS
    auth: str = field(default="", repr=False)
    api: PrefectApi = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "api", PrefectApi(self.url, self.auth))

    def environment(self) -> dict[str, str]:
        """Give the environment of a process that uses this server, whatever the user has set."""
        own = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
        shown = dict.fromkeys(
            ("PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING"), self.auth
        )
        return own | {
            **(shown if self.auth else {}),
            "DO_NOT_TRACK": "1",
            "PREFECT_API_URL": self.url,
            "PREFECT_HOME": str(self.folder),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_UI_ENABLED": "false",
            # A worker asks for work every ten seconds, if nothing else is said.
            "PREFECT_WORKER_QUERY_SECONDS": "1",
        }


@dataclass(frozen=True)
class Worker:
    """A running worker; its log is where it says why it could not start a container."""

    server: PrefectServer
    pool: str
    log: Path
    process: subprocess.Popen[bytes]

    def wait_online(self) -> None:
        """Await that it polls for work; a run awaits that anyway, a deployment does not."""
        online = self.server.api.workers_online
        wait_until(lambda: online(self.pool), f"worker {self.pool}", 60, self.process, self.log)


@contextmanager
def running_server(
    folder: Path, host: str = "127.0.0.1", prefect: Prefect = OURS, auth: str = ""
) -> Iterator[PrefectServer]:
    """Run a server until the block ends; `host` from `container_host` for runs in containers."""
    port = free_port(host)
    server = PrefectServer(folder, f"http://{host}:{port}/api", prefect, auth)
    log = folder / "server.log"
    argv = [*prefect.argv, "server", "start", "--host", host, "--port", str(port)]
    fresh = not restore(folder, prefect)
    with background(argv, log, server.environment()) as process, closing(server.api):
        wait_until(server.api.healthy, "the Prefect server", 120, process, log)
        if fresh:
            _keep(server)
        yield server


def restore(home: Path, prefect: Prefect = OURS) -> bool:
    """Let a server in this PREFECT_HOME begin with the empty database of an earlier run.

    To migrate one takes six seconds.
    """
    if not prefect.empty_database.exists():
        return False
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(prefect.empty_database, home / "prefect.db")
    return True


def _keep(server: PrefectServer) -> None:
    KEPT.mkdir(exist_ok=True)
    kept = server.prefect.empty_database
    part = kept.with_suffix(f".{os.getpid()}")
    with (
        closing(sqlite3.connect(server.folder / "prefect.db")) as source,
        closing(sqlite3.connect(part)) as copy,
    ):
        source.backup(copy)
    part.replace(kept)


def container_host(client: docker.DockerClient) -> str:
    """Give the narrowest address of this machine that containers reach as well as we do.

    On Linux the bridge's own: nobody else's network sees it, and Prefect's worker hands it to
    containers unchanged. Docker Desktop has no such address, and leads to our loopback.
    """
    config = client.networks.get("bridge").attrs["IPAM"]["Config"][0]
    # An engine that has just been installed tells the subnet only.
    gateway = config.get("Gateway") or str(next(ip_network(config["Subnet"]).hosts()))
    try:
        free_port(gateway)
    except OSError:
        return "127.0.0.1"
    return gateway


def create_pool(server: PrefectServer, name: str, kind: str) -> None:
    """Make a work pool with the base job template that its kind ("docker", "process") has."""
    run(*server.prefect.argv, "work-pool", "create", name, "--type", kind, env=server.environment())


@contextmanager
def own_pool(server: PrefectServer, name: str, kind: str) -> Iterator[str]:
    """Have such a pool until the block ends: whoever comes later may count on the only one."""
    create_pool(server, name, kind)
    yield name
    server.api.request("DELETE", f"/work_pools/{quote(name)}")


@contextmanager
def running_worker(server: PrefectServer, pool: str, kind: str) -> Iterator[Worker]:
    """Run a worker until the block ends; it is started, and not yet awaited."""
    log = server.folder / f"worker-{pool}.log"
    argv = [*server.prefect.argv, "worker", "start", "--pool", pool, "--type", kind]
    with background(argv, log, server.environment()) as process:
        yield Worker(server, pool, log, process)
    if kind == "docker":
        _remove_containers(server.api.request("GET", f"/work_pools/{pool}")["id"])


def _remove_containers(pool_id: str) -> None:
    """Remove what the worker leaves behind: the ended containers of its runs."""
    with closing(docker.from_env()) as client:
        label = f"io.prefect.work-pool-id={pool_id}"
        for container in client.containers.list(all=True, filters={"label": label}):
            container.remove(force=True)
