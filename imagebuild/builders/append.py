"""Adds the code to an environment that a registry holds, by one layer and without an engine.

Where there is no such environment, another builder makes it and it is pushed, so that the next
build finds it, on whatever machine. What the code part of a Dockerfile runs is that builder's too.
"""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from imagebuild.builders.bare import Bases
from imagebuild.builders.environments import UNDER_LABEL, environment_in, restated, said_by
from imagebuild.builders.grounds import (
    Ground,
    called,
    checked_target,
    not_without_docker,
    part_of,
    with_files,
)
from imagebuild.builders.held import HeldEnvironments
from imagebuild.builders.remote_image import RegistryImage
from imagebuild.dockerfile import NotData
from imagebuild.errors import Denied, ImagebuildError, Unreachable, UsageError
from imagebuild.events import Note
from imagebuild.platforms import normalised, of_this_machine

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagebuild.dockerfile import CodePart
    from imagebuild.events import Emit
    from imagebuild.names import ImageName
    from imagebuild.oci.remote import Remote
    from imagebuild.plan import Base, Plan
    from imagebuild.protocols import Context, EnvironmentBuilder, Image
    from imagebuild.request import BuildRequest
    from imagebuild.state import ImageConfig


@dataclass
class AppendBuilder:
    """Images in registries; of the request it needs the platform, the cache and the tags' prefix.

    `make_docker` makes who builds what is not there, None where nobody is to. It is not asked
    before it is needed: whoever has no engine needs none, as long as the environment stays.
    """

    remote: Remote
    request: BuildRequest
    make_docker: Callable[[], EnvironmentBuilder] | None = None
    _away: Unreachable | None = None

    def __post_init__(self) -> None:
        self._held = HeldEnvironments(self.remote, self.request.env_prefix)
        self._bases = Bases(self.remote, self.request)

    @cached_property
    def docker(self) -> EnvironmentBuilder | None:
        """Who builds what cannot be added, if anybody."""
        return self.make_docker() if self.make_docker else None

    def platform_for(self, asked: str | None) -> str:
        """The platform asked for, else the one of the containers on this machine."""
        return normalised(asked) if asked else of_this_machine()

    def find(self, name: ImageName) -> ImageConfig | None:
        """The image that the name's registry has, or had not long ago; a bare name says none.

        Where that cannot be reached from here, it is the engine that reaches it or not.
        """
        if name.is_bare:
            return None
        if self._away is None:
            try:
                image = self._held.find(name, self.platform_for(self.request.platform))
            except Unreachable as error:
                self._away = error
            else:
                if image is None:
                    return None
                digests = {name.location: self.remote.seen(name) or image.digest}
                return said_by(image.config, image.manifest.config.digest, digests)
        return self._engine(name).find(name)

    def base(self, name: ImageName) -> ImageConfig | None:
        """What the engine has under a base's name."""
        return self.docker.base(name) if self.docker else None

    def says(self, base: Base) -> ImageConfig | None:
        """What the base says of itself, as the environment made of it still does."""
        said = self._held.says(base)
        with suppress(ImagebuildError):
            said = said or (self.docker.says(base) if self.docker else None)
        with suppress(ImagebuildError):
            said = said or self._bases.says(base, self.platform_for(self.request.platform))
        return said

    def get(self, image_id: str) -> Image:
        """An image that was found."""
        if found := self._held.get(image_id):
            name, image = found
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
        if self.make_docker is None and not self.request.push:
            raise _kept_nowhere(plan.name)
        if self._away is not None:
            said = "; ".join(self._away.causes) or self._away.message
            why = f"{plan.name.host} does not answer here: {said}"
            return self._whole(plan, context, emit, why)
        try:
            text, part = part_of(plan)
            if self.request.cache and (held := self._held.held(plan)):
                place, environment = held
                made = self._upper(plan, part, Ground(environment, ()), context)
                emit(Note(f"{called(plan)} found in {place}: Docker is not needed"))
                return dataclasses.replace(
                    made, otherwise=lambda: self._anew(plan, part, text, context, emit)
                )
            return self._on_base(plan, part, text, context, emit)
        except NotData as why:
            return self._with_steps(plan, context, emit, why)

    def _anew(self, plan: Plan, part: CodePart, text: str, context: Context, emit: Emit) -> Image:
        """The same where the registry has lost what it was found to have."""
        emit(Note(f"{plan.name.host} no longer has all of {called(plan)}"))
        try:
            return self._on_base(plan, part, text, context, emit)
        except NotData as why:
            return self._with_steps(plan, context, emit, why)

    def _on_base(
        self, plan: Plan, part: CodePart, text: str, context: Context, emit: Emit
    ) -> Image:
        """The same with an environment that is its base, or else has to be built."""
        try:
            ground = self._bases.ground(plan, text)
        except NotData as why:
            return self._with_environment(plan, part, context, emit, str(why))
        except (Unreachable, Denied) as error:
            if self.docker is None:
                raise
            return self._with_environment(plan, part, context, emit, error.message)
        emit(Note(f"{called(plan)} is its base, nothing runs for it: Docker is not needed"))
        return self._upper(plan, part, ground, context)

    def _with_environment(
        self, plan: Plan, part: CodePart, context: Context, emit: Emit, why: str = ""
    ) -> Image:
        """The same with an environment that is built now, and goes to the registry."""
        nowhere = f"{plan.name.untagged} has no image with this environment yet"
        docker = self._engine(plan.name, nowhere, why and f"it has to be built: {why}")
        repository = self.remote.repository(plan.name)
        repository.check_push()  # before the minutes that it may take
        emit(Note(f"{called(plan)} is not in {plan.name.untagged}: Docker builds it"))
        built = docker.environment(plan, context, emit)
        target = checked_target(part, built.config.directory)
        if part.target is not None and (real := docker.real_path(built, target)) != target:
            return self._whole(plan, context, emit, f"{target} is {real} in the image")
        name = self._held.name_of(plan)
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
        return self._upper(plan, part, Ground(environment, ()), context)

    def _upper(self, plan: Plan, part: CodePart, ground: Ground, context: Context) -> RegistryImage:
        """The image on what the repository has, but for the blobs of the ground."""
        upper, new = with_files(ground.environment, plan, part, context)
        return RegistryImage(
            self.remote,
            plan.name,
            upper.manifest,
            upper.manifest.data,
            upper.config,
            blobs=(*ground.blobs, *new),
            base=plan.environment.base.name,
        )

    def _with_steps(self, plan: Plan, context: Context, emit: Emit, why: NotData) -> Image:
        return self._whole(plan, context, emit, f"only files can be added without it: {why}")

    def _whole(self, plan: Plan, context: Context, emit: Emit, why: str) -> Image:
        docker = self._engine(plan.name, why)
        emit(Note(f"Docker builds the whole image: {why}"))
        return docker.image(plan, context, emit)

    def _engine(self, name: ImageName, *causes: str) -> EnvironmentBuilder:
        if self.docker is not None:
            return self.docker
        raise self._away or not_without_docker(name, *causes)


def _kept_nowhere(name: ImageName) -> UsageError:
    message = f"cannot build {name} without Docker, and without pushing it"
    causes = ("it would be kept nowhere",)
    return UsageError(message, causes=causes, hint="give --push, or write it: build --output PATH")
