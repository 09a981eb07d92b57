"""Asks a person, on a terminal; or nobody, and then the defaults are the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import click

from imagebuild.cli.errors import error_lines
from imagebuild.cli.text import clean
from imagebuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TextIO

_Value = TypeVar("_Value")


class Defaults:
    """Nobody is asked."""

    def choose(self, title: str, among: Sequence[str], default: str | None) -> str | None:  # noqa: ARG002
        """The default."""
        return default

    def text(self, title: str, default: str | None, read: Callable[[str], _Value]) -> _Value:
        """The default; raises `UsageError` where there is none."""
        if default is None:
            option = title.partition(",")[0].lower()
            message = f"there is no {option} that could be meant"
            raise UsageError(message, hint=f"give it: --{option}")
        return read(default)

    def yes(self, title: str, *, default: bool) -> bool:  # noqa: ARG002
        """The default."""
        return default


class Prompts:
    """A person is asked on stderr, as stdout has the answer of the command."""

    def choose(self, title: str, among: Sequence[str], default: str | None) -> str | None:
        """One of several, by its number."""
        for number, each in enumerate(among, 1):
            click.echo(f"  {number}  {clean(each)}", err=True)
        first = among.index(default) + 1 if default in among else 1
        numbers = click.IntRange(1, len(among))
        return among[click.prompt(title, default=first, type=numbers, err=True) - 1]

    def text(self, title: str, default: str | None, read: Callable[[str], _Value]) -> _Value:
        """What is typed, asked for again until it can be meant."""
        while True:
            typed = str(click.prompt(title, default=default, err=True)).strip()
            try:
                return read(typed)
            except UsageError as error:
                for line in error_lines(error):
                    click.echo(line, err=True)

    def yes(self, title: str, *, default: bool) -> bool:
        """Yes or no."""
        return bool(click.confirm(title, default=default, err=True))


def asker(env: Mapping[str, str], streams: Sequence[TextIO], *, yes: bool) -> Defaults | Prompts:
    """Whom to ask. Raises `UsageError` where it would be a person, and none is there."""
    if yes:
        return Defaults()
    if env.get("CI") or not all(stream.isatty() for stream in streams):
        message = "nobody can be asked here"
        raise UsageError(
            message,
            causes=("this is no terminal",),
            hint="give --yes to take the defaults, and options for what is to be another",
        )
    return Prompts()
