"""Environments that registries hold: below the code of an image, or under a tag of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imagebuild.builders.bases import if_meant
from imagebuild.builders.environments import environment_in, said_by
from imagebuild.errors import PushFailed
from imagebuild.oci.remote import Unusable
from imagebuild.plan import ENVIRONMENT_LABEL
from imagebuild.stamps import BASE_DIGEST_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagebuild.builders.environments import Environment
    from imagebuild.names import ImageName
    from imagebuild.oci.remote import Remote, RemoteImage
    from imagebuild.plan import Base, Plan
    from imagebuild.state import ImageConfig

_TAG_DIGITS = 16


@dataclass
class HeldEnvironments:
    """Images that were found under the names of this run, and the environments in them.

    `prefix` begins the tags of environments, None where they have none.
    """

    remote: Remote
    prefix: str | None
    _found: dict[ImageName, RemoteImage] = field(default_factory=dict)

    def find(self, name: ImageName, platform: str) -> RemoteImage | None:
        """The image that a registry has under a name. Raises as the client does."""
        image = self._usable(name, platform)
        if image is not None:
            self._found[name] = image
        else:
            self._found.pop(name, None)
        return image

    def _usable(self, name: ImageName, platform: str) -> RemoteImage | None:
        """What is no image, or not whole, is as good as none: it will be replaced."""
        try:
            return self.remote.image(name, platform)
        except (PushFailed, Unusable):
            return None

    def get(self, image_id: str) -> tuple[ImageName, RemoteImage] | None:
        """An image that was found."""
        every = self._found.items()
        return next((one for one in every if one[1].manifest.config.digest == image_id), None)

    def says(self, base: Base) -> ImageConfig | None:
        """What a base says of itself, as an environment made of it still does."""
        for image in self._found.values():
            meant = image.config.labels.get(BASE_DIGEST_LABEL)
            if meant and (environment := environment_in(image)):
                digests = {base.name.location: meant}
                if said := if_meant(base, said_by(environment.config, digests=digests)):
                    return said
        return None

    def held(self, plan: Plan) -> tuple[ImageName, Environment] | None:
        """The plan's environment in an image that was found, else under its own tag."""
        for place, image in self._candidates(plan):
            if image.config.labels.get(ENVIRONMENT_LABEL) != plan.environment.key:
                continue
            if environment := environment_in(image):
                return place, environment
        return None

    def name_of(self, plan: Plan) -> ImageName | None:
        """The name that the plan's environment gets, if any."""
        if self.prefix is None:
            return None
        return plan.name.with_tag(f"{self.prefix}{plan.environment.key[:_TAG_DIGITS]}")

    def _candidates(self, plan: Plan) -> Iterator[tuple[ImageName, RemoteImage]]:
        here = plan.name.location
        yield from [(name, image) for name, image in self._found.items() if name.location == here]
        name = self.name_of(plan)
        if name and (image := self._usable(name, plan.environment.platform)):
            yield name, image
