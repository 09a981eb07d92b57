"""`imagebuild deploy`: the whole way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from imagebuild.cli.command import Command
from imagebuild.cli.deployment_options import choosing_options, deployment_options
from imagebuild.cli.handing import handing_options
from imagebuild.cli.image_options import (
    building_options,
    content_options,
    image_option,
    pin_option,
    push_option,
    tag_option,
)
from imagebuild.cli.running_options import dry_run_option, running_options, yes_option
from imagebuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.command(
    cls=Command, short_help="Build the image, push it, and make the deployment run exactly it."
)
@click.argument("entrypoint", required=False, metavar="[ENTRYPOINT]")
@image_option
@tag_option
@push_option(
    default=True, text="Push the image, and record it; or keep it on this machine's engine."
)
@pin_option
@content_options
@building_options
@choosing_options
@deployment_options
@yes_option
@dry_run_option
@handing_options
@running_options
def deploy(**options: Any) -> None:
    """Build an image of the project, push it, and make the deployment run exactly that image.

    ENTRYPOINT is path/to/flow.py:function or package.module.function; without it, the deployments
    of the prefect.yaml that are chosen, or the only one in it; and without any, the one flow in the
    project. What has not changed is not built, pushed or recorded again. The image's reference is
    printed on stdout.

    \b
    Examples:
      imagebuild deploy --image my-docker-image:latest --no-push
      imagebuild deploy flows/etl.py:etl --image registry.example.com/team/etl:v1 --pool docker
      imagebuild deploy --image team/etl --cron '0 6 * * *' --param day=today --dry-run
      imagebuild deploy --source https://github.com/team/flows --code pulled --pool processes
      imagebuild deploy --all
      imagebuild deploy -n 'report/*' -n nightly
    """
    from imagebuild.cli.choosing import choose

    if chosen := choose(options):
        from imagebuild.cli.filed import deploy_chosen

        deploy_chosen(chosen, options)
    else:
        _check_build(options)
        _deploy_one(options)


def _check_build(options: Mapping[str, Any]) -> None:
    """An image that is there holds what it holds: only code that is pulled goes with it."""
    if options["build"] or options["code"] == "pulled":
        return
    if (source := options["source"]) is not None:
        message = f"cannot use --no-build with --source {source}"
        causes = ("what is not built gets no code baked into it",)
        hint = "let each run pull the code: --code pulled; or record an image that holds it:"
        raise UsageError(message, causes=causes, hint=f"{hint} imagebuild record")
    message = "cannot use --no-build: no deployment of a prefect.yaml is chosen"
    hint = "to record an image that is there: imagebuild record; with --code pulled, its runs pull"
    raise UsageError(message, hint=f"{hint} the code")


def _deploy_one(options: Mapping[str, Any]) -> None:
    """Deploy a flow of which no file says anything."""
    from imagebuild import pipeline
    from imagebuild.cli.finishing import finish_command
    from imagebuild.cli.preview import show_deploy
    from imagebuild.cli.requests import build_request, deployment_request
    from imagebuild.cli.working import working

    request, wanted = build_request(options), deployment_request(options)
    with working(request, options) as work:
        if options["dry_run"]:
            show_deploy(
                pipeline.preview(request, wanted, work.parts, work.tally.emit),
                as_json=options["json"],
            )
            return
        outcome = pipeline.deploy(
            request,
            wanted,
            work.parts,
            work.tally.emit,
            confirm=work.confirm,
            finish=lambda change: finish_command(change, request, options),
        )
        work.finish(outcome)
