"""The files by which one job of a pipeline hands what it came to to the next."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imagebuild.cli.command import RUNNING, option, with_options
from imagebuild.cli.text import clean
from imagebuild.errors import ImagebuildError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from imagebuild.cli.errors import Invocation
    from imagebuild.outcome import Outcome

_LIMIT = 1 << 20  # bytes; what we write is about one thousand


def _set_json_file(context: click.Context, _: click.Parameter, value: str | None) -> str | None:
    invocation: Invocation = context.find_root().obj
    invocation.json_file = value
    return value


handing_options = with_options(
    option(
        "--json-file",
        section=RUNNING,
        saved=False,
        metavar="FILE",
        is_eager=True,
        callback=_set_json_file,
        help="Write the document of --json to a file too, for --from in a later job.",
    ),
    option(
        "--dotenv",
        section=RUNNING,
        saved=False,
        metavar="FILE",
        help="Write IMAGE, IMAGE_DIGEST and IMAGE_REFERENCE as variables, one a line: GitLab's"
        " artifacts:reports:dotenv.",
    ),
)

from_option = option(
    "--from",
    "from_file",
    section=RUNNING,
    saved=False,
    metavar="FILE",
    help="Go on from what the job before wrote with --json-file, instead of from IMAGE.",
)


def handed(options: Mapping[str, Any]) -> Outcome | None:
    """What `--from` names. Raises `UsageError` where that is no such file."""
    path = options["from_file"]
    if path is None:
        return None
    from imagebuild.handing import parse

    try:
        with Path(path).open("rb") as file:
            text = file.read(_LIMIT + 1)
        if len(text) > _LIMIT:
            message = f"cannot go on from {path}"
            raise UsageError(message, causes=("it is no document of imagebuild's",))
        return parse(text.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        message = f"cannot go on from {path}"
        raise UsageError(message, causes=("it is no text",)) from error
    except OSError as error:
        message = f"cannot read {path}"
        hint = "give the file that --json-file of the job before wrote; its job has to keep it"
        raise UsageError(message, causes=(_why(error),), hint=hint) from error


def reports(options: Mapping[str, Any]) -> tuple[Path, ...]:
    """The files that the command is to write, which belong in no image."""
    typed = (options.get("json_file"), options.get("dotenv"))
    return tuple(Path.cwd() / path for path in typed if path is not None)


def check_reports(options: Mapping[str, Any]) -> None:
    """Raise `UsageError` where a file cannot be written, before anything is done."""
    from imagebuild.writing import check_writable

    for name, path in (
        ("--json-file", options.get("json_file")),
        ("--dotenv", options.get("dotenv")),
    ):
        if path is None:
            continue
        if options.get("dry_run"):
            message = f"cannot use {name} with --dry-run"
            raise UsageError(message, hint="nothing is done that a later job could go on from")
        try:
            check_writable(Path(path))
        except OSError as error:
            message = f"cannot write {path}"
            hint = f"give {name} a file in a folder that is there and can be written to"
            raise UsageError(message, causes=(_why(error),), hint=hint) from error


def hand_on(
    outcomes: Sequence[Outcome], document: Mapping[str, Any], options: Mapping[str, Any]
) -> None:
    """Write the files that the options name. Raises `ImagebuildError`, which says what is done."""
    from imagebuild.cli.ci.dotenv import variables

    references = dict.fromkeys(str(outcome.reference) for outcome in outcomes)
    if (path := options.get("json_file")) is not None:
        _write(path, as_json(document), references)
    if (path := options.get("dotenv")) is None:
        return
    if len(references) == 1:
        _write(path, variables(outcomes[0]), references)
    else:
        text = f"{path} is not written: it would be of one image, and there are {len(references)}"
        click.echo(f"warning: {clean(text)}", err=True)


def write_error(path: str, document: Mapping[str, Any]) -> None:
    """Write an error's document; where that cannot be done, a warning is all."""
    from imagebuild.writing import write_whole

    try:
        write_whole(Path(path), as_json(document).encode())
    except OSError as error:
        click.echo(f"warning: cannot write {clean(path)}: {clean(_why(error))}", err=True)


def as_json(document: Mapping[str, Any]) -> str:
    """The text of a document, with the line's end."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _write(path: str, text: str, references: Iterable[str]) -> None:
    from imagebuild.writing import write_whole

    try:
        write_whole(Path(path), text.encode())
    except OSError as error:
        message = f"cannot write {path}"
        done = f"all else is done: {', '.join(references)}"
        raise ImagebuildError(message, causes=(_why(error),), unchanged=done) from error


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
