"""Make an image be in the engine: as it is, pulled, or built here from packages."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import docker.errors
from uv import find_uv_bin

from tests.support import SetupError
from tests.support.processes import apt_install, run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docker import DockerClient

HERE = Path(__file__).parent
RECIPE_LABEL = "imagebuild.tests.recipe"
DEBIAN = "imagebuild-tests/debian:bookworm"
# Documentation is left out as in Debian's "slim" images, which Prefect's are made of.
BOOTSTRAP = (
    "mmdebstrap",
    "--quiet",
    "--variant=minbase",
    "--include=ca-certificates,git,python3,python3-venv,tini",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "bookworm",
)


@dataclass(frozen=True)
class Recipe:
    """An image that registries have, and how to build a stand-in under its name."""

    name: str
    folder: Path
    from_machine: Mapping[str, Path] = field(default_factory=dict)

    def files(self) -> dict[str, Path]:
        """Give the build context: the folder's files and those that this machine brings."""
        own = {path.name: path for path in sorted(self.folder.iterdir())}
        return own | dict(self.from_machine)

    def key(self) -> str:
        """Give a digest of all that the stand-in is made of."""
        digest = hashlib.sha256("\0".join(BOOTSTRAP).encode())
        for name, path in sorted(self.files().items()):
            digest.update(f"\0{name}\0{path.stat().st_mode & 0o111}\0".encode())
            digest.update(path.read_bytes())
        return digest.hexdigest()


PREFECT = Recipe(
    "prefecthq/prefect:3-latest",
    HERE / "prefect",
    {
        "ca-certificates.crt": Path("/etc/ssl/certs/ca-certificates.crt"),
        "requirements.lock": HERE.parents[2] / "requirements.lock",
        "uv": Path(find_uv_bin()),
    },
)
REGISTRY = Recipe("registry:2", HERE / "registry")


def ensure(client: DockerClient, recipe: Recipe) -> str:
    """Have the image in the engine and give its name; a current one costs nothing."""
    found = _label(client, recipe.name)
    if found is not None and found in ("", recipe.key()):
        return recipe.name
    try:
        client.images.pull(recipe.name)
    except docker.errors.APIError as unreachable:
        _build(client, recipe, unreachable)
    return recipe.name


def _label(client: DockerClient, name: str) -> str | None:
    """Give the recipe that an image was built by, "" for a real one, None where there is none."""
    try:
        labels: dict[str, str] = client.images.get(name).labels
    except docker.errors.ImageNotFound:
        return None
    return labels.get(RECIPE_LABEL, "")


def _build(client: DockerClient, recipe: Recipe, unreachable: Exception) -> None:
    print(f"set-up: {recipe.name} cannot be pulled; building a stand-in (two minutes at most)")
    try:
        _ensure_debian(client)
    except SetupError as error:
        message = f"{recipe.name} cannot be pulled ({unreachable}), nor built here: {error}"
        raise SetupError(message) from error
    try:
        client.images.build(
            fileobj=_context(recipe.files()),
            custom_context=True,
            tag=recipe.name,
            labels={RECIPE_LABEL: recipe.key()},
            rm=True,
            forcerm=True,
        )
    except docker.errors.BuildError as error:
        log = "".join(line.get("stream", "") for line in error.build_log)
        message = f"the stand-in for {recipe.name} cannot be built: {error}\n{log[-2000:]}"
        raise SetupError(message) from error


def _context(files: Mapping[str, Path]) -> io.BytesIO:
    """Pack files with times of zero, so that the engine's cache goes by their content."""

    def normal(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.mtime = entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        return entry

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, path in sorted(files.items()):
            archive.add(path.resolve(), name, filter=normal)
    packed.seek(0)
    return packed


def _ensure_debian(client: DockerClient) -> None:
    """Have a Debian file system in the engine, from the mirror that this machine uses."""
    key = hashlib.sha256("\0".join(BOOTSTRAP).encode()).hexdigest()
    if _label(client, DEBIAN) == key:
        return
    if shutil.which("mmdebstrap") is None:
        apt_install("mmdebstrap")
    repository, tag = DEBIAN.split(":")
    with tempfile.TemporaryDirectory() as folder:
        root = os.path.join(folder, "root.tar")  # noqa: PTH118 (the SDK takes a path as str only)
        run(*BOOTSTRAP, root)
        client.api.import_image_from_file(
            root, repository=repository, tag=tag, changes=[f"LABEL {RECIPE_LABEL}={key}"]
        )
