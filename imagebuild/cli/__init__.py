"""The command line. Every command imports what it works with only when it runs."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

import click

from imagebuild import __version__
from imagebuild.cli.build import build
from imagebuild.cli.deploy import deploy
from imagebuild.cli.errors import Invocation, show_bug, show_error
from imagebuild.cli.init import init
from imagebuild.cli.interrupts import listen
from imagebuild.cli.plan import plan
from imagebuild.cli.pool import pool
from imagebuild.cli.push import push
from imagebuild.cli.record import record
from imagebuild.cli.render import render
from imagebuild.errors import ImagebuildError, Interrupted

if TYPE_CHECKING:
    from collections.abc import Sequence

_FULL = {errno.ENOSPC, errno.EDQUOT}
_EPILOG = """\b
Options can also be set for a project, in [tool.imagebuild] of pyproject.toml
or in imagebuild.toml, and in the environment, as IMAGEBUILD_POOL for --pool.

\b
Exit codes:
  0  done, or nothing to do          4  credentials missing or refused
  1  failed                          5  image ready, deployment not updated
  2  usage or configuration          6  refused by policy
  3  unreachable, try again later   70  a bug of ours    130/143  interrupted
"""


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EPILOG,
)
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
def cli() -> None:
    """Bake Prefect flow code into a container image, and make the deployment run exactly it."""


for _command in (deploy, build, push, record, plan, render, init, pool):
    cli.add_command(_command)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code. Errors are told on stderr, never as a traceback."""
    # Options are parsed one after the other: where one cannot be, those behind it stay unknown.
    invocation = Invocation(json="--json" in (sys.argv[1:] if args is None else args))
    if sys.stderr is None:  # closed by whoever started this: nobody is to be told
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 - for as long as it runs
    listen()
    try:
        cli.main(args, prog_name="imagebuild", standalone_mode=False, obj=invocation)
    except click.ClickException as error:
        error.show()
        return invocation.ended(error.exit_code, error.format_message())
    except ImagebuildError as error:
        return show_error(error, invocation)
    except (KeyboardInterrupt, click.Abort):
        return _interrupted(130, invocation)
    except Interrupted as interrupted:
        return _interrupted(interrupted.exit_code, invocation)
    except BrokenPipeError:
        # Whoever read the answer went away; there is nobody to tell.
        sys.stderr.close()
        return 1
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _FULL:
            return show_error(_no_space(error), invocation)
        return show_bug(error, invocation)
    return 0


def _no_space(error: OSError) -> ImagebuildError:
    """A disk that is full, perhaps that of a file which stdout was sent to, is no bug."""
    where = f" {error.filename}" if error.filename else ""
    hint = "make room, and run it again: what is done is not done twice"
    return ImagebuildError(f"cannot write{where}", causes=(str(error.strerror).lower(),), hint=hint)


def _interrupted(code: int, invocation: Invocation) -> int:
    message = "interrupted: what was not finished can be run again"
    click.echo(message, err=True)
    return invocation.ended(code, message)
