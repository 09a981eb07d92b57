"""`imagebuild pool`: what a work pool runs where a deployment names no image."""

from __future__ import annotations

import dataclasses
import shlex
from typing import TYPE_CHECKING, Any

import click

from imagebuild.cli.command import RUNNING, Command, option
from imagebuild.cli.image_options import push_option
from imagebuild.cli.running_options import running_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagebuild.state import DefaultImage

_NONE = "none, so Prefect's own image"


@click.group(short_help="Make an image the default of a work pool.")
def pool() -> None:
    """Change work pools: what they run where a deployment names no image of its own."""


@pool.command("set-image", cls=Command, short_help="Make an image the default of a work pool.")
@click.argument("name", metavar="POOL")
@click.argument("image", required=False, metavar="[IMAGE]")
@option(
    "--unset",
    section=RUNNING,
    saved=False,
    is_flag=True,
    help="Take the pool's default image away, instead of setting one.",
)
@push_option(
    default=None,
    text="Say that a registry has the image; or that only this machine has it.  [default: a"
    " registry has it, if its name says which]",
)
@running_options
def set_image(**options: Any) -> None:
    """Make IMAGE what POOL runs where a deployment names no image of its own.

    It is written into the pool's base job template, of which all else stays; nothing is written
    where it stands already. What was there before is told. Whether a registry has IMAGE is not
    asked: the pool's workers may be elsewhere.

    \b
    Examples:
      imagebuild pool set-image my-docker-pool registry.example.com/team/base:v1
      imagebuild pool set-image my-docker-pool --unset
    """
    from imagebuild.cli.reading import image_name
    from imagebuild.cli.requests import build_request
    from imagebuild.cli.text import print_json
    from imagebuild.cli.working import working
    from imagebuild.errors import UsageError
    from imagebuild.events import Note, Warned

    if (options["image"] is None) is not options["unset"]:
        message = "give one of IMAGE and --unset"
        raise UsageError(message, hint="such as: imagebuild pool set-image POOL IMAGE")
    image = None if options["unset"] else image_name(options["image"], "IMAGE")
    pushed = options["push"] if options["push"] is not None else not (image and image.is_bare)
    with working(build_request({}), options) as work:
        made = work.parts.recorder.work_pools().set_image(options["name"], image, pushed=pushed)
        for line in lines(made):
            work.tally.emit(Note(line))
        for warning in made.warnings:
            work.tally.emit(Warned(warning))
    if options["json"]:
        print_json({**dataclasses.asdict(made), "changed": made.changed})
    elif made.image is not None:
        click.echo(made.image)


def lines(made: DefaultImage) -> Iterator[str]:
    """What is so now, for a person, and how to set it back."""
    now, before = made.image or _NONE, made.before or _NONE
    if not made.changed:
        yield f"nothing changed: the default image of the work pool {made.pool} is {now}"
        return
    yield f"the default image of the work pool {made.pool} is {now}; it was {before}"
    if made.policy != made.policy_before:
        policies = f"{made.policy or 'none'}; it was {made.policy_before or 'none'}"
        yield f"its default image_pull_policy is {policies}"
    if made.image != made.before:
        back = shlex.join(["imagebuild", "pool", "set-image", made.pool, made.before or "--unset"])
        yield f"to set it back: {back}"
