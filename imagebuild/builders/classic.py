"""Builds with the builder that Docker Engines had before BuildKit, and that others imitate."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild.builders.bases import bases_of, check_base, if_meant, is_newer_wanted
from imagebuild.builders.classic_steps import image_id
from imagebuild.builders.failures import failure
from imagebuild.builders.image import EngineImage, found_image
from imagebuild.builders.packing import Packed
from imagebuild.builders.recipe import Dockerfile, Wanted
from imagebuild.engine import EngineRefused
from imagebuild.errors import UsageError
from imagebuild.events import Note, Sent, Warned, ignore
from imagebuild.plan import Template
from imagebuild.platforms import checked
from imagebuild.state import ImageConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imagebuild.engine import Engine
    from imagebuild.events import Emit
    from imagebuild.names import ImageName
    from imagebuild.plan import Base, Plan
    from imagebuild.protocols import Context
    from imagebuild.request import BuildRequest


@dataclass(frozen=True)
class ClassicBuilder:
    """An engine's classic builder; of the request it needs the secrets, ssh, pull and cache."""

    engine: Engine
    request: BuildRequest

    def platform_for(self, asked: str | None) -> str:
        """The engine's own, and no other."""
        own = self.engine.platform
        if asked is not None:
            checked(asked, [own])
        return own

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
        """Build the plan's Dockerfile, all files sent; raises as BuildKit's builder does.

        Raises `UsageError` for secrets and ssh agents, which this builder cannot mount.
        """
        return self.made(Wanted(plan, plan.labels), context, emit)

    def made(self, wanted: Wanted, context: Context, emit: Emit) -> EngineImage:
        """The same, of a part of the plan."""
        self._check_mounts()
        plan = wanted.plan
        rendered = isinstance(plan.environment.recipe, Template)
        base = self._base(plan.environment.base) if rendered else ImageConfig("", "")
        dockerfile = Dockerfile.of(plan, user=base.user, mounts=False)
        packed = Packed(dockerfile, context.nodes, context.open)
        emit(Note("the classic builder has no cache mounts, secrets or ssh: every file is sent"))
        for path in packed.left_out:
            emit(Warned(f"left out, as the classic builder takes it for its own: {path}"))
        image = self.get(self._build(wanted, packed, emit))
        files = [node for node in context.nodes if node.kind == "file"]
        emit(Sent(tuple(node.path for node in files), sum(node.size for node in files)))
        if rendered:
            check_base(plan, image.config, base)
        return image

    def _check_mounts(self) -> None:
        asked = [secret.id for secret in self.request.secrets] + list(self.request.ssh)
        if asked:
            message = f"the classic builder cannot give a build step {', '.join(asked)}"
            raise UsageError(
                message,
                causes=("secrets and ssh agents need BuildKit",),
                hint="use Docker Engine 18.09 or newer, or leave --secret and --ssh out",
            )

    def _base(self, base: Base) -> ImageConfig:
        """What the base says of itself; where the engine does not have it, it pulls it."""
        known = self.engine.image(base.reference if base.digest else str(base.image_id))
        if known is not None:
            return known
        packed = Packed(Dockerfile(f"FROM {base.reference}\n"))
        query = {"dockerfile": packed.dockerfile_name}
        return self.get(self._run(packed, query, [base.name], ignore)).config

    def _build(self, wanted: Wanted, packed: Packed, emit: Emit) -> str:
        plan = wanted.plan
        pull = is_newer_wanted(plan, self.request.pull, self.find)
        query = {
            "dockerfile": packed.dockerfile_name,
            "labels": json.dumps(dict(wanted.labels), sort_keys=True),
            **({"target": wanted.target} if wanted.target else {}),
            "buildargs": json.dumps({**self.engine.proxies, **plan.environment.build_args}),
            "rm": "1",
            "forcerm": "1",
            **({} if self.request.cache else {"nocache": "1"}),
            **({"pull": "1"} if pull else {}),
        }
        return self._run(packed, query, [base.name for base in bases_of(plan)], emit)

    def _run(
        self, packed: Packed, query: Mapping[str, str], bases: Iterable[ImageName], emit: Emit
    ) -> str:
        """The ID of the image; to be interrupted here cancels the build."""
        try:
            with closing(self.engine.build(packed, query, bases)) as events:
                return image_id(events, packed.dockerfile, emit)
        except EngineRefused as error:
            raise failure(error.causes[0], packed.dockerfile) from error
