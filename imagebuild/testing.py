"""A builder, a registry and a recorder that keep everything in memory, to test against.

They keep to the protocols as the real ones do (`tests/contract` runs the same tests on both), so
a test needs no engine, no registry and no Prefect:

    registry = FakeRegistry()
    builder = FakeBuilder(registry)
    parts = Parts(LocalSource(folder), builder, registry, MemoryRecorder())
    request = BuildRequest(folder, folder, image=ImageName.parse("registry.example.com/app:v1"))
    outcome = deploy(request, DeploymentRequest(), parts, ignore, confirm=…, finish=…)
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from imagebuild.builders.bases import if_meant
from imagebuild.digest import digest_of
from imagebuild.errors import Denied, ImagebuildError, Unreachable, UsageError
from imagebuild.events import StepEnded, StepStarted, Transfer
from imagebuild.recorders.memory import DOCKER, MemoryRecorder
from imagebuild.state import ImageConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagebuild.events import Emit
    from imagebuild.names import ImageName
    from imagebuild.plan import Base, Plan
    from imagebuild.protocols import Context

__all__ = ["DOCKER", "FakeBuilder", "FakeImage", "FakeRegistry", "MemoryRecorder", "Stage"]

Stage = Literal["platform", "build", "tag", "push"]


class FakeRegistry:
    """A `Registry`, for names of every host.

    `digests` is what it holds, by location and tag; `pushes` every name that was pushed to it.
    Set `denied` or `reachable` to have it refuse everybody, or not answer; and `logged_in` to have
    docker know no credentials for it.
    """

    def __init__(self) -> None:
        self.digests: dict[str, str] = {}
        self.pushes: list[ImageName] = []
        self.denied = False
        self.reachable = True
        self.logged_in = True

    def find(self, name: ImageName) -> str | None:
        """The digest under a name, or None; raises `Denied` or `Unreachable`."""
        self._answer(f"ask {name.host} for {name}")
        if name.digest is None:
            return self.digests.get(_key(name))
        held = {digest for key, digest in self.digests.items() if _is_in(key, name)}
        return name.digest if name.digest in held else None

    def check_push(self, name: ImageName) -> bool:
        """Whether docker knows credentials; raise `Denied` where it refuses everybody."""
        self._answer(f"log in to {name.host}")
        return self.logged_in

    def receive(self, name: ImageName, image_id: str) -> str:
        """Take an image, as a push does; the digest that it has here from now on."""
        self._answer(f"push {name}")
        digest = f"sha256:{digest_of(['manifest', image_id])}"
        self.digests[_key(name)] = digest
        self.pushes.append(name)
        return digest

    def _answer(self, action: str) -> None:
        message = f"cannot {action}"
        if not self.reachable:
            raise Unreachable(message, causes=("the registry does not answer",))
        if self.denied:
            raise Denied(message, causes=("the registry refuses everybody",))


@dataclass(frozen=True)
class FakeImage:
    """An image of a `FakeBuilder`; `files` is what was in the build context, by path."""

    builder: FakeBuilder
    config: ImageConfig
    files: Mapping[str, bytes]

    def tag(self, name: ImageName) -> None:
        """Let the builder hold it under this name."""
        self.builder.fail_if_told("tag")
        self.builder.names[_key(name)] = self.config.id

    def push(self, name: ImageName, emit: Emit) -> str:
        """Send it to the builder's registry; the digest that it has there."""
        self.builder.fail_if_told("push")
        emit(Transfer("push", self.config.id, 0, 1))
        digest = self.builder.registry.receive(name, self.config.id)
        emit(Transfer("push", self.config.id, 1, 1))
        self.builder.know_digest(self.config.id, name, digest)
        return digest


class FakeBuilder:
    """A `Builder` whose images are values.

    `images` is what it holds, by ID; `names` the ID that each name means, by location and tag;
    `built` every plan that it built. An error put into `failures` is raised when its stage is
    reached.
    """

    def __init__(
        self, registry: FakeRegistry | None = None, *, platform: str = "linux/amd64"
    ) -> None:
        self.registry = FakeRegistry() if registry is None else registry
        self.images: dict[str, FakeImage] = {}
        self.names: dict[str, str] = {}
        self.built: list[Plan] = []
        self.failures: dict[Stage, ImagebuildError] = {}
        self._platform = platform

    def platform_for(self, asked: str | None) -> str:
        """The one that it was made with; raises `UsageError` for any other."""
        self.fail_if_told("platform")
        if asked not in {None, self._platform}:
            message = f"cannot build for {asked}"
            raise UsageError(message, causes=(f"it builds for {self._platform}",))
        return self._platform

    def find(self, name: ImageName) -> ImageConfig | None:
        """What it holds under a name, or under a digest that it was pushed as."""
        if name.digest is None:
            image_id = self.names.get(_key(name))
            return self.images[image_id].config if image_id else None
        known = (image.config for image in self.images.values())
        return next((config for config in known if config.digest_in(name) == name.digest), None)

    def base(self, name: ImageName) -> ImageConfig | None:
        """What it holds under a base's name."""
        return self.find(name)

    def says(self, base: Base) -> ImageConfig | None:
        """What it holds under a base's name, if that is the one that is meant."""
        return if_meant(base, self.find(base.name))

    def get(self, image_id: str) -> FakeImage:
        """An image that it holds; raises `ImagebuildError` for any other."""
        if image_id not in self.images:
            message = f"there is no image {image_id}"
            raise ImagebuildError(message)
        return self.images[image_id]

    def image(self, plan: Plan, context: Context, emit: Emit) -> FakeImage:
        """Read the whole context; equal plans over equal files are the same image.

        It has no name until it is given one.
        """
        emit(StepStarted("1", "[1/1] COPY"))
        self.fail_if_told("build")
        files = {path: _read(context, path) for path in context.digests}
        base = self._layers(plan.environment.base)
        image_id = f"sha256:{digest_of([base, plan.labels, context.digest])}"
        layer = f"sha256:{digest_of([context.digest, plan.code.directory])}"
        config = ImageConfig(
            image_id,
            plan.environment.platform,
            labels=plan.labels,
            env=plan.code.env,
            directory=plan.code.directory or "/srv",
            diff_ids=(*base, layer),
        )
        made = self.images.setdefault(image_id, FakeImage(self, config, files))
        self.built.append(plan)
        emit(StepEnded("1", "[1/1] COPY", 0.0))
        return made

    def hold(self, name: ImageName, config: ImageConfig | None = None) -> ImageConfig:
        """Put an image under a name, such as a base; what it says of itself."""
        if config is None:
            image_id = f"sha256:{digest_of(['held', str(name)])}"
            config = ImageConfig(image_id, self._platform, diff_ids=(image_id,))
        self.images[config.id] = FakeImage(self, config, {})
        self.names[_key(name)] = config.id
        return config

    def fail_if_told(self, stage: Stage) -> None:
        """Raise what is in `failures` for a stage."""
        if error := self.failures.get(stage):
            raise error

    def know_digest(self, image_id: str, name: ImageName, digest: str) -> None:
        """Remember what a registry calls an image."""
        image = self.images[image_id]
        digests = {**image.config.digests, name.location: digest}
        config = dataclasses.replace(image.config, digests=digests)
        self.images[image_id] = dataclasses.replace(image, config=config)

    def _layers(self, base: Base) -> tuple[str, ...]:
        held = self.find(base.name)
        return held.diff_ids if held else (f"sha256:{digest_of(base.identity)}",)


def _key(name: ImageName) -> str:
    return f"{name.location}:{name.tag or 'latest'}"


def _is_in(key: str, name: ImageName) -> bool:
    return key.rpartition(":")[0] == name.location


def _read(context: Context, path: str) -> bytes:
    with context.open(path) as file:
        return file.read()
