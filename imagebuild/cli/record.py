"""`imagebuild record`: a deployment that is to run an image that is there."""

from __future__ import annotations

from typing import Any

import click

from imagebuild.cli.command import Command, option
from imagebuild.cli.deployment_options import deployment_options
from imagebuild.cli.handing import from_option, handed, handing_options
from imagebuild.cli.image_options import (
    CONTEXT,
    DIRECTORY,
    insecure_option,
    pin_option,
    push_option,
)
from imagebuild.cli.running_options import running_options, yes_option


@click.command(cls=Command, short_help="Make a deployment run an image that is there already.")
@click.argument("image", required=False, metavar="[IMAGE]")
@click.argument("entrypoint", required=False, metavar="[ENTRYPOINT]")
@option(
    "--deployment",
    section="The deployment",
    saved=False,
    metavar="FLOW/NAME",
    help="Deployment to change, or to make.  [default, with --from: the flow's, named after its"
    " function]",
)
@push_option(
    default=None,
    text="Say that a registry has the image; or that only this machine has it.  [default: a"
    " registry has it, if its name says which]",
)
@pin_option
@insecure_option
@from_option
@CONTEXT
@DIRECTORY
@deployment_options
@yes_option
@handing_options
@running_options
def record(**options: Any) -> None:
    """Make a deployment run IMAGE, or what a job before built and pushed. Nothing is built.

    A deployment that is there keeps its flow; with ENTRYPOINT, and for a new deployment, the flow
    is looked for in the project, as `imagebuild deploy` does. Everything else that others set
    stays. An image without a digest gets that which the registry has under its tag, unless
    --no-pin. With --from, neither an engine nor IMAGE is needed, and the project only where
    Prefect has yet to learn the flow's parameters.

    \b
    Examples:
      imagebuild record registry.example.com/team/etl:v1 --deployment etl/production
      imagebuild record my-docker-image:latest --deployment hello/hello --no-push
      imagebuild record --from pushed.json --deployment etl/production --pool docker
    """
    from imagebuild import pipeline
    from imagebuild.cli.finishing import record_command
    from imagebuild.cli.recording import what_to_record
    from imagebuild.cli.requests import build_request, deployment_request
    from imagebuild.cli.working import working

    before = handed(options)
    options, name, target = what_to_record(options, before)
    request, wanted = build_request(options), deployment_request(options)
    with working(request, options, builder="auto") as work:
        outcome = pipeline.record(
            request,
            wanted,
            name,
            target,
            work.parts,
            work.tally.emit,
            confirm=work.confirm,
            finish=lambda change: record_command(change, options),
            handed=before,
        )
        work.finish(outcome)
