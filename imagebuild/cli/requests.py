"""Options to requests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from imagebuild.cli import reading
from imagebuild.cli.handing import reports
from imagebuild.cli.source_options import source_request
from imagebuild.errors import UsageError
from imagebuild.names import BadImageName, ImageName, LayoutName
from imagebuild.request import DEFAULT_BASE, ENV_PREFIX, BuildRequest, DeploymentRequest
from imagebuild.roots import find_root

if TYPE_CHECKING:
    from collections.abc import Mapping

# What a Dockerfile of the user's own says itself.
RENDERED = ("base", "directory", "requirements", "system_package", "template", "env")


def current_folder() -> Path:
    """Where the user stands; raises `UsageError` where that was deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        message = "the current folder does not exist any more"
        raise UsageError(message, hint="change to another one") from error


def project_root(typed: str | None) -> Path:
    """The folder that was typed, else the project root that the user stands in."""
    here = current_folder()
    return find_root(here) if typed is None else here / typed


def build_request(options: Mapping[str, Any]) -> BuildRequest:
    """The image that the options ask for; an option that the command lacks has its default.

    Raises `UsageError` for values that cannot be meant, and for options that exclude each other.
    """
    _check(options)
    here, env, image = current_folder(), os.environ, _image(options.get("image"))
    base, layout = reading.base(options.get("base", DEFAULT_BASE))
    return BuildRequest(
        root=project_root(options.get("context")),
        here=here,
        entrypoint=options.get("entrypoint"),
        image=image,
        tags=reading.image_tags(options.get("tag", ())),
        push=_push(options, image),
        pin=options.get("pin", True),
        base=base,
        directory=options.get("directory"),
        requirements=options.get("requirements"),
        packages=options.get("system_package", ()),
        template=options.get("template", "default"),
        dockerfile=options.get("dockerfile"),
        platform=options.get("platform"),
        build_args=reading.build_args(options.get("build_arg", ()), env),
        env=reading.pairs(options.get("env", ()), "--env", "LEVEL=debug"),
        labels=reading.pairs(options.get("label", ()), "--label", "team=data"),
        secrets=tuple(reading.secret(text, here, env) for text in options.get("secret", ())),
        ssh=reading.agents(options.get("ssh", ()), env),
        pull=options.get("pull"),
        cache=options.get("cache", True),
        epoch=env.get("SOURCE_DATE_EPOCH"),
        reports=reports(options),
        env_prefix=_env_prefix(options),
        insecure=options.get("insecure_registry", ()),
        layout=layout,
        output=reading.output(options.get("output")),
        source=source_request(options),
        pulled=options.get("code") == "pulled",
        build=options.get("build", True),
    )


def deployment_request(options: Mapping[str, Any]) -> DeploymentRequest:
    """The deployment that the options ask for. Raises `UsageError`."""
    return DeploymentRequest(
        name=_only_name(options),
        pool=options["pool"],
        queue=options["queue"],
        job_variables=reading.json_pairs(
            options["job_variable"], "--job-variable", 'env=\'{"LEVEL": "debug"}\''
        ),
        parameters=reading.json_pairs(options["param"], "--param", "name=Marvin"),
        description=options["description"],
        tags=options["deployment_tag"],
        schedules=reading.schedules(
            options["cron"], options["interval"], options["rrule"], options["timezone"]
        ),
        version=options["version"],
        concurrency_limit=options["concurrency_limit"],
    )


def _push(options: Mapping[str, Any], image: ImageName | None) -> bool:
    """As it is said, else as the image's name tells."""
    if options.get("push") is not None:
        return bool(options["push"])
    return image is not None and (image.digest is not None or not image.is_bare)


def _image(typed: str | None) -> ImageName | None:
    return None if typed is None else reading.image_name(typed, "--image")


def _env_prefix(options: Mapping[str, Any]) -> str | None:
    """How the tags of environments begin; None where they get none."""
    prefix: str = options.get("env_prefix", ENV_PREFIX)
    try:
        ImageName.parse(f"image:{prefix}{'0' * 16}")
    except BadImageName as error:
        message = f"cannot use --env-prefix {prefix}"
        causes = ("no tag of an image can begin with it",)
        raise UsageError(message, causes=causes, hint="give a word, such as env-") from error
    return prefix if options.get("env_cache", True) else None


def _check(options: Mapping[str, Any]) -> None:
    _check_dockerfile(options)
    _check_pin(options)
    _check_layouts(options)


def _check_pin(options: Mapping[str, Any]) -> None:
    """No option is taken and ignored: what is not pushed has no digest to be recorded by."""
    typed = click.get_current_context().get_parameter_source("pin") is ParameterSource.COMMANDLINE
    if typed and options.get("push") is False:
        message = f"cannot use --{'' if options['pin'] else 'no-'}pin with --no-push"
        raise UsageError(message, causes=("an image has a digest once it is pushed",))


def _check_layouts(options: Mapping[str, Any]) -> None:
    """Layouts are read and written by one builder, and what is written there is not pushed."""
    base, output = options.get("base", DEFAULT_BASE), options.get("output")
    if output is not None and options.get("push"):
        message = "cannot use --output with --push"
        raise UsageError(
            message,
            causes=("an image is written to a layout, or pushed",),
            hint="leave one of them out; skopeo copies from the one to the other",
        )
    used = f"--output {output}" if output is not None else f"--base {base}"
    if output is None and LayoutName.parse(base) is None:
        return
    if "builder" not in options:
        message = f"cannot use {used} here"
        raise UsageError(message, causes=("an engine builds on no layout",))
    if options["builder"] != "oci":
        message = f"cannot use {used} with --builder {options['builder']}"
        raise UsageError(
            message, causes=("an engine reads and writes no layouts",), hint="give --builder oci"
        )


def _only_name(options: Mapping[str, Any]) -> str | None:
    names = options.get("name") or ()
    if len(names) > 1:
        message = f"cannot use {' and '.join(f'--name {name}' for name in names)}"
        causes = ("no prefect.yaml is read, so the name is that of one new deployment",)
        raise UsageError(message, causes=causes, hint="give one")
    return names[0] if names else None


def _check_dockerfile(options: Mapping[str, Any]) -> None:
    """No option is taken and ignored: what is not rendered has no place for these."""
    if options.get("dockerfile") is None:
        return
    context = click.get_current_context()
    given = [
        f"--{name.replace('_', '-')}"
        for name in RENDERED
        if context.get_parameter_source(name) not in {None, ParameterSource.DEFAULT}
    ]
    if given:
        message = f"cannot use {' and '.join(given)} with --dockerfile"
        raise UsageError(
            message,
            causes=("a Dockerfile of your own is built as it is",),
            hint="write it into the Dockerfile, or use a --template of your own instead",
        )
