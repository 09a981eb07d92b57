"""Which image `imagebuild push` and `record` are about: one that was typed, or one handed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from imagebuild.cli.reading import deployment, image_name
from imagebuild.errors import UsageError
from imagebuild.names import ImageName
from imagebuild.record import Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imagebuild.outcome import Outcome


def one_image(given: str | None, handed: Outcome | None) -> Sequence[ImageName]:
    """The names of the image that is meant, the first one first. Raises `UsageError`.

    What was handed on comes before the project's settings, and not beside what was typed.
    """
    if handed is not None and given is not None and _is_typed("image"):
        message = f"cannot use both {given} and --from"
        raise UsageError(message, hint="leave one out: the file names the image")
    if handed is not None:
        return [ImageName.parse(name) for name in handed.names]
    if given is None:
        message = "no image is named"
        raise UsageError(message, hint="name it, or give --from FILE, as a job before wrote it")
    return [image_name(given, "IMAGE")]


def what_to_record(
    options: Mapping[str, Any], handed: Outcome | None
) -> tuple[dict[str, Any], ImageName, Target]:
    """The options with what was handed on filled in, the image, and the deployment.

    With `--from`, IMAGE is left out, so what is typed first is the ENTRYPOINT, where it can be one.
    Raises `UsageError`.
    """
    full = dict(options)
    if handed is not None and not _is_typed("image"):
        full["image"] = None  # the project's settings may name one too
    if handed is not None and full["entrypoint"] is None and ".py" in (full["image"] or ""):
        full["image"], full["entrypoint"] = None, full["image"]
    name = one_image(full["image"], handed)[0]
    if handed is not None:
        full["image"] = str(name)
        full["push"] = _is_pushed(name, handed, full)
        if handed.digest and full["pin"] and full["push"]:
            name = name.pinned(handed.digest)
    return full, name, _target(full, handed)


def _is_typed(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is ParameterSource.COMMANDLINE


def _is_pushed(name: ImageName, handed: Outcome, options: Mapping[str, Any]) -> bool:
    """Whether a registry has it: as the file tells, unless the user says it."""
    if options["push"] is not None or handed.digest is not None:
        return options["push"] is not False
    if name.is_bare:
        return False
    message = f"{name} is not in its registry yet, as {options['from_file']} tells"
    raise UsageError(
        message,
        hint="give the file that imagebuild push wrote; or say that it is to stay on this machine:"
        " --no-push",
    )


def _target(options: Mapping[str, Any], handed: Outcome | None) -> Target:
    if options["deployment"] is not None:
        return deployment(options["deployment"], options["pool"])
    if handed is not None and handed.deployment is not None:
        return deployment(handed.deployment, options["pool"])
    if handed is not None and handed.flow and handed.entrypoint and not options["entrypoint"]:
        return Target(handed.flow, _function(handed.entrypoint), options["pool"])
    message = "no deployment is named"
    cause = ("the job before did not know which flow is meant",) if handed else ()
    raise UsageError(
        message, causes=cause, hint="give it: --deployment flow/name, as Prefect writes it"
    )


def _function(entrypoint: str) -> str:
    """The flow's function, after which a deployment is named that has no other name."""
    return entrypoint.rpartition(":")[2].rpartition(".")[2]
