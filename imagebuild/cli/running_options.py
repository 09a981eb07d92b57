"""The options about how a command runs, and what it prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagebuild.cli.command import RUNNING, option, with_options

if TYPE_CHECKING:
    import click

    from imagebuild.cli.errors import Invocation


def _set_debug(context: click.Context, _: click.Parameter, value: bool) -> None:
    invocation: Invocation = context.find_root().obj
    invocation.debug = value


def _set_json(context: click.Context, _: click.Parameter, value: bool) -> bool:
    invocation: Invocation = context.find_root().obj
    invocation.json = value
    return value


yes_option = option(
    "--yes",
    section=RUNNING,
    saved=False,
    is_flag=True,
    help="Do not ask before replacing what a deployment has.",
)

json_option = option(
    "--json",
    section=RUNNING,
    saved=False,
    is_flag=True,
    is_eager=True,
    callback=_set_json,
    help="Print one JSON document on stdout, instead of the reference.",
)

dry_run_option = option(
    "--dry-run",
    section=RUNNING,
    saved=False,
    is_flag=True,
    help="Look, plan, and say what would be done; do nothing.",
)

debug_option = option(
    "--debug",
    section=RUNNING,
    saved=False,
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_set_debug,
    help="Show a traceback with an error.",
)

running_options = with_options(
    json_option,
    option(
        "--verbose",
        "-v",
        section=RUNNING,
        saved=False,
        is_flag=True,
        help="Say everything, line by line: each file that is sent, each line that a step prints.",
    ),
    option(
        "--quiet",
        "-q",
        section=RUNNING,
        saved=False,
        is_flag=True,
        help="Say nothing but warnings and errors.",
    ),
    debug_option,
)
