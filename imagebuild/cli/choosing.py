"""Which deployments of a prefect.yaml a command line means, if any."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from imagebuild.cli.layers import is_saved
from imagebuild.cli.requests import current_folder, project_root
from imagebuild.cli.text import clean
from imagebuild.entrypoint import is_dotted
from imagebuild.errors import UsageError
from imagebuild.roots import PREFECT_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from imagebuild.prefect.file import FileDeployment, PrefectFile

_CHOOSE = "choose some with -n NAME, or all with --all"


@dataclass(frozen=True)
class Chosen:
    """Deployments of a file, whose paths are relative to `root`."""

    file: PrefectFile
    root: Path
    deployments: tuple[FileDeployment, ...]


def choose(options: Mapping[str, Any]) -> Chosen | None:
    """The file's deployments that are meant; None where the options mean one of their own.

    An ENTRYPOINT means one of its own, unless the file has a deployment of the name beside it:
    then it takes the place of that one's. Raises `UsageError`.
    """
    names, entrypoint, every = options["name"], options["entrypoint"], options["all"]
    typed = options["prefect_file"]
    _check(options)
    chooses = every or typed or (names and not is_saved("name"))
    root = project_root(options["context"]).resolve()
    if elsewhere := _elsewhere(options):
        if names and (root / PREFECT_FILE).is_file():
            click.echo(f"note: {PREFECT_FILE} is not read, as {elsewhere} is given", err=True)
        return None
    if _saved_elsewhere(options) and not chooses:
        return None
    path = current_folder() / typed if typed else root / PREFECT_FILE
    if (entrypoint and not names) or not (path.is_file() or typed or every):
        return None
    from imagebuild.prefect.file_reading import read_file
    from imagebuild.prefect.selection import select

    file = read_file(path)
    if entrypoint:
        return _one_of_its_own(file, root, names, entrypoint)
    if not file.deployments:
        if every or typed:
            message = f"{file.path.name} has no deployments"
            raise UsageError(message, hint="write them under deployments:, or give an ENTRYPOINT")
        return None
    chosen = select(file.deployments, names, path.name) if names else _without_names(file, every)
    for warning in (text for one in chosen for text in one.warnings):
        click.echo(f"warning: {clean(warning)}", err=True)
    return Chosen(file, root, tuple(chosen))


def _check(options: Mapping[str, Any]) -> None:
    for name, what in (("name", "-n"), ("entrypoint", "ENTRYPOINT")):
        if options["all"] and options[name]:
            message = f"cannot use --all with {what}"
            raise UsageError(message, hint="one says which deployments, and the other says all")
    chosen = "--all" if options["all"] else "--prefect-file" if options["prefect_file"] else ""
    if chosen and (other := _elsewhere(options)):
        message = f"cannot use {chosen} with {other}"
        cause = "a prefect.yaml says by its pull steps where its code is"
        raise UsageError(message, causes=(cause,), hint="deploy its deployments from their folder")
    if options["entrypoint"] and options["prefect_file"] and not options["name"]:
        message = "cannot use --prefect-file with an ENTRYPOINT alone"
        raise UsageError(message, hint="say which deployment of the file it is for: -n NAME")


def _elsewhere(options: Mapping[str, Any]) -> str | None:
    """What was typed that says where the code of a deployment of its own is."""
    if options["source"] and not is_saved("source"):
        return "--source"
    return "--code pulled" if options["code"] == "pulled" and not is_saved("code") else None


def _saved_elsewhere(options: Mapping[str, Any]) -> bool:
    """Whether the project's settings say so, which is below what a prefect.yaml says."""
    return bool(options["source"]) or options["code"] == "pulled"


def _one_of_its_own(
    file: PrefectFile, root: Path, names: Sequence[str], entrypoint: str
) -> Chosen | None:
    """The file's deployment of this very name, with another entrypoint; else none of the file's."""
    meant = [one for one in file.deployments if len(names) == 1 and one.name == names[0]]
    if not meant:
        return None
    if len(meant) > 1:
        message = f"{file.path.name} has {len(meant)} deployments called {names[0]!r}"
        raise UsageError(message, hint="leave the ENTRYPOINT out, or write flow/name")
    typed = entrypoint if is_dotted(entrypoint) else str(current_folder() / entrypoint)
    only = replace(meant[0], fields={**meant[0].fields, "entrypoint": typed})
    return Chosen(file, root, (only,))


def _without_names(file: PrefectFile, every: bool) -> list[FileDeployment]:
    from imagebuild.prefect.selection import listing

    named = [one for one in file.deployments if one.name]
    if len(named) > 1 and not every:
        message = f"{file.path.name} has {len(named)} deployments"
        raise UsageError(message, body=listing(file.deployments), hint=_CHOOSE)
    for one in file.deployments:
        if not one.name:
            click.echo(f"note: passed over: {clean(one.label)}", err=True)
    if not named:
        message = f"no deployment in {file.path.name} has a name"
        raise UsageError(message, hint="give each a name: a line of its own in the file")
    return named
