"""An engine with the containerd image store, beside the machine's own, which it never touches.

It has its own containerd, folders, socket, bridge and rules for that bridge; what a killed run
has left of them is cleared away before the next one.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import docker

from tests.support import SetupError
from tests.support.debian import CACHE, is_debian, unpacked
from tests.support.processes import SYSTEM_PATH, apt_install, background, run, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTAINERD_STORE = ["driver-type", "io.containerd.snapshotter.v1"]
PROGRAMS = {"ip": "iproute2", "iptables": "iptables", "runc": "runc"}
SLOTS = 8

CONTAINERD = """\
version = 2
root = "{data}/containerd"
state = "{run}/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{run}/containerd.sock"
"""


@dataclass(frozen=True)
class SecondEngine:
    """An engine with the containerd image store, and what leads docker there."""

    client: docker.DockerClient
    environment: dict[str, str]

    def ensure(self, first: docker.DockerClient, image: str) -> None:
        """Have an image that the first engine has."""
        present = [found.attrs["RootFS"] for found in self.client.images.list(image)]
        if first.images.get(image).attrs["RootFS"] not in present:
            self.client.images.load(first.api.get_image(image))


@dataclass(frozen=True)
class Slot:
    """What one engine has for itself; several runs of the tests take different numbers."""

    number: int

    @property
    def run(self) -> Path:
        """Sockets and state; a socket's path has 108 bytes at most."""
        return Path(f"/run/imagebuild-tests-{self.number}")

    @property
    def data(self) -> Path:
        """Images, layers, logs."""
        return CACHE / f"engine-{self.number}"

    @property
    def bridge(self) -> str:
        """The network interface that its containers are attached to."""
        return f"ibtest{self.number}"

    @property
    def network(self) -> str:
        """First three numbers of its addresses, which are set aside for tests (RFC 2544)."""
        return f"198.18.{self.number}"

    @property
    def rules(self) -> tuple[str, ...]:
        """What lets its containers out, as arguments of iptables without the action."""
        return (
            f"nat POSTROUTING -s {self.network}.0/24 ! -o {self.bridge} -j MASQUERADE",
            f"filter FORWARD -i {self.bridge} -j ACCEPT",
            f"filter FORWARD -o {self.bridge} -j ACCEPT",
        )


@contextmanager
def containerd_engine() -> Iterator[SecondEngine]:
    """Run an engine with the containerd store until the block ends.

    On Debian, as root. Elsewhere the engine that is there is taken, if it has that store.
    """
    if not (is_debian() and os.geteuid() == 0):
        with closing(docker.from_env()) as client:
            if CONTAINERD_STORE not in client.info()["DriverStatus"]:
                message = "please give the Docker Engine the containerd image store: a second"
                message += " engine, which has it, can be started by root on Debian only"
                raise SetupError(message)
            yield SecondEngine(client, {})
        return
    for program, package in PROGRAMS.items():
        if shutil.which(program, path=SYSTEM_PATH) is None:
            apt_install(package)
    with _free_slot() as slot, _running(slot) as host, closing(docker.DockerClient(host)) as client:
        yield SecondEngine(client, {"DOCKER_HOST": host})


@contextmanager
def _free_slot() -> Iterator[Slot]:
    """Take what no living run of the tests holds, as clean as new, and leave it so."""
    CACHE.mkdir(parents=True, exist_ok=True)
    for number in range(SLOTS):
        with (CACHE / f"engine-{number}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            slot = Slot(number)
            _clear(slot)
            try:
                yield slot
            finally:
                _clear(slot)
            return
    message = f"{SLOTS} runs of the tests have an engine of their own already"
    raise SetupError(message)


@contextmanager
def _running(slot: Slot) -> Iterator[str]:
    """Start network, containerd and dockerd, and give the DOCKER_HOST."""
    programs = [unpacked("containerd") / "usr/bin", unpacked("docker.io") / "usr/sbin"]
    env = os.environ | {"PATH": os.pathsep.join([*map(str, programs), SYSTEM_PATH])}
    slot.run.mkdir(parents=True)
    slot.data.mkdir(parents=True)
    _connect(slot)
    config = slot.run / "containerd.toml"
    config.write_text(CONTAINERD.format(data=slot.data, run=slot.run))
    settings = slot.run / "daemon.json"
    settings.write_text(json.dumps(_settings(slot, snapshotter(slot.data))))
    log = slot.data / "log"
    listening = slot.run / "docker.sock"
    containerd = [str(programs[0] / "containerd"), "--config", str(config)]
    dockerd = [str(programs[1] / "dockerd"), "--config-file", str(settings)]
    with background(containerd, log, env), background(dockerd, log, env) as process:
        wait_until(lambda: answers(listening), "the second engine", 30, process, log)
        yield f"unix://{listening}"


def _settings(slot: Slot, driver: str) -> dict[str, object]:
    """Give the daemon.json: no file or rule of another engine is read or written."""
    return {
        "features": {"containerd-snapshotter": True},
        "storage-driver": driver,
        "containerd": f"{slot.run}/containerd.sock",
        "data-root": f"{slot.data}/docker",
        "exec-root": f"{slot.run}/docker",
        "pidfile": f"{slot.run}/docker.pid",
        "hosts": [f"unix://{slot.run}/docker.sock"],
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "cgroup-parent": f"/{slot.run.name}",
        "bridge": slot.bridge,
        # With iptables of its own, dockerd would empty the chains of the first one.
        "iptables": False,
        "ip6tables": False,
    }


def answers(listening: Path) -> bool:
    """Tell whether an engine answers at a socket."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(listening))
        client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        return b" 200 " in client.recv(64)
    return False


def snapshotter(folder: Path) -> str:
    """Choose how layers are put together there: mounted over one another, else copied."""
    lower, upper, work, merged = [folder / name for name in ("lower", "upper", "work", "merged")]
    for layer in (lower, upper, work, merged):
        layer.mkdir()
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    try:
        run("mount", "-t", "overlay", "overlay", "-o", options, str(merged))
    except SetupError:
        return "native"
    run("umount", str(merged))
    return "overlayfs"


def _connect(slot: Slot) -> None:
    run("ip", "link", "add", slot.bridge, "type", "bridge")
    run("ip", "address", "add", f"{slot.network}.1/24", "dev", slot.bridge)
    run("ip", "link", "set", slot.bridge, "up")
    for rule in slot.rules:
        table, chain, *condition = rule.split()
        run("iptables", "--wait", "-t", table, "-I", chain, *condition)


def _clear(slot: Slot) -> None:
    """Take away all that is left in a slot: processes, mounts, files, rules, the bridge."""
    for pid in processes_of(slot.run):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not processes_of(slot.run), f"the end of what runs from {slot.run}", 10)
    for point in mounts_below(Path("/proc/self/mounts").read_text(), slot.run, slot.data):
        run("umount", "--lazy", point)
    for folder in (slot.run, slot.data):
        if folder.exists():
            shutil.rmtree(folder)
    for rule in slot.rules:
        table, chain, *condition = rule.split()
        with suppress(SetupError):  # there is no such rule
            run("iptables", "--wait", "-t", table, "-D", chain, *condition)
    if Path("/sys/class/net", slot.bridge).exists():
        run("ip", "link", "delete", slot.bridge)


def processes_of(folder: Path, proc: Path = Path("/proc")) -> list[int]:
    """Find the daemons, which have a path in this folder as an argument, and their containers."""
    found = []
    for entry in proc.glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            daemon = f"\0{folder}/".encode() in (entry / "cmdline").read_bytes()
            if daemon or f":/{folder.name}/" in (entry / "cgroup").read_text():
                found.append(int(entry.name))
    return found


def mounts_below(mounts: str, *folders: Path) -> list[str]:
    """Find the mount points in these folders, the innermost first (proc_mounts(5))."""
    points = [Path(line.split()[1]) for line in mounts.splitlines()]
    inside = {point for point in points if any(point.is_relative_to(each) for each in folders)}
    return [str(point) for point in sorted(inside, reverse=True)]
