"""`imagebuild render`: the Dockerfile on stdout."""

from __future__ import annotations

import os
from typing import Any

import click

from imagebuild.cli.command import Command
from imagebuild.cli.image_options import rendered_options
from imagebuild.cli.running_options import debug_option


@click.command(cls=Command, short_help="Print the Dockerfile that deploy would build.")
@rendered_options
@debug_option
def render(**options: Any) -> None:
    """Print the Dockerfile that `deploy` would build. No engine is needed, nothing is written.

    Only an engine knows which image the base is now: `deploy` adds its digest, and where the base
    runs as another user than root, that user's place around the dependencies.

    \b
    Examples:
      imagebuild render
      imagebuild render --base prefecthq/prefect:3.4-python3.12
    """
    from imagebuild import preparing
    from imagebuild.cli.plain import Plain
    from imagebuild.cli.requests import build_request
    from imagebuild.wiring import opened

    request = build_request(options)
    with opened(request, os.environ) as source:
        click.echo(preparing.render(request, source, Plain().emit), nl=False)
