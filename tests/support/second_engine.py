"""An engine with the containerd image store, beside the machine's own, which it never touches."""

from __future__ import annotations

import os
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import docker

from tests.support import SetupError
from tests.support.debian import is_debian, unpacked
from tests.support.own_engine import CONTAINERD_STORE, free_slot, running

if TYPE_CHECKING:
    from collections.abc import Iterator

DRIVER_OF_THAT_STORE = ["driver-type", "io.containerd.snapshotter.v1"]


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


@contextmanager
def containerd_engine() -> Iterator[SecondEngine]:
    """Run an engine with the containerd store until the block ends.

    On Debian, as root. Elsewhere the engine that is there is taken, if it has that store.
    """
    if not (is_debian() and os.geteuid() == 0):
        with closing(docker.from_env()) as client:
            if DRIVER_OF_THAT_STORE not in client.info()["DriverStatus"]:
                message = "please give the Docker Engine the containerd image store: a second"
                message += " engine, which has it, can be started by root on Debian only"
                raise SetupError(message)
            yield SecondEngine(client, {})
        return
    programs = [unpacked("containerd") / "usr/bin", unpacked("docker.io") / "usr/sbin"]
    with (
        free_slot() as slot,
        running(slot, CONTAINERD_STORE, programs),
        closing(docker.DockerClient(slot.host)) as client,
    ):
        yield SecondEngine(client, {"DOCKER_HOST": slot.host})
