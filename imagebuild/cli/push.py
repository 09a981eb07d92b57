"""`imagebuild push`: an image that is built."""

from __future__ import annotations

from typing import Any

import click

from imagebuild.cli.command import Command
from imagebuild.cli.handing import from_option, handed, handing_options
from imagebuild.cli.image_options import CONTEXT, tag_option
from imagebuild.cli.running_options import running_options


@click.command(cls=Command, short_help="Push an image that the engine has.")
@click.argument("image", required=False, metavar="[IMAGE]")
@tag_option
@from_option
@CONTEXT
@handing_options
@running_options
def push(**options: Any) -> None:
    """Push IMAGE, or what a job before built, and see for certain that the registry has it.

    Without either, the image that the project's settings name.

    The reference with the digest is printed on stdout, as `imagebuild record` wants it. What the
    registry has already is not pushed again.

    \b
    Examples:
      imagebuild push registry.example.com/team/etl:v1
      imagebuild push registry.example.com/team/etl:v1 --tag latest
      imagebuild push --from image.json --json-file pushed.json
    """
    from imagebuild import pipeline
    from imagebuild.cli.reading import image_tags
    from imagebuild.cli.recording import one_image
    from imagebuild.cli.requests import build_request
    from imagebuild.cli.working import working

    before = handed(options)
    name, *more = one_image(options["image"], before)
    tags = [*(each.tag or "latest" for each in more), *image_tags(options["tag"])]
    # What a registry has already needs no engine to get further tags.
    builder = "auto" if before is not None and before.digest else "docker"
    request = build_request({"context": options["context"], "push": True})
    with working(request, options, builder=builder) as work:
        work.finish(pipeline.push(name, tags, work.parts, work.tally.emit, handed=before))
