"""Environments that are a base and the code's directory: nothing runs for them, nobody is needed.

The base's layers are not read. So it has to be known which directories it has: those of Prefect's
own images are, and what lies below is made anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from imagebuild.builders.bases import if_meant
from imagebuild.builders.environments import EPOCH, Environment, environment_labels, said_by
from imagebuild.builders.grounds import Ground
from imagebuild.builders.packing import open_nothing
from imagebuild.dockerfile import NotData, bare_directory
from imagebuild.node import Node
from imagebuild.oci.content import of_layer, of_store
from imagebuild.oci.credentials import canonical
from imagebuild.oci.layers import make_layer
from imagebuild.oci.layouts import Layout
from imagebuild.oci.manifests import ImageManifest, same_platform
from imagebuild.plan import Template
from imagebuild.planning import PREFECTS_ENTRYPOINT, PREFECTS_FOLDER
from imagebuild.request import IN_LAYOUT

if TYPE_CHECKING:
    from imagebuild.oci.content import Blob, Store
    from imagebuild.oci.remote import Remote, RemoteImage
    from imagebuild.plan import Base, Plan
    from imagebuild.request import BuildRequest
    from imagebuild.state import ImageConfig

_BY = "imagebuild: the project's directory"


@dataclass
class Bases:
    """Bases as registries have them, or the layout that the request names."""

    remote: Remote
    request: BuildRequest
    _layout: Layout | None = None

    def image(self, base: Base, platform: str) -> RemoteImage | None:
        """The base for a platform; None where no registry has it.

        Raises `BadLayout`, and what the registry's client raises.
        """
        if base.name == IN_LAYOUT:
            named = self.request.layout
            return self.layout().image(named.ref if named else None, platform)
        if base.digest is None:
            return None
        return self.remote.image(base.name.pinned(base.digest), platform, push=False)

    def says(self, base: Base, platform: str) -> ImageConfig | None:
        """What the base says of itself."""
        image = self.image(base, platform)
        digests = {base.name.location: base.digest} if base.digest else {}
        return if_meant(base, said_by(image.config, digests=digests)) if image else None

    def layout(self) -> Layout:
        """The layout that the request names, read once."""
        if self._layout is None:
            named = self.request.layout
            assert named is not None
            where = self.request.here / named.path
            self._layout = Layout.read(where, archive=named.archive)
        return self._layout

    def ground(self, plan: Plan, text: str) -> Ground:
        """What the code is added to, made of the plan's base and its rendered Dockerfile.

        Raises `NotData` where somebody has to build it, and as `image` does.
        """
        base, platform = plan.environment.base, plan.environment.platform
        recipe = plan.environment.recipe
        if not isinstance(recipe, Template) or recipe.own:
            message = "a template or a Dockerfile of your own is built by a builder"
            raise NotData(message)
        directory = bare_directory(text, base.reference)
        _check_below(directory)
        image = self.image(base, platform)
        if image is None:
            message = f"no registry has the base {base.name}"
            raise NotData(message)
        _check(image, platform, directory)
        store: Store = self.layout() if base.name == IN_LAYOUT else self.remote.reading(base.name)
        near = canonical(base.name.host) == canonical(plan.name.host)
        sources = (base.name.path,) if near else ()
        blobs = [of_store(layer, store, sources) for layer in image.manifest.layers]
        return _with_directory(image, plan, directory, blobs)


def _check_below(directory: str) -> None:
    """Only what Prefect's images begin with is known to be there, and what not."""
    path, folder = PurePosixPath(directory), PurePosixPath(PREFECTS_FOLDER)
    if folder not in path.parents or folder / PREFECTS_ENTRYPOINT in (path, *path.parents):
        message = f"whether the base has {directory}, and as what, only a builder finds out"
        raise NotData(message)


def _check(image: RemoteImage, platform: str, directory: str) -> None:
    config = image.config
    if config.on_build:
        message = f"the base has instructions that run in each build on it: {config.on_build[0]}"
        raise NotData(message)
    if not same_platform(config.platform, platform):
        message = f"the base is for {config.platform}, and not for {platform}"
        raise NotData(message)
    if config.directory != PREFECTS_FOLDER:
        message = (
            f"the base's working directory is {config.directory or '/'}, not {PREFECTS_FOLDER}:"
            f" whether it has {directory}, and as what, only a builder finds out"
        )
        raise NotData(message)


def _with_directory(image: RemoteImage, plan: Plan, directory: str, blobs: list[Blob]) -> Ground:
    """The base and one layer of directories, the same for every plan with this environment."""
    below = PurePosixPath(directory).relative_to(PREFECTS_FOLDER)
    folders = [*reversed(below.parents), below][1:]
    nodes = [Node(str(folder), "directory", 0o755) for folder in folders]
    layer = make_layer(nodes, PREFECTS_FOLDER, open_nothing)
    config = image.config.continued(layer.diff_id, created=EPOCH, by=_BY).saying(
        env=image.config.env,
        labels={**image.config.labels, **environment_labels(plan)},
        directory=directory,
    )
    lower = image.manifest
    described = layer.descriptor(lower.layer_type)
    layers = (*lower.layers, described)
    manifest = ImageManifest(lower.media_type, lower.config_descriptor(config.data), layers)
    return Ground(Environment(manifest, config), (*blobs, of_layer(described, layer)))
