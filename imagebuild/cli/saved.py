"""The project's settings, as defaults of the options."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from imagebuild import settings
from imagebuild.cli.command import Option, every_command, options_of
from imagebuild.cli.requests import project_root
from imagebuild.cli.text import clean
from imagebuild.settings import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable


def saved_settings(context: click.Context, root: str | None) -> dict[str, Any]:
    """What the settings in the project root say, by the names of the options' parameters.

    A key may be of another command's option than this one's. Warns of `IMAGEBUILD_*` variables
    that no option reads. Raises `UsageError` for a file that cannot be meant.
    """
    group = context.find_root().command
    commands = every_command(group) if isinstance(group, click.Group) else {"": context.command}
    options = options_of(commands.values())
    known = (str(option.envvar) for option in options.values())
    for sentence in settings.unknown_variables(os.environ, known):
        click.echo(f"warning: {clean(sentence)}", err=True)
    return settings.read(project_root(root), kinds(options.values()))


def kinds(options: Iterable[Option]) -> dict[str, Kind]:
    """What a settings file may hold: the key of each option that it may set, and its kind."""
    return {option.key: _kind(option) for option in options if option.saved}


def _kind(option: Option) -> Kind:
    if option.is_flag:
        return Kind.FLAG
    if option.multiple and (option.metavar or "").startswith("KEY"):
        return Kind.VALUES if option.takes_json else Kind.PAIRS
    if option.multiple:
        return Kind.MANY
    return Kind.NUMBER if isinstance(option.type, click.IntRange) else Kind.TEXT
