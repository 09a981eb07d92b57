"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from imagebuild.errors import UsageError
from imagebuild.names import BadImageName, ImageName
from imagebuild.request import DEFAULT_BASE

if TYPE_CHECKING:
    from imagebuild.cli.errors import Invocation

_Command = TypeVar("_Command", bound=Callable[..., Any])


def project_options(command: _Command) -> _Command:
    """The options that say what goes into the image."""
    for decorate in reversed(
        [
            click.option(
                "--context",
                metavar="FOLDER",
                type=click.Path(file_okay=False),
                help="Project root: the folder that is copied into the image.  [default: this one]",
            ),
            click.option(
                "--base",
                metavar="IMAGE",
                default=DEFAULT_BASE,
                show_default=True,
                help="Image to build on.",
            ),
            click.option(
                "--requirements",
                metavar="FILE",
                help="Requirements file to install, in the project root.  [default:"
                " requirements.txt, if there is one]",
            ),
        ]
    ):
        command = decorate(command)
    return command


def _set_debug(context: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: ARG001
    invocation: Invocation = context.find_root().obj
    invocation.debug = value


def debug_option(command: _Command) -> _Command:
    """`--debug`, on every command."""
    return click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_set_debug,
        help="Show a traceback with an error.",
    )(command)


def current_folder() -> Path:
    """Where the user stands; raises `UsageError` where that was deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        message = "the current folder does not exist any more"
        raise UsageError(message, hint="change to another one") from error


def image_name(text: str, option: str) -> ImageName:
    """An image name as typed; raises `UsageError`."""
    try:
        return ImageName.parse(text)
    except BadImageName as error:
        message = f"cannot use {option}"
        raise UsageError(
            message,
            causes=(str(error),),
            hint="write it as [registry/]name[:tag], such as registry.example.com/team/flow:v1",
        ) from error


def job_variables(texts: Iterable[str]) -> dict[str, Any]:
    """`key=value` texts as job variables: a value that is JSON is taken as JSON, else as text."""
    variables: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not key:
            message = f"cannot use --job-variable {text}"
            raise UsageError(message, hint='write key=value, such as env=\'{"LEVEL": "debug"}\'')
        if key.startswith("env.") and value != "null":
            # A variable of the environment is text, whatever it looks like.
            variables[key] = value
            continue
        try:
            variables[key] = json.loads(value, parse_constant=_no_constant)
        except ValueError:
            variables[key] = value
    return variables


def _no_constant(name: str) -> NoReturn:
    """Python's parser takes NaN and Infinity; JSON has neither."""
    raise ValueError(name)
