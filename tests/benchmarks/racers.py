"""Who races with one changed line: imagebuild, and those who build and push otherwise.

All begin with the same environment in the registry, Prefect's image and a few requirements, and
add the same few files to it.
"""

from __future__ import annotations

import os
import shutil
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import urllib3

from tests.benchmarks.oci_layout import add_layer, layer_of
from tests.benchmarks.tracks import run
from tests.support import SetupError
from tests.support.command import PROGRAM
from tests.support.debian import buildx_plugin
from tests.support.processes import apt_install

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docker import DockerClient

    from tests.benchmarks.tracks import Track

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "hello"
# None of them is in the base.
REQUIREMENTS: Final = ("emoji==2.14.1", "inflection==0.5.1", "tabulate==0.9.0", "xxhash==3.5.0")
OURS: Final = "imagebuild"
DIRECTORY: Final = "/opt/prefect/hello"


def edit(project: Path, line: str) -> None:
    """Change one line of the flow."""
    text = (EXAMPLE / "flow.py").read_text().replace("Hello", f"Hello {line} {uuid.uuid4().hex}")
    (project / "flow.py").write_text(text)


def environment_of(track: Track) -> str:
    """The image of the environment that imagebuild has pushed."""
    url = f"http://{track.host}/v2/race/{OURS}/tags/list"
    tags = urllib3.request("GET", url).json()["tags"]
    [tag] = [tag for tag in tags if tag.startswith("env-")]
    return f"{track.host}/race/{OURS}:{tag}"


@dataclass
class Imagebuild:
    """`imagebuild build --push`, with what it remembers, or with an empty cache folder."""

    folder: Path
    remembers: bool = True
    name: str = field(init=False)
    _runs: int = 0

    def __post_init__(self) -> None:
        self.name = OURS if self.remembers else f"{OURS}, fresh"
        self.project = self.folder / self.name.replace(", ", "-") / "hello"

    def prepare(self, track: Track) -> None:
        """A project; the first build pushes its environment."""
        if not self.project.exists():
            shutil.copytree(EXAMPLE, self.project)
            (self.project / "requirements.txt").write_text("\n".join(REQUIREMENTS) + "\n")

    def change(self, track: Track, line: str) -> None:
        """Change one line."""
        edit(self.project, line)
        self._runs += not self.remembers

    def commands(self, track: Track) -> Sequence[Sequence[str]]:
        """Build and push."""
        cache = f"XDG_CACHE_HOME={self.project.parent / f'cache-{self._runs}'}"
        base = ("--base", f"{track.host}/base:v1", "--context", str(self.project))
        build = (PROGRAM, "build", "--quiet", "--push", "--image", track.name(OURS), *base)
        return [("env", cache, *build)]


@dataclass
class _FromDockerfile:
    """Whoever adds the code to the environment by a Dockerfile."""

    folder: Path

    def prepare(self, track: Track) -> None:
        """A project on the environment that is in the registry."""
        shutil.copytree(EXAMPLE, self._project(track))
        dockerfile = f"FROM {environment_of(track)}\nWORKDIR {DIRECTORY}\nCOPY . .\n"
        (self._project(track) / "Dockerfile").write_text(dockerfile)

    def change(self, track: Track, line: str) -> None:
        """Change one line."""
        edit(self._project(track), line)

    def _project(self, track: Track) -> Path:
        return self.folder / type(self).__name__ / track.host.replace(":", "-") / "hello"


@dataclass
class Docker(_FromDockerfile):
    """`docker build` by BuildKit, if there is a buildx, then `docker push`."""

    client: DockerClient
    name: str = "docker build, docker push"

    def prepare(self, track: Track) -> None:
        """The environment is in the engine already."""
        _needs("docker")
        in_engine(self.client, environment_of(track))
        super().prepare(track)

    def commands(self, track: Track) -> Sequence[Sequence[str]]:
        """Build, push."""
        image, project = track.name("docker"), str(self._project(track))
        return [("docker", "build", "--tag", image, project), ("docker", "push", image)]


@dataclass
class Buildx(_FromDockerfile):
    """`docker buildx build --push`, with the machine's engine (the docker driver)."""

    client: DockerClient
    name: str = "docker buildx build --push"

    def prepare(self, track: Track) -> None:
        """The environment is in the engine already."""
        _needs("docker")
        if buildx_plugin() is None:
            message = "there is no buildx here"
            raise SetupError(message)
        in_engine(self.client, environment_of(track))
        super().prepare(track)

    def commands(self, track: Track) -> Sequence[Sequence[str]]:
        """One command."""
        project = str(self._project(track))
        return [("docker", "buildx", "build", "--push", "--tag", track.name("buildx"), project)]


@dataclass
class Buildah(_FromDockerfile):
    """`buildah bud`, with layers, then `buildah push`; it has a storage of its own."""

    name: str = "buildah bud, buildah push"

    def prepare(self, track: Track) -> None:
        """The first build pulls the environment."""
        if os.geteuid() != 0:
            message = "without being root, buildah needs more than a machine may have"
            raise SetupError(message)
        _needs("buildah")
        super().prepare(track)

    def commands(self, track: Track) -> Sequence[Sequence[str]]:
        """Build, push."""
        storage = self.folder / "buildah"
        places = ("--root", f"{storage}/root", "--runroot", f"{storage}/run")
        buildah = ("buildah", *places, "--storage-driver", "overlay")
        tls, image = "--tls-verify=false", track.name("buildah")
        how = ("--layers", "--isolation", "chroot", tls)
        return [
            (*buildah, "bud", *how, "--tag", image, str(self._project(track))),
            (*buildah, "push", tls, image),
        ]


@dataclass
class Skopeo:
    """`skopeo copy` of an OCI layout to which the layer has been added already."""

    folder: Path
    name: str = "skopeo copy, of a layout"

    def prepare(self, track: Track) -> None:
        """The environment as a layout."""
        _needs("skopeo")
        source = f"docker://{environment_of(track)}"
        layout = f"oci:{self._layout(track)}:environment"
        copy = ("skopeo", "copy", "--quiet", "--src-tls-verify=false", source, layout)
        run(copy, track.variables, 120, track.folder)

    def change(self, track: Track, line: str) -> None:
        """Change one line, and make the layer."""
        project = self.folder / "Skopeo" / "hello"
        shutil.copytree(EXAMPLE, project, dirs_exist_ok=True)
        edit(project, line)
        add_layer(self._layout(track), "environment", "changed", layer_of(project, DIRECTORY))

    def commands(self, track: Track) -> Sequence[Sequence[str]]:
        """Copy."""
        copy = ("skopeo", "copy", "--quiet", "--dest-tls-verify=false")
        layout = f"oci:{self._layout(track)}:changed"
        return [(*copy, layout, f"docker://{track.name('skopeo')}")]

    def _layout(self, track: Track) -> Path:
        return self.folder / f"layout-{track.host.replace(':', '-')}"


def in_engine(client: DockerClient, name: str) -> None:
    """Have an image in the engine under a name that leads to the registry."""
    client.images.pull(name)


def _needs(program: str) -> None:
    if shutil.which(program) is None:
        if program == "docker":
            message = "there is no docker command here"
            raise SetupError(message)
        apt_install(program)
