"""`imagebuild deploy`: the whole way."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from imagebuild.cli.options import (
    current_folder,
    debug_option,
    image_name,
    job_variables,
    project_options,
)

if TYPE_CHECKING:
    from imagebuild.record import Change


@click.command(short_help="Build the image, push it, and make the deployment run exactly it.")
@click.argument("entrypoint", required=False, metavar="[ENTRYPOINT]")
@project_options
@click.option(
    "--image",
    metavar="NAME",
    help="Image to build: [registry/]name[:tag].  [default: the folder's name, with a tag made of"
    " the content]",
)
@click.option(
    "--push/--no-push",
    default=True,
    show_default=True,
    help="Push the image, and record it by digest; or keep it on this machine's engine.",
)
@click.option("--name", metavar="NAME", help="Deployment's name.  [default: the flow's function]")
@click.option(
    "--pool",
    metavar="NAME",
    help="Work pool.  [default: the deployment's own, Prefect's default, or the only one that"
    " runs images]",
)
@click.option(
    "--job-variable",
    "variables",
    metavar="KEY=VALUE",
    multiple=True,
    help="Job variable to set, as text or JSON; can be given again.",
)
@click.option("--yes", is_flag=True, help="Do not ask before replacing what a deployment has.")
@debug_option
def deploy(
    entrypoint: str | None,
    context: str | None,
    base: str,
    requirements: str | None,
    image: str | None,
    push: bool,
    name: str | None,
    pool: str | None,
    variables: tuple[str, ...],
    yes: bool,
) -> None:
    """Build an image of the project, push it, and make the deployment run exactly that image.

    ENTRYPOINT is path/to/flow.py:function; without it, the one flow in the project. What has not
    changed is not built, pushed or recorded again. The image's reference is printed on stdout.

    \b
    Examples:
      imagebuild deploy --image my-docker-image:latest --no-push
      imagebuild deploy flows/etl.py:etl --image registry.example.com/team/etl:v1 --pool docker
    """
    from imagebuild import pipeline
    from imagebuild.cli.output import output
    from imagebuild.request import BuildRequest
    from imagebuild.wiring import wired

    here = current_folder()
    request = BuildRequest(
        root=here / (context or ""),
        here=here,
        entrypoint=entrypoint,
        image=image_name(image, "--image") if image is not None else None,
        push=push,
        name=name,
        pool=pool,
        base=image_name(base, "--base"),
        requirements=requirements,
        job_variables=job_variables(variables),
    )
    with wired(request, os.environ) as parts, output(sys.stderr, os.environ) as shown:

        def confirm(change: Change) -> None:
            if not yes:
                shown.ask(change.questions)

        outcome = pipeline.deploy(request, parts, shown.emit, confirm)
        shown.summary(outcome)
    click.echo(outcome.reference)
