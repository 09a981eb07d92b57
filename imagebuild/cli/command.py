"""Commands whose options stand in sections, and can come from the environment and a file.

Precedence: flags, `IMAGEBUILD_*` of the environment, the project's settings, defaults.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from imagebuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX = "IMAGEBUILD_"
RUNNING = "This command"

Decorator = Callable[[Any], Any]


class Option(click.Option):
    """An option in a section of the help.

    `saved` says whether a settings file may hold it, `takes_json` whether its values are JSON
    where they can be; `key` is its name in such a file.
    """

    def __init__(
        self,
        declarations: list[str],
        *,
        section: str,
        saved: bool = True,
        takes_json: bool = False,
        **attributes: Any,
    ) -> None:
        super().__init__(declarations, **attributes)
        self.section = section
        self.saved = saved
        self.takes_json = takes_json
        self.key = next(name for name in self.opts if name.startswith("--"))[2:]
        self.envvar = PREFIX + self.key.upper().replace("-", "_")

    def value_from_envvar(self, ctx: click.Context) -> Any:
        """The variable's value; of an option that can be given again, one a line.

        click would cut it at every blank, and with it a cron expression or JSON.
        """
        if not self.multiple:
            return super().value_from_envvar(ctx)
        value = self.resolve_envvar_value(ctx)
        return value and [line for line in value.splitlines() if line.strip()]

    def type_cast_value(self, context: click.Context, value: Any) -> Any:
        """The value as its type; raises `UsageError` for an empty one: nothing is meant by it."""
        if value == "" or (isinstance(value, list | tuple) and "" in value):
            message = f"cannot use --{self.key} ''"
            raise UsageError(
                message,
                causes=("it is empty",),
                hint="give it a value, or leave it out; a variable in a script may not be set",
            )
        return super().type_cast_value(context, value)


class Command(click.Command):
    """A command that lists its options by their sections."""

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a table for each section, in the order in which the sections come up."""
        sections: dict[str, list[tuple[str, str]]] = {}
        options = [each for each in self.get_params(context) if isinstance(each, click.Option)]
        for each in sorted(options, key=lambda each: not isinstance(each, Option)):
            record = each.get_help_record(context)
            if record is not None:
                section = each.section if isinstance(each, Option) else RUNNING
                sections.setdefault(section, []).append(record)
        for section, records in sections.items():
            with formatter.section(section):
                formatter.write_dl(records)


def every_command(group: click.Group, before: str = "") -> dict[str, click.Command]:
    """The commands of a group and of the groups in it, by what is typed for each."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        found[f"{before}{name}"] = command
        if isinstance(command, click.Group):
            found |= every_command(command, f"{before}{name} ")
    return found


def options_of(commands: Iterable[click.Command]) -> dict[str, Option]:
    """The options of all commands, by the key that a settings file has for each.

    Where a name means something else in another command, it is the one that a file may hold.
    """
    every = [one for command in commands for one in command.params if isinstance(one, Option)]
    return {one.key: one for one in sorted(every, key=lambda one: one.saved)}


def with_options(*options: Decorator) -> Decorator:
    """Put several options on a command, in this order."""

    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def option(*declarations: str, section: str, **attributes: Any) -> Decorator:
    """One option."""
    return click.option(*declarations, cls=Option, section=section, **attributes)
