"""Builds with the Docker Engine's BuildKit, by a session of our own over the SDK's connection."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild import buildkit
from imagebuild.builders.agents import agents
from imagebuild.builders.bases import bases_of, check_base, if_meant, is_newer_wanted
from imagebuild.builders.classic import ClassicBuilder
from imagebuild.builders.environments import environment_labels
from imagebuild.builders.failures import engine_gone
from imagebuild.builders.image import EngineImage, found_image
from imagebuild.builders.recipe import Dockerfile, Wanted
from imagebuild.builders.secrets import Secrets
from imagebuild.builders.steps import steps, translated
from imagebuild.builders.trees import ContextTree, Files
from imagebuild.dockerfile.code import ENVIRONMENT_STAGE
from imagebuild.engine.paths import real_path
from imagebuild.events import Sent, Warned, ignore
from imagebuild.plan import Template
from imagebuild.platforms import checked, normalised
from imagebuild.state import ImageConfig

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagebuild.engine import Engine
    from imagebuild.events import Emit
    from imagebuild.names import ImageName
    from imagebuild.plan import Base, Environment, Plan
    from imagebuild.protocols import Context, Image
    from imagebuild.request import BuildRequest


@dataclass(frozen=True)
class DockerBuilder:
    """The engine as a builder; of the request it needs the root, secrets, ssh, pull and cache.

    The root is the folder whose files the engine remembers between builds.
    """

    engine: Engine
    request: BuildRequest

    def platform_for(self, asked: str | None) -> str:
        """The platform asked for, if the engine has or emulates it; else its own."""
        own = self.engine.platform
        if asked is None or normalised(asked) == normalised(own):
            return own
        try:
            return checked(asked, buildkit.platforms(self.engine.api))
        except buildkit.NoBuildkit:
            return self._classic.platform_for(asked)
        except buildkit.BuildkitError as error:
            raise engine_gone(str(error)) from error

    def find(self, name: ImageName) -> ImageConfig | None:
        """The image in the engine under this name."""
        return self.engine.image(str(name))

    def get(self, image_id: str) -> EngineImage:
        """An image of the engine; raises `ImagebuildError` where it is gone."""
        return found_image(self.engine, image_id)

    def base(self, name: ImageName) -> ImageConfig | None:
        """The image in the engine under a base's name."""
        return self.find(name)

    def says(self, base: Base) -> ImageConfig | None:
        """What the base says of itself, where the engine has the very one."""
        return if_meant(base, self.find(base.name))

    def image(self, plan: Plan, context: Context, emit: Emit) -> EngineImage:
        """Build the plan's Dockerfile; raises `BuildFailed`, `Denied` or `Unreachable`.

        An engine without BuildKit builds it by the builder that it has, with a warning.
        """
        return self._made(Wanted(plan, plan.labels), context, emit)

    def environment(self, plan: Plan, context: Context, emit: Emit) -> EngineImage:
        """Build its stage `environment` alone; raises as `image` does."""
        labels = environment_labels(plan)
        return self._made(Wanted(plan, labels, ENVIRONMENT_STAGE), context, emit)

    def real_path(self, image: Image, path: str) -> str:
        """Where an absolute path of an image leads, through the links on its way."""
        return real_path(self.engine, image.config.id, path)

    def _made(self, wanted: Wanted, context: Context, emit: Emit) -> EngineImage:
        try:
            return self._image(wanted, context, emit)
        except buildkit.NoBuildkit as error:
            text = "the engine has no BuildKit: it builds with the classic builder"
            emit(Warned(text, cause=str(error), hint="use Docker Engine 18.09 or newer"))
            return self._classic.made(wanted, context, emit)

    def _image(self, wanted: Wanted, context: Context, emit: Emit) -> EngineImage:
        plan = wanted.plan
        environment = plan.environment
        rendered = isinstance(environment.recipe, Template)
        base = self._base(environment) if rendered else ImageConfig("", "")
        dockerfile = Dockerfile.of(plan, user=base.user, mounts=True)
        options = buildkit.BuildOptions(
            dockerfile=dockerfile.name,
            labels=wanted.labels,
            build_args={**self.engine.proxies, **environment.build_args},
            platform=self._platform(environment),
            target=wanted.target,
            no_cache=not self.request.cache,
            pull=is_newer_wanted(plan, self.request.pull, self.find),
        )
        tree = ContextTree(context)
        image_id = self._build(dockerfile, options, tree, _names(plan), emit)
        image = self.get(image_id)
        if rendered:
            check_base(plan, image.config, base)
        return image

    def _base(self, environment: Environment) -> ImageConfig:
        """What the base says of itself.

        Where the engine does not have it, a build of nothing but `FROM` makes it fetch what the
        real build needs anyway, with the same credentials.
        """
        base: Base = environment.base
        known = self.engine.image(base.reference if base.digest else str(base.image_id))
        if known is not None and _is_for(environment.platform, known):
            return known
        dockerfile = Dockerfile(f"FROM {base.reference}\n")
        options = buildkit.BuildOptions(platform=self._platform(environment))
        image_id = self._build(dockerfile, options, Files({}), [base.name], ignore)
        try:
            return self.get(image_id).config
        finally:
            self.engine.remove(image_id)

    def _build(
        self,
        dockerfile: Dockerfile,
        options: buildkit.BuildOptions,
        context: buildkit.Tree,
        bases: Iterable[ImageName],
        emit: Emit,
    ) -> str:
        api, bases = self.engine.api, tuple(bases)
        trees = {
            "context": context,
            "dockerfile": Files({dockerfile.name: dockerfile.text.encode()}),
        }
        with agents(self.request.ssh, self.engine.env) as ssh:
            session = buildkit.Session(
                api,
                trees=trees,
                credentials=lambda host: self.engine.logins.credential(host, bases),
                secrets=Secrets(self.request.secrets, self.engine.env),
                ssh=ssh,
                shared_key=self._shared_key(options.target),
                name="imagebuild",
            )
            with translated(dockerfile), session:
                image_id = buildkit.build(api, session, options, steps(emit))
                sent = session.sent["context"]
                emit(Sent(sent.paths, sent.bytes))
                return image_id

    def _shared_key(self, target: str) -> str:
        """What the engine remembers the files by that it has.

        A build that reads less of them would make it forget the rest, so it has a key of its own.
        """
        return hashlib.sha256(
            f"{self.request.root}{target and chr(0) + target}".encode()
        ).hexdigest()

    def _platform(self, environment: Environment) -> str:
        """What the engine is told: nothing for its own, of which it knows the variant best."""
        own = environment.platform == self.engine.platform
        return "" if own else environment.platform

    @property
    def _classic(self) -> ClassicBuilder:
        return ClassicBuilder(self.engine, self.request)


def _is_for(platform: str, image: ImageConfig) -> bool:
    """Whether an image has this platform; what it says of itself has no variant."""
    return platform.split("/")[:2] == image.platform.split("/")[:2]


def _names(plan: Plan) -> list[ImageName]:
    return [base.name for base in bases_of(plan)]
