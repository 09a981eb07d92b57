"""Values that the recorders' tests share."""

from __future__ import annotations

import dataclasses
from typing import Any

from imagebuild.record import Described, Record, Target
from imagebuild.state import Deployment, Pool, Recorded

DIGEST = "sha256:" + "a" * 64
STEP = {"prefect.deployments.steps.set_working_directory": {"directory": "/opt/prefect/app"}}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}

DOCKER = Pool(
    "dock",
    "docker",
    {
        "image": {"type": "string"},
        "image_pull_policy": {"type": "string", "enum": ["IfNotPresent", "Always", "Never"]},
        "env": TEXTS,
        "mem_limit": {"type": "string"},
        "volumes": {"type": "array", "items": {"type": "string"}},
        "privileged": {"type": "boolean", "default": False},
        "container_wait_timeout": {"type": "integer"},
        "ports": {"anyOf": [{"type": "integer"}, {"type": "array"}]},
    },
)
KUBERNETES = Pool(
    "kube",
    "kubernetes",
    {
        "image": {"type": "string"},
        "image_pull_policy": {
            "type": "string",
            "default": "IfNotPresent",
            "enum": ["IfNotPresent", "Always", "Never"],
        },
        "env": TEXTS,
    },
)
ECS = Pool("ecs", "ecs", {"image": {"type": "string"}, "env": TEXTS})
PROCESS = Pool("proc", "process", {"env": TEXTS})
MANAGED = Pool("managed", "prefect:managed", {"image": {"type": "string"}})

TARGET = Target("hello", "prod")
PARAMETERS = {"title": "Parameters", "type": "object", "properties": {}}


def record(**changed: Any) -> Record:
    """A record of a pushed and pinned image, with changes."""
    made = Record(
        image=f"reg.example/app:1@{DIGEST}",
        pushed=True,
        entrypoint="flow.py:hello",
        directory="/opt/prefect/app",
        version="0123456789ab",
        source="/src/app",
    )
    return dataclasses.replace(made, **changed)


def local(**changed: Any) -> Record:
    """A record of an image that was not pushed, with changes."""
    return record(**{"image": "app:latest", "pushed": False, **changed})


def deployment(**changed: Any) -> Deployment:
    """A deployment that holds `record()` in the Docker pool, with changes."""
    made = Deployment(
        id="11111111-1111-4111-8111-111111111111",
        pool="dock",
        entrypoint="flow.py:hello",
        version="0123456789ab",
        pull_steps=(STEP,),
        job_variables={"image": record().image},
        parameter_schema=PARAMETERS,
    )
    return dataclasses.replace(made, **changed)


def held(inside: Pool = DOCKER, **changed: Any) -> Recorded:
    """A pool and such a deployment in it."""
    return Recorded(inside, deployment(**{"pool": inside.name, **changed}))


DESCRIBED = Described(PARAMETERS, "says hello")
