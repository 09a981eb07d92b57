"""What was typed over what a prefect.yaml says, and the project's settings below it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from imagebuild.cli.requests import RENDERED, build_request, deployment_request
from imagebuild.errors import UsageError
from imagebuild.prefect.stating import on_top
from imagebuild.request import BuildRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from imagebuild.request import DeploymentRequest

_NOTHING: dict[str, Any] = {
    **dict.fromkeys(("pool", "queue", "description", "timezone", "version", "concurrency_limit")),
    **dict.fromkeys(("job_variable", "param", "deployment_tag", "cron", "interval", "rrule"), ()),
}
# What of an image an option says; what the file itself says by having a step is not among them.
_IMAGE = {
    "base": "base",
    "directory": "directory",
    "requirements": "requirements",
    "system_package": "packages",
    "template": "template",
    "env": "env",
    "label": "labels",
    "build_arg": "build_args",
    "secret": "secrets",
    "ssh": "ssh",
    "platform": "platform",
    "pull": "pull",
    "cache": "cache",
    "pin": "pin",
}
_TYPED_ONLY = {"image": "image", "tag": "tags", "push": "push", "dockerfile": "dockerfile"}


def over_deployments(
    options: Mapping[str, Any],
) -> Callable[[DeploymentRequest], DeploymentRequest]:
    """Puts what was typed over a deployment of the file, and the settings below it."""
    typed = deployment_request({**_only(options, _typed), "name": ()})
    saved = deployment_request({**_only(options, is_saved), "name": ()})

    def put(filed: DeploymentRequest) -> DeploymentRequest:
        stated = filed.stated
        fill: dict[str, Any] = {
            name: getattr(typed, name) or getattr(saved, name)
            for name in ("description", "tags", "schedules", "version", "concurrency_limit")
            if name not in stated
        }
        if "work_queue_name" not in stated:
            fill["queue"] = typed.queue or saved.queue
        below = {k: v for k, v in saved.parameters.items() if k not in stated.get("parameters", {})}
        made = on_top(dataclasses.replace(typed, **fill), filed)
        return dataclasses.replace(
            made,
            pool=made.pool or saved.pool,
            job_variables={**saved.job_variables, **made.job_variables},
            parameters={**below, **typed.parameters},
        )

    return put


def over_images(options: Mapping[str, Any]) -> Callable[[BuildRequest], BuildRequest]:
    """Puts what was typed over the image of a build step, and the settings below it.

    What it makes raises `UsageError` for what a Dockerfile of the user's own has to say itself.
    """
    asked = build_request(options)
    defaults = {each.name: each for each in dataclasses.fields(BuildRequest)}

    def put(request: BuildRequest) -> BuildRequest:
        changed: dict[str, Any] = {}
        for option, name in (_IMAGE | _TYPED_ONLY).items():
            if option not in options:
                continue
            value, held = getattr(asked, name), getattr(request, name)
            if _typed(option):
                _check(request, option)
                changed[name] = _together(held, value)
            elif (
                is_saved(option)
                and option in _IMAGE
                and _is_default(defaults[name], held)
                and (request.dockerfile is None or option not in RENDERED)
            ):
                changed[name] = value
        if "base" in changed:
            changed["layout"] = asked.layout
        return dataclasses.replace(request, **changed)

    return put


def _check(request: BuildRequest, option: str) -> None:
    if request.dockerfile is not None and option in RENDERED:
        message = f"cannot use --{option.replace('_', '-')}: the file's build step has a Dockerfile"
        raise UsageError(message, hint=f"write it into {request.dockerfile}")


def _together(held: Any, value: Any) -> Any:
    """Both of what there can be several of; else what was typed."""
    if isinstance(value, dict):
        return {**held, **value}
    return tuple(dict.fromkeys((*held, *value))) if isinstance(value, tuple) else value


def _is_default(field: dataclasses.Field[Any], held: Any) -> bool:
    if field.default_factory is not dataclasses.MISSING:
        return bool(held == field.default_factory())
    return bool(held == field.default)


def _only(options: Mapping[str, Any], wanted: Callable[[str], bool]) -> dict[str, Any]:
    return {name: options[name] if wanted(name) else nothing for name, nothing in _NOTHING.items()}


def _typed(option: str) -> bool:
    source = click.get_current_context().get_parameter_source(option)
    return source in {ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT}


def is_saved(option: str) -> bool:
    """Whether an option's value is the project's settings'."""
    source = click.get_current_context().get_parameter_source(option)
    return source is ParameterSource.DEFAULT_MAP
