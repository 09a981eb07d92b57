"""An engine beside the machine's own, which it never touches, until a block ends.

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
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import SetupError
from tests.support.debian import CACHE
from tests.support.processes import SYSTEM_PATH, apt_install, background, run, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
class Store:
    """How an engine keeps its images: whether in containerd, and by which of its drivers.

    One driver mounts the layers over one another; where that cannot be, the other copies them.
    """

    in_containerd: bool
    mounting: str
    copying: str


CONTAINERD_STORE = Store(True, "overlayfs", "native")
CLASSIC_STORE = Store(False, "overlay2", "vfs")


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

    @property
    def socket(self) -> Path:
        """Where the engine listens."""
        return self.run / "docker.sock"

    @property
    def host(self) -> str:
        """The DOCKER_HOST that leads there."""
        return f"unix://{self.socket}"


@contextmanager
def free_slot() -> Iterator[Slot]:
    """Take what no living run of the tests holds, as clean as new, and leave it so."""
    CACHE.mkdir(parents=True, exist_ok=True)
    for number in range(SLOTS):
        with (CACHE / f"engine-{number}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            slot = Slot(number)
            clear(slot)
            try:
                yield slot
            finally:
                clear(slot)
            return
    message = f"{SLOTS} runs of the tests have an engine of their own already"
    raise SetupError(message)


@contextmanager
def running(slot: Slot, store: Store, programs: Sequence[Path] = ()) -> Iterator[None]:
    """Start network, containerd and dockerd: those of the folders, else the machine's own."""
    for program, package in PROGRAMS.items():
        if shutil.which(program, path=SYSTEM_PATH) is None:
            apt_install(package)
    env = os.environ | {"PATH": os.pathsep.join([*map(str, programs), SYSTEM_PATH])}
    slot.run.mkdir(parents=True)
    slot.data.mkdir(parents=True)
    _connect(slot)
    config = slot.run / "containerd.toml"
    config.write_text(CONTAINERD.format(data=slot.data, run=slot.run))
    settings = slot.run / "daemon.json"
    settings.write_text(json.dumps(_settings(slot, store)))
    log = slot.data / "log"
    containerd = ["containerd", "--config", str(config)]
    dockerd = ["dockerd", "--config-file", str(settings)]
    with background(containerd, log, env), background(dockerd, log, env) as process:
        wait_until(lambda: answers(slot.socket), "the engine beside", 30, process, log)
        yield


def _settings(slot: Slot, store: Store) -> dict[str, object]:
    """Give the daemon.json: no file or rule of another engine is read or written."""
    return {
        "features": {"containerd-snapshotter": True} if store.in_containerd else {},
        "storage-driver": store.mounting if mounts_layers(slot.data) else store.copying,
        "containerd": f"{slot.run}/containerd.sock",
        "data-root": f"{slot.data}/docker",
        "exec-root": f"{slot.run}/docker",
        "pidfile": f"{slot.run}/docker.pid",
        "hosts": [slot.host],
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


def mounts_layers(folder: Path) -> bool:
    """Tell whether layers that lie there can be mounted over one another."""
    lower, upper, work, merged = [folder / name for name in ("lower", "upper", "work", "merged")]
    for layer in (lower, upper, work, merged):
        layer.mkdir()
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    try:
        run("mount", "-t", "overlay", "overlay", "-o", options, str(merged))
    except SetupError:
        return False
    run("umount", str(merged))
    return True


def _connect(slot: Slot) -> None:
    run("ip", "link", "add", slot.bridge, "type", "bridge")
    run("ip", "address", "add", f"{slot.network}.1/24", "dev", slot.bridge)
    run("ip", "link", "set", slot.bridge, "up")
    for rule in slot.rules:
        table, chain, *condition = rule.split()
        run("iptables", "--wait", "-t", table, "-I", chain, *condition)


def clear(slot: Slot) -> None:
    """Take away all that is left in a slot: processes, mounts, files, groups, rules, the bridge."""
    for pid in processes_of(slot.run):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not processes_of(slot.run), f"the end of what runs from {slot.run}", 10)
    for point in mounts_below(Path("/proc/self/mounts").read_text(), slot.run, slot.data):
        run("umount", "--lazy", point)
    for folder in (slot.run, slot.data):
        if folder.exists():
            shutil.rmtree(folder)
    for group in control_groups(slot.run.name):
        with suppress(OSError):  # a process in it is not quite gone; an empty one is harmless
            group.rmdir()
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


def control_groups(name: str, top: Path = Path("/sys/fs/cgroup")) -> list[Path]:
    """Find what is left of a group in all hierarchies, the innermost first (cgroups(7))."""
    groups = [group for group in (top / name, *top.glob(f"*/{name}")) if group.is_dir()]
    inside = [path for group in groups for path in group.rglob("*") if path.is_dir()]
    return sorted([*groups, *inside], reverse=True)
