"""A Docker Engine that answers: the one docker finds, else one that is installed and started."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import warnings
from contextlib import closing, suppress
from pathlib import Path

import docker
import docker.errors

from tests.support import SetupError
from tests.support.processes import SYSTEM_PATH, apt_install, run, wait_until

RUN = Path("/var/run")
# Where an ended daemon leaves its number, and the program that the number must belong to.
PID_FILES = {"docker.pid": "dockerd", "docker/containerd/containerd.pid": "containerd"}


def ensure_engine() -> docker.DockerClient:
    """Connect as the docker command would; on Debian, as root, an engine is started if need be."""
    if not answers():
        if chosen := os.environ.get("DOCKER_HOST") or os.environ.get("DOCKER_CONTEXT"):
            message = f"no Docker Engine answers at {chosen}; please start it"
            raise SetupError(message)
        _start()
    return docker.from_env()


def forget(client: docker.DockerClient, *names: str) -> None:
    """Take images away, as far as the engine has them."""
    for name in names:
        with suppress(docker.errors.ImageNotFound):
            client.images.remove(name, force=True)


def forget_with_runs(client: docker.DockerClient, image: str) -> None:
    """Take an image away and what runs of it: a run is Completed before its container has ended."""

    def gone() -> bool:
        for container in client.containers.list(
            all=True, filters={"ancestor": image}, ignore_removed=True
        ):
            with suppress(docker.errors.APIError):  # somebody else takes it away just now
                container.remove(force=True)
        try:
            forget(client, image)
        except docker.errors.APIError as error:
            if error.status_code == 409:  # a container is still on its way, or out of it
                return False
            raise
        return True

    wait_until(gone, f"the end of what runs of {image}", 60)


def answers() -> bool:
    """Tell whether an engine can be reached."""
    # The SDK drops a socket that could not connect without closing it (transport/unixconn.py);
    # who is running when it is collected would be blamed.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            with closing(docker.from_env(timeout=10)) as client:
                return client.ping()
        except (docker.errors.DockerException, OSError):
            pass
        gc.collect()
    return False


def remove_stale(run: Path = RUN) -> bool:
    """Remove what an ended daemon left behind; True if one is running (and so may yet answer).

    A number in a pid file may long belong to another program, after a restart of the machine or
    in a snapshot of it; dockerd would refuse to start for it.
    """
    running = False
    for name, program in PID_FILES.items():
        file = run / name
        if not file.exists():
            continue
        if _program(file.read_text().strip()) != program:
            file.unlink()
        elif program == "dockerd":
            running = True
    if not running:
        (run / "docker.sock").unlink(missing_ok=True)
    return running


def _program(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _start() -> None:
    """Install what is missing, start dockerd, and leave it running when we end."""
    if os.geteuid() != 0 or not Path("/proc/self").exists():
        message = "no Docker Engine answers: please start Docker, then run the command again"
        raise SetupError(message)
    if not (_which("dockerd") and _which("iptables")):
        apt_install("docker.io", "iptables")  # which may start the daemon, where there is an init
    log = Path(tempfile.gettempdir()) / "imagebuild-dockerd.log"
    if not remove_stale():
        print("set-up: starting the Docker Engine", flush=True)
        run("sh", "-c", 'setsid --fork dockerd >"$0" 2>&1', str(log))
    wait_until(answers, "the Docker Engine", 30, log=log)


def _which(program: str) -> str | None:
    return shutil.which(program, path=SYSTEM_PATH)
