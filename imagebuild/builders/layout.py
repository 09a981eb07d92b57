"""Writes images into an OCI layout, without an engine: an environment's layers and one of code.

The environment is that of the image which the layout holds already, or one that a registry holds,
or the base itself where nothing has to run for it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagebuild import templates
from imagebuild.builders.bare import Bases
from imagebuild.builders.environments import Environment, environment_in, said_by
from imagebuild.builders.grounds import called, ground_in, not_without_docker, with_files
from imagebuild.builders.held import HeldEnvironments
from imagebuild.dockerfile import NotData, code_part
from imagebuild.errors import Denied, ImagebuildError, Unreachable
from imagebuild.events import Note, ignore
from imagebuild.oci.content import of_store
from imagebuild.oci.descriptors import BadManifest
from imagebuild.oci.layout_writing import FULL_NAME, Place, Written
from imagebuild.oci.layouts import BadLayout, name_of
from imagebuild.plan import ENVIRONMENT_LABEL
from imagebuild.platforms import normalised, of_this_machine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imagebuild.builders.grounds import Ground
    from imagebuild.events import Emit
    from imagebuild.names import ImageName, LayoutName
    from imagebuild.oci.remote import Remote, RemoteImage
    from imagebuild.plan import Base, Plan
    from imagebuild.protocols import Context, EnvironmentBuilder
    from imagebuild.request import BuildRequest
    from imagebuild.state import ImageConfig


@dataclass(frozen=True)
class LayoutImage:
    """An image in the layout `output`, which lies at `place`."""

    output: LayoutName
    place: Place
    image: RemoteImage

    @property
    def config(self) -> ImageConfig:
        """What it says of itself."""
        digests = {str(self.output): self.image.digest}
        return said_by(self.image.config, self.image.manifest.config.digest, digests)

    def tag(self, name: ImageName) -> None:
        """Let the layout call it by this name too; nothing is written where it does."""
        layout = self.place.look()
        if layout is None or _held(layout.entries, name) == self.image.digest:
            return
        described = (self.image.manifest.config, *self.image.manifest.layers)
        blobs = [of_store(one, layout) for one in described]
        manifest, config = self.image.manifest, self.image.config
        self.place.write(Written(manifest, config, blobs, _names([name])), ignore)

    def push(self, name: ImageName, emit: Emit) -> str:
        """Nothing: whoever writes a layout pushes nothing."""
        del emit
        message = f"the image for {name} is in {self.output}, and is not pushed"
        raise ImagebuildError(message)


@dataclass
class LayoutBuilder:
    """Builds into the layout that the request names; nobody is asked to build for it."""

    remote: Remote
    request: BuildRequest
    docker: EnvironmentBuilder | None = None

    def __post_init__(self) -> None:
        assert self.request.output is not None
        self._output = self.request.output
        where = Path(os.path.realpath(self.request.here / self._output.path))
        self._place = Place(where, self._output.archive)
        self._registries = HeldEnvironments(self.remote, self.request.env_prefix)
        self._bases = Bases(self.remote, self.request)

    def platform_for(self, asked: str | None) -> str:
        """The platform asked for, else the one of the containers on this machine."""
        return normalised(asked) if asked else of_this_machine()

    def find(self, name: ImageName) -> ImageConfig | None:
        """The image that the layout has. Raises where nothing could be written there."""
        found = self._find(name)
        return LayoutImage(self._output, self._place, found).config if found else None

    def base(self, name: ImageName) -> ImageConfig | None:
        """Nothing: bases are in registries or in a layout of their own."""

    def says(self, base: Base) -> ImageConfig | None:
        """What the base says of itself."""
        with suppress(Unreachable, Denied):
            return self._bases.says(base, self.platform_for(self.request.platform))
        return None

    def get(self, image_id: str) -> LayoutImage:
        """An image that was found."""
        layout = self._place.look()
        for entry in layout.entries if layout else ():
            found = self._in_layout(name_of(entry))
            if found and found.manifest.config.digest == image_id:
                return LayoutImage(self._output, self._place, found)
        message = f"the image {image_id} is not in {self._output}"
        raise ImagebuildError(message)

    def image(self, plan: Plan, context: Context, emit: Emit) -> LayoutImage:
        """Write the image of a plan, under all its names at once.

        Raises `UsageError` for an environment that has to be built, and as the client of
        registries does.
        """
        try:
            text = templates.render(plan)
            part = code_part(text)
            ground = self._ground(plan, text, emit)
            below = Environment(ground.environment.manifest.as_oci(), ground.environment.config)
            upper, new = with_files(below, plan, part, context)
        except NotData as why:
            raise not_without_docker(plan.name, str(why)) from why
        except BadManifest as error:
            message = f"cannot write {self._output}"
            raise ImagebuildError(message, causes=(f"the base is {error}",)) from error
        written = Written(upper.manifest, upper.config, (*ground.blobs, *new), _names(plan.names))
        self._place.write(written, emit)
        made = self._in_layout(plan.name.tag)
        if made is None:
            message = f"{self._output} does not hold what was written"
            raise ImagebuildError(message, hint="somebody writes there too: run this again")
        return LayoutImage(self._output, self._place, made)

    def _ground(self, plan: Plan, text: str, emit: Emit) -> Ground:
        if self.request.cache and (own := self._own(plan)):
            emit(Note(f"{called(plan)} found in {self._output}"))
            return own
        try:
            ground = self._bases.ground(plan, text)
        except NotData as why:
            to_build = f"its environment has to be built: {why}"
            try:
                held = self._held(plan, emit)
            except (Unreachable, Denied) as error:
                causes = (to_build, error.message, *error.causes)
                raise not_without_docker(plan.name, *causes) from error
            if held is None:
                nowhere = f"neither {self._output} nor a registry has this environment yet"
                raise not_without_docker(plan.name, nowhere, to_build) from why
            return held
        emit(Note(f"{called(plan)} is its base: nothing runs for it"))
        return ground

    def _own(self, plan: Plan) -> Ground | None:
        """An environment in the image that the layout has under the plan's name."""
        layout, image = self._place.look(), self._find(plan.name)
        if not layout or not image:
            return None
        if image.config.labels.get(ENVIRONMENT_LABEL) != plan.environment.key:
            return None
        environment = environment_in(image)
        return ground_in(layout, environment) if environment else None

    def _held(self, plan: Plan, emit: Emit) -> Ground | None:
        """An environment in the registry that the image's name says, if it says one."""
        if plan.name.is_bare or not self.request.cache:
            return None
        for name in plan.names:
            self._registries.find(name, plan.environment.platform)
        held = self._registries.held(plan)
        if held is None:
            return None
        name, environment = held
        emit(Note(f"{called(plan)} found in {name}"))
        return ground_in(self.remote.reading(name), environment)

    def _find(self, name: ImageName) -> RemoteImage | None:
        layout = self._place.look()
        if layout is None or _held(layout.entries, name) is None:
            return None
        return self._in_layout(name.tag)

    def _in_layout(self, ref: str | None) -> RemoteImage | None:
        """An image of the layout; None where what is there is of another platform, or broken."""
        layout = self._place.look()
        with suppress(BadLayout):
            if layout:
                return layout.image(ref, self.platform_for(self.request.platform))
        return None


def _names(names: Iterable[ImageName]) -> dict[str, str]:
    """The names in a layout are tags alone; engines want the whole ones."""
    return {name.tag or "latest": f"{name.location}:{name.tag or 'latest'}" for name in names}


def _held(entries: Iterable[Mapping[str, Any]], name: ImageName) -> str | None:
    """The digest of what a layout has under a name, if it is the image of just this name."""
    [(ref, full)] = _names([name]).items()
    for entry in entries:
        annotations = entry.get("annotations")
        if name_of(entry) == ref and isinstance(annotations, dict):
            known = annotations.get(FULL_NAME, full) == full
            return str(entry.get("digest")) if known else None
    return None
