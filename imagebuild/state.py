"""The world as it is: what the engine, the registry and Prefect hold now, read once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagebuild.names import ImageName
    from imagebuild.plan import Base


@dataclass(frozen=True)
class ImageConfig:
    """What an image says of itself; `diff_ids` are its layers' uncompressed digests in order.

    `directory` is its working directory, an absolute path or nothing; `digests` is, for each
    location that is known to hold it, the manifest's digest.
    """

    id: str
    platform: str
    labels: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    directory: str = ""
    diff_ids: tuple[str, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)

    def digest_in(self, name: ImageName) -> str | None:
        """The digest of the manifest that a registry has of it in this name's repository."""
        return self.digests.get(name.location)


@dataclass(frozen=True)
class Existing:
    """What the names mean now: in the engine, and (a manifest digest) in the registry.

    A name that means nothing is not in it.
    """

    local: Mapping[ImageName, ImageConfig] = field(default_factory=dict)
    remote: Mapping[ImageName, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pool:
    """A work pool: `variables` is its template's properties, each with its JSON schema."""

    name: str
    type: str
    variables: Mapping[str, Mapping[str, Any]]

    @property
    def accepts_image(self) -> bool:
        """Whether the image recorded in a deployment has any effect there.

        Prefect's managed pools list the variable and run an image of their own.
        """
        return "image" in self.variables and not self.type.endswith(":managed")

    @property
    def runs_here(self) -> bool:
        """Whether its workers start containers on an engine, which may be this machine's."""
        return self.type == "docker"


@dataclass(frozen=True)
class DefaultImage:
    """What a work pool runs where a deployment names no image, and what it ran `before`.

    None stands for no default: workers then take Prefect's own image. `policy` is the pull policy
    by default. `warnings` say what will probably surprise.
    """

    pool: str
    image: str | None
    before: str | None
    policy: str | None = None
    policy_before: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return (self.image, self.policy) != (self.before, self.policy_before)


@dataclass(frozen=True)
class Deployment:
    """A deployment as Prefect holds it: only what a deploy reads or may change.

    `schedules` are as its API gives them, each with `id`, `active`, `schedule`, and, where the
    server has them, `slug`, `parameters` and `max_scheduled_runs`. `concurrency_limit_name` names
    the limit, which other deployments may share. `triggers` are the automations that run this
    deployment, as the API gives them; None where they were not read or the server has none.
    """

    id: str
    pool: str | None
    entrypoint: str | None
    version: str | None
    pull_steps: tuple[Mapping[str, Any], ...]
    job_variables: Mapping[str, Any]
    parameter_schema: Mapping[str, Any]
    queue: str | None = None
    description: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    schedules: tuple[Mapping[str, Any], ...] = ()
    concurrency_limit: int | None = None
    concurrency_limit_name: str | None = None
    paused: bool = False
    concurrency_options: Mapping[str, Any] | None = None
    enforce_parameter_schema: bool = True
    triggers: tuple[Mapping[str, Any], ...] | None = None


@dataclass(frozen=True)
class Recorded:
    """Where the deployment is to run, and the deployment if there is one."""

    pool: Pool
    deployment: Deployment | None


@dataclass(frozen=True)
class State:
    """What the plan depends on: the platform, and which images the bases mean.

    `base` is what the image builds on, `bases` whatever a Dockerfile of the user's own names;
    `prefect` the release of Prefect that will be in the image, None where that is not certain.
    """

    platform: str
    base: Base
    bases: tuple[Base, ...] = ()
    prefect: str | None = None
