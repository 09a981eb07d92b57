"""What Prefect's API says, checked where it enters; whatever else it says is not looked at."""

from __future__ import annotations

from typing import Any
from uuid import UUID  # noqa: TC003 - pydantic reads it at run time

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from imagebuild.state import Deployment, Pool


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Schedule(_Loose):
    id: UUID
    active: bool = True
    schedule: dict[str, Any]
    slug: str | None = None
    parameters: dict[str, Any] | None = None
    max_scheduled_runs: int | None = None


class _Limit(_Loose):
    name: str | None = None
    limit: int


class DeploymentAnswer(_Loose):
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
            # What a server does not know, it refuses when it is sent back.
            schedules=tuple(
                one.model_dump(mode="json", exclude_unset=True) | {"active": one.active}
                for one in self.schedules or ()
            ),
            concurrency_limit=limit.limit if limit else self.concurrency_limit,
            concurrency_limit_name=limit.name if limit else None,
            paused=self.paused,
            concurrency_options=self.concurrency_options,
            enforce_parameter_schema=self.enforce_parameter_schema,
        )


class _Variables(_Loose):
    properties: dict[str, dict[str, Any]] = Field(default_factory=dict)


class _Template(_Loose):
    variables: _Variables = Field(default_factory=_Variables)


class PoolAnswer(_Loose):
    """`WorkPool`, https://docs.prefect.io/v3/api-ref/rest-api/server/work-pools."""

    name: str
    type: str
    base_job_template: _Template = Field(default_factory=_Template)

    def value(self) -> Pool:
        """The same as a value of ours."""
        return Pool(self.name, self.type, self.base_job_template.variables.properties)


class TemplateAnswer(_Loose):
    """The same with its whole template, to send it back."""

    name: str
    type: str
    base_job_template: dict[str, Any]


class PoolAnswers(_Loose):
    """A page of pools."""

    pools: list[PoolAnswer]


class _Queue(_Loose):
    name: str


class QueueAnswers(_Loose):
    """A page of a pool's work queues."""

    queues: list[_Queue]


class _Automation(_Loose):
    id: UUID
    created: AwareDatetime | None = None
    name: str
    description: str = ""
    enabled: bool = True
    trigger: dict[str, Any]
    actions: list[dict[str, Any]]
    actions_on_trigger: list[dict[str, Any]] = Field(default_factory=list)
    actions_on_resolve: list[dict[str, Any]] = Field(default_factory=list)


class AutomationAnswers(_Loose):
    """`Automation`, https://docs.prefect.io/v3/api-ref/rest-api/server/automations."""

    automations: list[_Automation]

    def value(self) -> tuple[dict[str, Any], ...]:
        """The same as plain JSON values."""
        return tuple(one.model_dump(mode="json") for one in self.automations)


class CsrfAnswer(_Loose):
    """The token for one client of a server that asks for one."""

    token: str


class VariableAnswer(_Loose):
    """`Variable`, https://docs.prefect.io/v3/api-ref/rest-api/server/variables."""

    value: Any


class BlockAnswer(_Loose):
    """`BlockDocument`, https://docs.prefect.io/v3/api-ref/rest-api/server/block-documents."""

    data: dict[str, Any]
