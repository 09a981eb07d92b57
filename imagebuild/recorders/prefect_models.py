"""What Prefect's API says, checked where it enters; whatever else it says is not looked at."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003 - read at run time
from typing import Any
from uuid import UUID  # noqa: TC003 - read at run time

from imagebuild.state import Deployment, Pool


@dataclass(frozen=True)
class _Schedule:
    id: UUID
    schedule: dict[str, Any]
    active: bool = True
    slug: str | None = None
    parameters: dict[str, Any] | None = None
    max_scheduled_runs: int | None = None
    given: tuple[str, ...] = ()

    def value(self) -> dict[str, Any]:
        """The same as JSON; what a server does not know, it refuses when it is sent back."""
        said = {name: getattr(self, name) for name in self.given}
        return {**said, "id": str(self.id), "active": self.active}


@dataclass(frozen=True)
class _Limit:
    limit: int
    name: str | None = None


@dataclass(frozen=True)
class DeploymentAnswer:
    """`DeploymentResponse`, https://docs.prefect.io/v3/api-ref/rest-api/server/deployments."""

    id: UUID
    work_pool_name: str | None = None
    work_queue_name: str | None = None
    entrypoint: str | None = None
    version: str | None = None
    description: str | None = None
    pull_steps: list[dict[str, Any]] | None = None
    job_variables: dict[str, Any] | None = None
    parameter_openapi_schema: dict[str, Any] | None = None
    parameters: dict[str, Any] | None = None
    tags: list[str] | None = None
    schedules: list[_Schedule] | None = None
    concurrency_limit: int | None = None
    global_concurrency_limit: _Limit | None = None
    concurrency_options: dict[str, Any] | None = None
    paused: bool = False
    enforce_parameter_schema: bool = True

    def value(self) -> Deployment:
        """The same as a value of ours."""
        limit = self.global_concurrency_limit
        return Deployment(
            id=str(self.id),
            pool=self.work_pool_name,
            entrypoint=self.entrypoint,
            version=self.version,
            pull_steps=tuple(self.pull_steps or ()),
            job_variables=self.job_variables or {},
            parameter_schema=self.parameter_openapi_schema or {},
            queue=self.work_queue_name,
            description=self.description,
            parameters=self.parameters or {},
            tags=tuple(self.tags or ()),
            schedules=tuple(one.value() for one in self.schedules or ()),
            concurrency_limit=limit.limit if limit else self.concurrency_limit,
            concurrency_limit_name=limit.name if limit else None,
            paused=self.paused,
            concurrency_options=self.concurrency_options,
            enforce_parameter_schema=self.enforce_parameter_schema,
        )


@dataclass(frozen=True)
class _Variables:
    properties: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Template:
    variables: _Variables = field(default_factory=_Variables)


@dataclass(frozen=True)
class PoolAnswer:
    """`WorkPool`, https://docs.prefect.io/v3/api-ref/rest-api/server/work-pools."""

    name: str
    type: str
    base_job_template: _Template = field(default_factory=_Template)

    def value(self) -> Pool:
        """The same as a value of ours."""
        return Pool(self.name, self.type, self.base_job_template.variables.properties)


@dataclass(frozen=True)
class TemplateAnswer:
    """The same with its whole template, to send it back."""

    name: str
    type: str
    base_job_template: dict[str, Any]


@dataclass(frozen=True)
class PoolAnswers:
    """A page of pools."""

    pools: list[PoolAnswer]


@dataclass(frozen=True)
class _Queue:
    name: str


@dataclass(frozen=True)
class QueueAnswers:
    """A page of a pool's work queues."""

    queues: list[_Queue]


@dataclass(frozen=True)
class _Automation:
    id: UUID
    name: str
    trigger: dict[str, Any]
    actions: list[dict[str, Any]]
    created: datetime | None = None
    description: str = ""
    enabled: bool = True
    actions_on_trigger: list[dict[str, Any]] = field(default_factory=list)
    actions_on_resolve: list[dict[str, Any]] = field(default_factory=list)

    def value(self) -> dict[str, Any]:
        """The same as JSON."""
        created = self.created.isoformat() if self.created else None
        return {**dataclasses.asdict(self), "id": str(self.id), "created": created}


@dataclass(frozen=True)
class AutomationAnswers:
    """`Automation`, https://docs.prefect.io/v3/api-ref/rest-api/server/automations."""

    automations: list[_Automation]

    def value(self) -> tuple[dict[str, Any], ...]:
        """The same as plain JSON values."""
        return tuple(one.value() for one in self.automations)


@dataclass(frozen=True)
class CsrfAnswer:
    """The token for one client of a server that asks for one."""

    token: str


@dataclass(frozen=True)
class VariableAnswer:
    """`Variable`, https://docs.prefect.io/v3/api-ref/rest-api/server/variables."""

    value: Any


@dataclass(frozen=True)
class BlockAnswer:
    """`BlockDocument`, https://docs.prefect.io/v3/api-ref/rest-api/server/block-documents."""

    data: dict[str, Any]
