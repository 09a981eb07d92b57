"""The options about a deployment."""

from __future__ import annotations

import click

from imagebuild.cli.command import option, with_options

_DEPLOYMENT = "The deployment"

deployment_options = with_options(
    option(
        "--pool",
        section=_DEPLOYMENT,
        metavar="NAME",
        help="Work pool.  [default: the deployment's own, Prefect's default, or the only one that"
        " runs images]",
    ),
    option(
        "--queue",
        section=_DEPLOYMENT,
        metavar="NAME",
        help="Work queue of the pool.  [default: the deployment's own, or the pool's default]",
    ),
    option(
        "--job-variable",
        section=_DEPLOYMENT,
        takes_json=True,
        metavar="KEY=VALUE",
        multiple=True,
        help="Job variable to set, as text or JSON; can be given again.",
    ),
    option(
        "--param",
        section=_DEPLOYMENT,
        takes_json=True,
        metavar="KEY=VALUE",
        multiple=True,
        help="Default value of a parameter of the flow, as text or JSON; can be given again.",
    ),
    option(
        "--description", section=_DEPLOYMENT, metavar="TEXT", help="What the deployment is for."
    ),
    option(
        "--deployment-tag",
        section=_DEPLOYMENT,
        metavar="TAG",
        multiple=True,
        help="Tag of the deployment, beside those that it has; can be given again.",
    ),
    option(
        "--cron",
        section=_DEPLOYMENT,
        metavar="EXPRESSION",
        multiple=True,
        help="Schedule, such as '0 6 * * 1-5'; can be given again. What others scheduled stays.",
    ),
    option(
        "--interval",
        section=_DEPLOYMENT,
        metavar="TIME",
        multiple=True,
        help="Schedule: seconds between runs, or 90s, 15m, 6h, 1d; can be given again.",
    ),
    option(
        "--rrule",
        section=_DEPLOYMENT,
        metavar="RULE",
        multiple=True,
        help="Schedule as RFC 5545 writes it, such as FREQ=WEEKLY;BYDAY=MO; can be given again.",
    ),
    option(
        "--timezone",
        section=_DEPLOYMENT,
        metavar="NAME",
        help="Time zone of these schedules, such as Europe/Berlin.  [default: UTC]",
    ),
    option(
        "--version",
        section=_DEPLOYMENT,
        metavar="TEXT",
        help="Version of the deployment.  [default: made of the content]",
    ),
    option(
        "--concurrency-limit",
        section=_DEPLOYMENT,
        metavar="NUMBER",
        type=click.IntRange(min=1),
        help="How many of its runs may go on at the same time.",
    ),
)

choosing_options = with_options(
    option(
        "--name",
        "-n",
        section=_DEPLOYMENT,
        metavar="NAME",
        multiple=True,
        help="Deployment of the prefect.yaml: its name, or flow/name; * stands for anything. Can be"
        " given again. With an ENTRYPOINT, and where the file has none: the new deployment's name."
        "  [default: the flow's function]",
    ),
    option(
        "--all",
        section=_DEPLOYMENT,
        saved=False,
        is_flag=True,
        help="All deployments of the prefect.yaml.",
    ),
    option(
        "--prefect-file",
        section=_DEPLOYMENT,
        saved=False,
        metavar="FILE",
        help="Read the deployments from this file.  [default: prefect.yaml in the project root]",
    ),
    option(
        "--build/--no-build",
        section=_DEPLOYMENT,
        saved=False,
        default=True,
        help="Build the image; or only record one that is there, as it is: those of the file's"
        " deployments, or with --code pulled --image, if it is given.",
    ),
)
