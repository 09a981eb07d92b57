"""What is in an image, and what it says of itself, to be compared with another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.processes import run

if TYPE_CHECKING:
    from docker import DockerClient

SETTINGS = ("Env", "WorkingDir", "Entrypoint", "Cmd", "User", "Labels", "ExposedPorts", "Volumes")
# The files of an image, but those that are the container's, and what is of the one run of a step:
# its logs, apt's lists and archives, the caches that BuildKit mounts, when uv installed. Of the
# base's own files, which are the same ones for both, the content is not read.
LISTING = r"""
files() {
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /.dockerenv \
        -o -path /etc/hosts -o -path /etc/hostname -o -path /etc/resolv.conf -o -path /var/log \
        -o -path /var/lib/apt/lists -o -path /var/cache -o -path /root/.cache \
        -o -name uv_cache.json -o -path '*/greeting-1.0.dist-info/RECORD' \) -prune -o "$@"
}
files -type d -printf '%p|%y|%m|%U:%G\n' -o -printf '%p|%y|%m|%U:%G|%s|%l\n' | sort
files -type f -cnewer /opt/prefect/entrypoint.sh ! -name '*.pyc' -print0 | xargs -0 sha256sum | sort
find "$PWD" -type f -printf '%p at %Ts\n' | sort
dpkg-query --show
uv pip freeze
"""


def listing_of(image: str) -> list[str]:
    """What is in an image: kind, mode, owner, size, where a link leads to, and content; packages.

    In the code's folder also each file's time, in whole seconds as a layer has it.
    """
    shell = ("--rm", "--entrypoint", "sh", image, "-euc", LISTING)
    return run("docker", "run", *shell).splitlines()


def config_of(engine: DockerClient, image: str) -> dict[str, Any]:
    """How an image is started, and what it says of itself."""
    config = engine.images.get(image).attrs["Config"]
    return {name: config.get(name) for name in SETTINGS}
