"""`imagebuild init`: the first file of a project."""

from __future__ import annotations

from typing import Any

import click

from imagebuild.cli.command import RUNNING, Command, option
from imagebuild.cli.image_options import CONTEXT, image_option, push_option
from imagebuild.cli.running_options import debug_option, json_option
from imagebuild.cli.source_options import source_options


@click.command(cls=Command, short_help="Write a prefect.yaml, or settings, for a project.")
@click.argument("entrypoint", required=False, metavar="[ENTRYPOINT]")
@image_option
@option(
    "--registry",
    section="Where it goes",
    saved=False,
    metavar="HOST[/PATH]",
    help="Registry of an image whose name says none.  [default: Prefect's"
    " PREFECT_DEFAULT_DOCKER_BUILD_NAMESPACE]",
)
@push_option(default=None, text="Push the image; or keep it on this machine's engine.")
@CONTEXT
@source_options
@option(
    "--dockerfile",
    section="What goes into the image",
    metavar="FILE",
    help="A Dockerfile of your own, built as it is.",
)
@option(
    "--name",
    section="The deployment",
    saved=False,
    metavar="NAME",
    help="Deployment's name.  [default: the flow's function]",
)
@option(
    "--pool",
    section="The deployment",
    metavar="NAME",
    help="Work pool.  [default: the only one that runs images]",
)
@option(
    "--settings",
    section=RUNNING,
    saved=False,
    is_flag=True,
    help="Write imagebuild.toml, for `imagebuild deploy` without options, and no prefect.yaml.",
)
@option(
    "--yes",
    section=RUNNING,
    saved=False,
    is_flag=True,
    help="Ask nothing: take the defaults, and the options that are given.",
)
@option(
    "--force",
    section=RUNNING,
    saved=False,
    is_flag=True,
    help="Change a deployment of this name that the file has already, without asking.",
)
@json_option
@debug_option
def init(**options: Any) -> None:
    """Write what deploys a flow of the project: an entry in prefect.yaml, or settings.

    The flows, the dependency files and the work pools are found, the rest is asked, each question
    with a default; every answer can be given as an option. The registry is asked whether it takes
    docker's credentials. Of a prefect.yaml that is there, everything else stays as it is, and of a
    deployment that has the name already, what is not asked for. The file's name is printed on
    stdout.

    With --source, the flows are those of the source, and the file is written into this folder. With
    --code pulled, its pull section is what each run does; in a work pool that takes no image, runs
    install the requirements too. `prefect deploy` takes the file as well, but reads the flow from
    the folder that it is called in.

    \b
    Examples:
      imagebuild init
      imagebuild init --yes --registry registry.example.com/team
      imagebuild init flows/etl.py:etl --yes --settings --image team/etl --pool docker
      imagebuild init --source https://github.com/team/flows --code pulled --pool processes
    """
    from imagebuild.cli.initial import run

    run(options)
