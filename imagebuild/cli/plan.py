"""`imagebuild plan`: what would be done, and why."""

from __future__ import annotations

from typing import Any

import click

from imagebuild.cli.command import Command
from imagebuild.cli.image_options import (
    building_options,
    content_options,
    image_option,
    tag_option,
)
from imagebuild.cli.running_options import running_options


@click.command(cls=Command, short_help="Say what would be built from what, and why.")
@image_option
@tag_option
@content_options
@building_options
@running_options
def plan(**options: Any) -> None:
    """Say what would be in the image and what it would be made from; nothing is done.

    The base and its digest, the dependency files, what is sent and what is left out by which
    line, the largest files (with -v all of them), the keys, and the names. No engine is needed;
    without one, what the base is now stays open. `imagebuild deploy --dry-run` looks at the
    registry and at Prefect too.

    \b
    Examples:
      imagebuild plan
      imagebuild plan --json --image registry.example.com/team/etl:v1
    """
    from imagebuild import preparing
    from imagebuild.cli.preview import show_plan
    from imagebuild.cli.requests import build_request
    from imagebuild.cli.working import working

    request = build_request(options)
    with working(request, options) as work:
        foreseen = preparing.foresee(request, work.parts, work.tally.emit)
    show_plan(foreseen, as_json=options["json"], every_file=options["verbose"])
