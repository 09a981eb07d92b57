"""Adds the code to an environment that a registry holds, by one layer and without an engine.

Where there is no such environment, another builder makes it and it is pushed, so that the next
build finds it, on whatever machine. What the code part of a Dockerfile runs is that builder's too.
"""

from __future__ import annotations

import dataclasses
import posixpath
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from imagebuild import templates
from imagebuild.builders.bases import if_meant
from imagebuild.builders.environments import (
    UNDER_LABEL,
    environment_in,
    restated,
    said_by,
    with_code,
)
from imagebuild.builders.failures import unsendable
from imagebuild.builders.remote_image import RegistryImage
from imagebuild.dockerfile import NotData, code_part
from imagebuild.errors import ImagebuildError, Unreachable, UsageError
from imagebuild.events import Note
from imagebuild.oci.layers import Unreadable, make_layer
from imagebuild.plan import ENVIRONMENT_LABEL
from imagebuild.platforms import normalised, of_this_machine
from imagebuild.stamps import BASE_DIGEST_LABEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imagebuild.builders.environments import Environment
    from imagebuild.dockerfile import CodePart
    from imagebuild.events import Emit
    from imagebuild.names import ImageName
    from imagebuild.oci.remote import Remote, RemoteImage
    from imagebuild.plan import Base, Plan
    from imagebuild.protocols import Context, EnvironmentBuilder, Image
    from imagebuild.request import BuildRequest
    from imagebuild.state import ImageConfig

_SHORT = 12


@dataclass
class AppendBuilder:
    """Images in registries; of the request it needs the platform, the cache and the tags' prefix.

    `make_docker` makes who builds what is not there, None where nobody is to. It is not asked
    before it is needed: whoever has no engine needs none, as long as the environment stays.
    """

    remote: Remote
    request: BuildRequest
    make_docker: Callable[[], EnvironmentBuilder] | None = None
    _found: dict[ImageName, RemoteImage] = field(default_factory=dict)
    _away: Unreachable | None = None

    @cached_property
    def docker(self) -> EnvironmentBuilder | None:
        """Who builds what cannot be added, if anybody."""
        return self.make_docker() if self.make_docker else None

    def platform_for(self, asked: str | None) -> str:
        """The platform asked for, else the one of the containers on this machine."""
        return normalised(asked) if asked else of_this_machine()

    def find(self, name: ImageName) -> ImageConfig | None:
        """The image that the name's registry has, or had not long ago.

        Where that cannot be reached from here, it is the engine that reaches it or not.
        """
        if self._away is None:
            try:
                image = self.remote.image(name, self.platform_for(self.request.platform))
            except Unreachable as error:
                self._away = error
            else:
                return self._keep(name, image)
        return self._engine(name, self._away).find(name)

    def base(self, name: ImageName) -> ImageConfig | None:
        """What the engine has under a base's name."""
        return self.docker.base(name) if self.docker else None

    def says(self, base: Base) -> ImageConfig | None:
        """What the base says of itself, as the environment made of it still does."""
        for image in self._found.values():
            meant = image.config.labels.get(BASE_DIGEST_LABEL)
            if meant and (environment := environment_in(image)):
                digests = {base.name.location: meant}
                if said := if_meant(base, said_by(environment.config, digests=digests)):
                    return said
        with suppress(ImagebuildError):
            return self.docker.says(base) if self.docker else None
        return None

    def get(self, image_id: str) -> Image:
        """An image that was found."""
        for name, image in self._found.items():
            if image.manifest.config.digest == image_id:
                return RegistryImage(self.remote, name, image.manifest, image.data, image.config)
        if self.docker is None:
            message = f"the image {image_id} is in no registry"
            raise ImagebuildError(message)
        return self.docker.get(image_id)

    def image(self, plan: Plan, context: Context, emit: Emit) -> Image:
        """Add the code to the plan's environment, which is made first where it is nowhere.

        Raises as the builder of environments does; `UsageError` where one is needed, and there is
        none.
        """
        if self._away is not None:
            why = (
                f"{plan.name.host} does not answer here: {self._away.causes or self._away.message}"
            )
            return self._whole(plan, context, emit, why)
        try:
            part = code_part(templates.render(plan))
            if self.request.cache and (held := self._held(plan)):
                place, environment = held
                emit(Note(f"{_called(plan)} found in {place}: Docker is not needed"))
                return self._upper(plan, part, environment, context, emit)
            return self._with_environment(plan, part, context, emit)
        except NotData as why:
            return self._whole(plan, context, emit, f"only files can be added without it: {why}")

    def _with_environment(self, plan: Plan, part: CodePart, context: Context, emit: Emit) -> Image:
        """The same with an environment that is built now, and goes to the registry."""
        docker = self._engine(plan.name)
        repository = self.remote.repository(plan.name)
        repository.check_push()  # before the minutes that it may take
        emit(Note(f"{_called(plan)} is not in {plan.name.untagged}: Docker builds it"))
        built = docker.environment(plan, context, emit)
        target = _target(part, built.config.directory)
        if (real := docker.real_path(built, target)) != target:
            return self._whole(plan, context, emit, f"{target} is {real} in the image")
        name = self._environment_name(plan)
        if name is None:
            said = {**plan.stamp, UNDER_LABEL: restated(built.config)}
            return docker.image(dataclasses.replace(plan, stamp=said), context, emit)
        built.tag(name)
        digest = built.push(name, emit)
        self.remote.forget(name)
        pushed = self.remote.image(name.pinned(digest), plan.environment.platform)
        environment = environment_in(pushed) if pushed else None
        if environment is None:
            message = f"{name} is not the environment that was pushed"
            raise ImagebuildError(message, hint="somebody pushes there too: run this again")
        return self._upper(plan, part, environment, context, emit)

    def _upper(
        self, plan: Plan, part: CodePart, environment: Environment, context: Context, emit: Emit
    ) -> RegistryImage:
        directory = environment.config.directory
        target = _target(part, directory)
        if {target, part.directory or target} != {directory}:
            message = f"the files go to {target}, and the environment has {directory}"
            raise NotData(message)
        try:
            layer = make_layer(context.nodes, target, context.open)
        except Unreadable as error:
            raise unsendable(error.path, error.reason) from error
        upper = with_code(environment, plan, part, layer)

        def otherwise() -> Image:
            emit(Note(f"{plan.name.host} no longer has all of {_called(plan)}"))
            return self._with_environment(plan, part, context, emit)

        return RegistryImage(
            self.remote,
            plan.name,
            upper.manifest,
            upper.manifest.data,
            upper.config,
            layer=layer,
            base=plan.environment.base.name,
            otherwise=otherwise,
        )

    def _held(self, plan: Plan) -> tuple[ImageName, Environment] | None:
        """The plan's environment in an image that was found, else under its own tag."""
        for place, image in self._candidates(plan):
            if image.config.labels.get(ENVIRONMENT_LABEL) != plan.environment.key:
                continue
            if environment := environment_in(image):
                return place, environment
        return None

    def _candidates(self, plan: Plan) -> Iterator[tuple[ImageName, RemoteImage]]:
        here = plan.name.location
        yield from [(name, image) for name, image in self._found.items() if name.location == here]
        name = self._environment_name(plan)
        if name and (image := self.remote.image(name, plan.environment.platform)):
            yield name, image

    def _environment_name(self, plan: Plan) -> ImageName | None:
        prefix = self.request.env_prefix
        return plan.name.with_tag(f"{prefix}{plan.environment.key[:16]}") if prefix else None

    def _whole(self, plan: Plan, context: Context, emit: Emit, why: str) -> Image:
        emit(Note(f"Docker builds the whole image: {why}"))
        return self._engine(plan.name).image(plan, context, emit)

    def _engine(self, name: ImageName, away: Unreachable | None = None) -> EnvironmentBuilder:
        if self.docker is not None:
            return self.docker
        if away is not None:
            raise away
        message = f"cannot build {name} without Docker"
        raise UsageError(
            message,
            causes=(f"{name.untagged} has no image with this environment yet",),
            hint="deploy once with --builder auto, on a machine that has an engine",
        )

    def _keep(self, name: ImageName, image: RemoteImage | None) -> ImageConfig | None:
        if image is None:
            return None
        self._found[name] = image
        digests = {name.location: image.digest}
        return said_by(image.config, image.manifest.config.digest, digests)


def _target(part: CodePart, directory: str) -> str:
    return posixpath.normpath(posixpath.join(directory or "/", part.target))


def _called(plan: Plan) -> str:
    return f"the environment {plan.environment.key[:_SHORT]}"
