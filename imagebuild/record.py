"""What is to stand in the deployment, and what has to change for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Target:
    """The deployment that is meant, and the work pool if the user named one."""

    flow: str
    name: str
    pool: str | None = None

    def __str__(self) -> str:
        return f"{self.flow}/{self.name}"


@dataclass(frozen=True)
class Schedule:
    """When runs start: a `cron` expression, an `interval` in seconds, or an `rrule` of RFC 5545.

    `timezone` is a name of the IANA database; None for UTC.
    """

    kind: Literal["cron", "interval", "rrule"]
    value: str | float
    timezone: str | None = None


@dataclass(frozen=True)
class Described:
    """What only the flow's own code tells: its parameters' JSON schema, and its description."""

    parameters: Mapping[str, Any]
    description: str | None = None


@dataclass(frozen=True)
class Record:
    """What a deployment of this image holds.

    `image` is the reference as recorded; `pushed` whether a registry holds it; `directory` the
    absolute path of the code in the image; `entrypoint` relative to it (both are None where the
    deployment keeps its own); `source` the folder of the code on this machine, from which the
    flow's parameters are read. `described` is None where the deployment keeps what it knows of
    the flow; `version` stands for what was built, and for its parameters having been read: it is
    None where that failed, so that the next deploy tries again. A version that the user gave
    (`version_given`) stands for neither, and replaces whatever version is there.

    The rest is what the user gave, and leaves alone what is None or empty: `parameters` are set
    one by one, `tags` are added, and `schedules` take the place of those given here before;
    `concurrency_limit` counts runs.
    """

    image: str
    pushed: bool
    entrypoint: str | None
    directory: str | None
    version: str | None
    source: str
    job_variables: Mapping[str, Any] = field(default_factory=dict)
    described: Described | None = None
    queue: str | None = None
    description: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    concurrency_limit: int | None = None
    version_given: bool = False


@dataclass(frozen=True)
class Change:
    """What differs between the deployment as it is and as it should be.

    `deployment_id` is None where there is none yet. `fields` are the deployment's own fields by
    their names in Prefect's API, with their new values: empty where nothing differs; among its
    `schedules`, those without an `id` are new. `notes` say what else is so, `warnings` what will
    probably surprise; `questions` what of somebody else's would be replaced.
    """

    target: Target
    record: Record
    deployment_id: str | None
    pool: str
    fields: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()

    @property
    def needed(self) -> bool:
        """Whether there is anything to write."""
        return self.deployment_id is None or bool(self.fields)
