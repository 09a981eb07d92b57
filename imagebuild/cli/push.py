"""`imagebuild push`: an image that is built."""

from __future__ import annotations

from typing import Any

import click

from imagebuild.cli.command import Command
from imagebuild.cli.image_options import tag_option
from imagebuild.cli.running_options import running_options


@click.command(cls=Command, short_help="Push an image that the engine has.")
@click.argument("image")
@tag_option
@running_options
def push(**options: Any) -> None:
    """Push IMAGE, and see for certain that the registry has it.

    The reference with the digest is printed on stdout, as `imagebuild record` wants it. What the
    registry has already is not pushed again.

    \b
    Examples:
      imagebuild push registry.example.com/team/etl:v1
      imagebuild push registry.example.com/team/etl:v1 --tag latest
    """
    from imagebuild import pipeline
    from imagebuild.cli.reading import image_name, image_tags
    from imagebuild.cli.requests import build_request
    from imagebuild.cli.working import working

    name, tags = image_name(options["image"], "IMAGE"), image_tags(options["tag"])
    with working(build_request({}), options) as work:
        work.finish(pipeline.push(name, tags, work.parts, work.tally.emit))
