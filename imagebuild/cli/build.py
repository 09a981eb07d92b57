"""`imagebuild build`: the image alone."""

from __future__ import annotations

from typing import Any

import click

from imagebuild.cli.command import Command
from imagebuild.cli.handing import handing_options
from imagebuild.cli.image_options import (
    building_options,
    content_options,
    image_option,
    output_option,
    push_option,
    tag_option,
)
from imagebuild.cli.running_options import running_options


@click.command(cls=Command, short_help="Build the image; no deployment is touched.")
@click.argument("entrypoint", required=False, metavar="[ENTRYPOINT]")
@image_option
@tag_option
@push_option(default=False, text="Push the image too; or keep it on this machine's engine.")
@output_option
@content_options
@building_options
@handing_options
@running_options
def build(**options: Any) -> None:
    """Build an image of the project. Neither a flow nor a Prefect server is needed.

    What has not changed is not built again. The image's reference is printed on stdout; after a
    push it names the digest, as `imagebuild record` wants it. ENTRYPOINT, or the one flow in the
    project, is what a later `imagebuild record --from` takes.

    \b
    Examples:
      imagebuild build --image registry.example.com/team/etl:v1
      imagebuild build --image registry.example.com/team/etl --tag v1 --tag latest --push
      imagebuild build flows/etl.py:etl --image team/etl:v1 --json-file image.json
      imagebuild build --image team/etl:v1 --builder oci --output image.tar
    """
    from imagebuild import pipeline
    from imagebuild.cli.requests import build_request
    from imagebuild.cli.working import working

    request = build_request(options)
    with working(request, options) as work:
        work.finish(pipeline.build(request, work.parts, work.tally.emit))
