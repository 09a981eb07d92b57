"""`imagebuild record`: a deployment that is to run an image that is there."""

from __future__ import annotations

from typing import Any

import click

from imagebuild.cli.command import Command, option
from imagebuild.cli.deployment_options import deployment_options
from imagebuild.cli.image_options import CONTEXT, DIRECTORY, pin_option, push_option
from imagebuild.cli.running_options import running_options, yes_option


@click.command(cls=Command, short_help="Make a deployment run an image that is there already.")
@click.argument("image")
@click.argument("entrypoint", required=False, metavar="[ENTRYPOINT]")
@option(
    "--deployment",
    section="The deployment",
    saved=False,
    required=True,
    metavar="FLOW/NAME",
    help="Deployment to change, or to make.",
)
@push_option(
    default=None,
    text="Say that a registry has the image; or that only this machine has it.  [default: a"
    " registry has it, if its name says which]",
)
@pin_option
@CONTEXT
@DIRECTORY
@deployment_options
@yes_option
@running_options
def record(**options: Any) -> None:
    """Make a deployment run IMAGE, which is there already. Nothing is built or pushed.

    A deployment that is there keeps its flow; with ENTRYPOINT, and for a new deployment, the flow
    is looked for in the project, as `imagebuild deploy` does. Everything else that others set
    stays. An image without a digest gets that which the registry has under its tag, unless
    --no-pin.

    \b
    Examples:
      imagebuild record registry.example.com/team/etl:v1 --deployment etl/production
      imagebuild record my-docker-image:latest --deployment hello/hello --no-push
    """
    from imagebuild import pipeline
    from imagebuild.cli.finishing import record_command
    from imagebuild.cli.reading import deployment, image_name
    from imagebuild.cli.requests import build_request, deployment_request
    from imagebuild.cli.working import working

    name = image_name(options["image"], "IMAGE")
    target = deployment(options["deployment"], options["pool"])
    request, wanted = build_request(options), deployment_request(options)
    with working(request, options) as work:
        outcome = pipeline.record(
            request,
            wanted,
            name,
            target,
            work.parts,
            work.tally.emit,
            confirm=work.confirm,
            finish=lambda change: record_command(change, options),
        )
        work.finish(outcome)
