"""The work of `imagebuild init`: asks, shows what is there, and writes one file or none."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from imagebuild.choosing import flows_of
from imagebuild.cli.asking import asker
from imagebuild.cli.layers import is_saved
from imagebuild.cli.requests import build_request
from imagebuild.cli.text import clean, print_json
from imagebuild.cli.working import working
from imagebuild.context import read_context
from imagebuild.errors import ImagebuildError, UsageError
from imagebuild.roots import PREFECT_FILE
from imagebuild.settings import OWN_FILE
from imagebuild.setup import prefect_file, settings_file
from imagebuild.setup.answers import entry, settings
from imagebuild.setup.asking import Given, ask
from imagebuild.setup.yaml_text import BadYaml
from imagebuild.writing import check_writable, write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from imagebuild.setup.answers import Answers
    from imagebuild.setup.asking import Asker

_NOTHING = "nothing was written"


def run(options: Mapping[str, Any]) -> None:
    """Ask, write, and say what to type next. Raises `ImagebuildError`; then nothing was written."""
    # In a settings file it chooses deployments of a prefect.yaml; here it is the one to be written.
    name = None if is_saved("name") else options["name"]
    given = Given(name, options["pool"], options["registry"], options["push"], _pulled(options))
    try:
        whom = asker(os.environ, (sys.stdin, sys.stderr), yes=options["yes"])
        request = build_request(options)
        root = request.here if request.source else request.root
        path = root / (OWN_FILE if options["settings"] else PREFECT_FILE)
        before = _before(path, settings_are_there=options["settings"] and _has_settings())
        with (
            working(request, options, plain=True) as work,
            work.parts.source.checkout() as checkout,
        ):
            answers = ask(request, given, work.parts, checkout, whom, work.tally.emit)
            several = len(flows_of(read_context(checkout.root))[0]) > 1
        text = (
            settings_file.text_of(settings(answers))
            if options["settings"]
            else _prefect_file(path, before, answers, checkout.name, whom, force=options["force"])
        )
        _write(path, before, text)
    except ImagebuildError as error:
        error.unchanged = error.unchanged or _NOTHING
        raise
    _say(path, answers, options, several=several)


def _pulled(options: Mapping[str, Any]) -> bool | None:
    """Whether runs are to pull the code; None where it was not said."""
    said = click.get_current_context().get_parameter_source("code")
    return None if said is ParameterSource.DEFAULT else options["code"] == "pulled"


def _has_settings() -> bool:
    return bool(click.get_current_context().default_map)


def _before(path: Path, *, settings_are_there: bool) -> str | None:
    """What the file holds, None where there is none. Raises where it cannot be written later."""
    try:
        check_writable(path)
        before = path.read_bytes().decode() if path.exists() else None
    except (OSError, UnicodeDecodeError) as error:
        message = f"cannot {'read' if isinstance(error, UnicodeDecodeError) else 'write'} {path}"
        cause = "it is not UTF-8"
        if isinstance(error, OSError):
            cause = (error.strerror or str(error)).lower()
        raise UsageError(message, causes=(cause,)) from error
    if settings_are_there or (path.name == OWN_FILE and before is not None):
        message = "the project has settings for imagebuild already"
        raise UsageError(message, hint="change them there, or write a prefect.yaml: no --settings")
    return before


def _prefect_file(
    path: Path, before: str | None, answers: Answers, project: str, whom: Asker, *, force: bool
) -> str:
    """The text of the prefect.yaml as it is to be."""
    made = entry(answers)
    if before is None:
        return prefect_file.new_file(project, made)
    try:
        there = prefect_file.found(before, answers.name)
        if there is not None and not force:
            _agree(there, answers.name, whom)
        _against_shared(before, path.name, answers, made)
        return prefect_file.with_entry(before, made)
    except BadYaml as error:
        message = f"cannot add a deployment to {path}"
        hint = "mend it; or take settings instead: --settings"
        raise UsageError(message, causes=(str(error),), hint=hint) from error


def _against_shared(before: str, file: str, answers: Answers, made: dict[str, Any]) -> None:
    """Let what the file has for all not build or push for a deployment without an image."""
    for section in ("build", "push"):
        if made[section] is not None or not prefect_file.shares(before, section):
            continue
        if answers.image is None:
            made[section] = []
        else:
            text = f"warning: {file} has a {section} section for all, which Prefect runs for this"
            click.echo(f"{text} too", err=True)


def _agree(there: str, name: str, whom: Asker) -> None:
    """Show the deployment that has the name, and go on only if that is wanted."""
    for line in there.splitlines():
        click.echo(f"  | {clean(line)}", err=True)
    title = f"There is a deployment {name!r} already. Change its flow, pool, image and steps?"
    if not whom.yes(title, default=False):
        message = f"{PREFECT_FILE} has a deployment {name!r} already"
        raise UsageError(message, hint="give another name with --name, or change it with --force")


def _write(path: Path, before: str | None, text: str) -> None:
    """Put the file there, unless it is another than the one that was read."""
    try:
        now = path.read_bytes().decode() if path.exists() else None
        if now != before:
            message = f"{path} was changed meanwhile"
            raise ImagebuildError(message, hint="run it again")
        write_whole(path, text.encode())
    except OSError as error:
        message = f"cannot write {path}"
        raise ImagebuildError(message, causes=((error.strerror or str(error)).lower(),)) from error


def _say(path: Path, answers: Answers, options: Mapping[str, Any], *, several: bool) -> None:
    following = ["imagebuild", "deploy"]
    if not options["settings"]:
        following += ["-n", answers.name]
    elif several:
        following.append(answers.entrypoint)
    if path.parent.resolve() != build_request(options).here.resolve() and options["context"]:
        following += ["--context", options["context"]]
    click.echo(f"wrote {path.name}: {answers.entrypoint} as {clean(answers.name)}", err=True)
    click.echo(f"  next: {shlex.join(following)}", err=True)
    shown = os.path.relpath(path)
    if options["json"]:
        print_json({"file": shown, "deployment": answers.name, "next": following})
    else:
        click.echo(shown)
