"""`imagebuild render`: the Dockerfile on stdout."""

from __future__ import annotations

import click

from imagebuild.cli.options import current_folder, debug_option, image_name, project_options


@click.command(short_help="Print the Dockerfile that deploy would build.")
@project_options
@debug_option
def render(context: str | None, base: str, requirements: str | None) -> None:
    """Print the Dockerfile that `deploy` would build. No engine is needed, nothing is written.

    Only an engine knows which image the base is now: `deploy` adds its digest, and where the base
    runs as another user than root, that user's place around the dependencies.

    \b
    Examples:
      imagebuild render
      imagebuild render --base prefecthq/prefect:3.4-python3.12
    """
    from imagebuild import pipeline
    from imagebuild.cli.plain import Plain
    from imagebuild.request import BuildRequest
    from imagebuild.wiring import source_of

    here = current_folder()
    request = BuildRequest(
        root=here / (context or ""),
        here=here,
        push=False,
        base=image_name(base, "--base"),
        requirements=requirements,
    )
    click.echo(pipeline.render(request, source_of(request), Plain().emit), nl=False)
