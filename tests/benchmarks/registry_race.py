"""The race to the registry: imagebuild against docker, buildx, buildah, skopeo and Prefect.

    python -m tests.benchmarks.registry_race

All push to one registry, from one engine. First one changed line: each tool once unmeasured, then
in turns, and all of it again with 30 ms to the registry and 30 ms back. Then an environment of
300 MB on a base that the registry holds, and one changed line among 20,000 files. A time is that of
all of a tool's commands, from start to end; of several, the median.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import docker.errors
from rich.console import Console

from tests.benchmarks.first_push import FirstPush
from tests.benchmarks.many_files import ManyFiles
from tests.benchmarks.race_figures import sentence, table
from tests.benchmarks.racers import Buildah, Buildx, Docker, Imagebuild, Skopeo
from tests.benchmarks.tracks import far, near, race
from tests.benchmarks.world import running_world
from tests.support import SetupError
from tests.support.debian import buildx_plugin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from docker import DockerClient

    from tests.benchmarks.race_figures import Result
    from tests.benchmarks.tracks import Racer
    from tests.benchmarks.world import World

EACH_WAY: Final = 0.03
ROUNDS, LONG_ROUNDS = 3, 2
LIMIT, LONG_LIMIT, PATIENCE = 30.0, 60.0, 15.0  # seconds
SKOPEO: Final = "skopeo: the layer lies in the layout before the time begins"
FAR: Final = "round trips: the longest chain of requests of which each had to wait for the last"


def racers(client: DockerClient, folder: Path) -> list[Racer]:
    """Ours first: its environment is the others', too."""
    ours = (Imagebuild(folder), Imagebuild(folder, remembers=False))
    return [
        *ours,
        Docker(folder, client),
        Buildx(folder, client),
        Buildah(folder),
        Skopeo(folder),
    ]


def run(world: World, folder: Path, console: Console) -> None:
    """Run all four cases, and print each as soon as it is done."""
    target, variables = world.registry.target, settings(world, folder)
    began = time.monotonic()

    def told(case: str, results: Sequence[Result], caption: str = "") -> None:
        console.print(table(case, results, caption), sentence(case, results), sep="\n")
        console.print(f"after {time.monotonic() - began:.0f} s\n")

    running = racers(world.client, folder)
    with near(target, folder, variables) as track:
        first = FirstPush(world.client, track)
        try:
            with removing(world.client, track.host):
                told("one line changed", race(running, track, ROUNDS, LIMIT), SKOPEO)
                pushed = first.race(LONG_ROUNDS, LONG_LIMIT, PATIENCE)
                told("300 MB environment, first push", pushed)
        finally:
            first.forget()
    with (
        far(target, folder, variables, EACH_WAY) as track,
        removing(world.client, track.host),
    ):
        case = f"one line changed, {EACH_WAY * 1000:.0f} ms each way"
        told(case, race(running, track, ROUNDS, LIMIT), f"{SKOPEO}; {FAR}")
    many = ManyFiles(world, folder).race(LONG_ROUNDS, PATIENCE)
    told("one line changed, 20,000 files", many)


def settings(world: World, folder: Path) -> dict[str, str]:
    """What all commands run with: Python keeps what it compiles, and nobody has a login.

    Docker finds buildx, if there is one.
    """
    config = folder / "docker"
    (config / "cli-plugins").mkdir(parents=True)
    (config / "config.json").write_text("{}")
    shared = {
        "PYTHONPYCACHEPREFIX": world.environment["PYTHONPYCACHEPREFIX"],
        "PYTHONDONTWRITEBYTECODE": "",
        "DOCKER_CONFIG": str(config),
    }
    if plugin := buildx_plugin():
        (config / "cli-plugins" / "docker-buildx").symlink_to(plugin / "cli-plugins/docker-buildx")
        shared["DOCKER_BUILDKIT"] = "1"
    return shared


@contextmanager
def removing(client: DockerClient, host: str) -> Iterator[None]:
    """Take away at the end what the engine has under names that lead to this host."""
    try:
        yield
    finally:
        for image in client.images.list():
            for name in [*image.attrs["RepoTags"], *image.attrs["RepoDigests"]]:
                if name.startswith(f"{host}/"):
                    with suppress(docker.errors.ImageNotFound):  # gone with its last tag
                        client.images.remove(name, force=True)


def main() -> int:
    """Set up, race, print the tables; 1 where something could not be set up."""
    began, console = time.monotonic(), Console()
    if not console.is_terminal:
        console.width = 120
    console.print("setting up: engine, base, registry, Prefect server")
    try:
        with (
            tempfile.TemporaryDirectory(
                prefix="imagebuild-race-", ignore_cleanup_errors=True
            ) as folder,
            running_world() as world,
        ):
            console.print(f"ready after {time.monotonic() - began:.0f} s")
            run(world, Path(folder).resolve(), console)
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    console.print(f"{time.monotonic() - began:.0f} s in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
