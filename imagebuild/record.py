"""What is to stand in the deployment, and what has to change for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping


# Prefect's pull step that goes to a folder which is there, and fetches nothing.
SET_DIRECTORY = "prefect.deployments.steps.set_working_directory"
# The `id` of the pull step that fetches the code, as Prefect's documentation calls it.
PULL_ID = "pull_code"


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
class Pulled:
    """How each run fetches the code by itself.

    `steps` are the pull steps as a deployment holds them, in order; `libraries` the requirements
    that they need beside Prefect. `folder` is the folder of this machine that runs have to see,
    None where they reach the place from anywhere.
    """

    steps: tuple[Mapping[str, Any], ...]
    libraries: tuple[str, ...] = ()
    folder: str | None = None


@dataclass(frozen=True)
class Record:
    """What a deployment of this image holds.

    `image` is the reference as recorded; `pushed` whether a registry holds it; `directory` the
    absolute path of the code in the image; `entrypoint` relative to it (both are None where the
    deployment keeps its own); `source` the folder of the code on this machine, from which the
    flow's parameters are read. Where the entrypoint is a module's, `code` is `path:function` there,
    or absolute for one that is installed. `described` is None where the deployment keeps what it
    knows of the flow; `version` stands for what was built, and for its parameters having been read:
    it is None where that failed, so that the next deploy tries again. A version that the user gave
    (`version_given`) stands for neither, and replaces whatever version is there. `alike` are the
    versions of other images whose code tells the same of the flow. Where `image` is None, that of
    the deployment is let be: it has its own, or runs its pool's default.

    Of what the user gave, nothing that is None or empty changes anything: `parameters` are set
    one by one, `tags` are added, and `schedules` take the place of those given here before;
    `concurrency_limit` counts runs.

    `stated` is what a file says of the deployment, by Prefect's own names and as its API has it:
    any of `tags`, `parameters`, `description`, `schedules`, `paused`, `concurrency_limit`,
    `concurrency_options`, `enforce_parameter_schema`, `work_queue_name`, `pull_steps`, `version`.
    Each stands afterwards exactly so, with what the user gave on top; a queue or a version of None
    is not stated. Each of its schedules is `{"schedule": {"cron" | "interval" | "rrule": …,
    "timezone", "day_or", "anchor_date"}, "active", "slug", "parameters", "max_scheduled_runs",
    "replaces"}`; all but the first key may be left out, and what `active` and
    `max_scheduled_runs` then are stays. `replaces` is the slug that one had until now.
    https://docs.prefect.io/v3/api-ref/rest-api/server/deployments/update-deployment

    `triggers` are the deployment's own, each as a `prefect.yaml` spells one, with all placeholders
    filled but those of its `parameters`; None leaves alone what is there. `automations` are the
    same as Prefect's code translates them, for a deployment whose ID is all zeros.
    https://docs.prefect.io/v3/how-to-guides/automations/chaining-deployments-with-events
    """

    image: str | None
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
    stated: Mapping[str, Any] = field(default_factory=dict)
    triggers: tuple[Mapping[str, Any], ...] | None = None
    automations: tuple[Mapping[str, Any], ...] | None = None
    code: str | None = None
    alike: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """What differs between the deployment as it is and as it should be.

    `deployment_id` is None where there is none yet. `fields` are the deployment's own fields by
    their names in Prefect's API, with their new values: empty where nothing differs; among its
    `schedules`, those without an `id` are new. `triggers` are the automations that it is to own,
    all of them made anew. `notes` say what else is so, `warnings` what will probably surprise;
    `questions` what of somebody else's would be replaced.

    `runs` is the image that the deployment will run: the recorded one, its own or its pool's
    default; None for that of Prefect itself, of the worker's version.
    """

    target: Target
    record: Record
    deployment_id: str | None
    pool: str
    fields: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    runs: str | None = None

    @property
    def needed(self) -> bool:
        """Whether there is anything to write."""
        return self.deployment_id is None or bool(self.fields)
