"""Deploys what was chosen of a prefect.yaml, one deployment or many."""

from __future__ import annotations

import dataclasses
import os
import shlex
import sys
from contextlib import ExitStack
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from imagebuild import many
from imagebuild.cli.handing import check_reports
from imagebuild.cli.layers import over_deployments, over_images
from imagebuild.cli.output import output
from imagebuild.cli.requests import build_request, current_folder
from imagebuild.cli.results import report, verdict
from imagebuild.cli.several import foreseen, show_several
from imagebuild.cli.source_options import NO_SOURCE
from imagebuild.cli.tally import Tally
from imagebuild.cli.working import loudness
from imagebuild.errors import UsageError
from imagebuild.events import once
from imagebuild.grouping import check_each
from imagebuild.prefect.choices import Choices
from imagebuild.prefect.further import FurtherImages
from imagebuild.prefect.ordering import Ordering
from imagebuild.prefect.running import Steps
from imagebuild.prefect.world import World
from imagebuild.wiring import workshop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imagebuild.cli.choosing import Chosen
    from imagebuild.events import Emit
    from imagebuild.orders import Order
    from imagebuild.protocols import Parts
    from imagebuild.record import Change
    from imagebuild.wiring import Workshop


def deploy_chosen(chosen: Chosen, options: Mapping[str, Any]) -> None:
    """Deploy them, and say what became of each.

    Raises the error of the only one that was chosen; of several, what `verdict` makes of theirs.
    """
    env = os.environ
    check_reports(options)
    with (
        workshop(env, current_folder()) as shop,
        output(sys.stderr, env, **loudness(options)) as shown,
    ):
        tally = Tally(once(shown.emit))
        orders = _orders(chosen, options, shop, tally.emit)
        parts_of = partial(_parts_of, shop, options)
        if options["dry_run"]:
            with ExitStack() as stack:
                groups = many.preview_each(orders, parts_of, tally.emit, stack)
                show_several(groups, as_json=options["json"])
                if (error := verdict(foreseen(groups), "would not be")) is not None:
                    raise error
            return

        def confirm(changes: Sequence[Change]) -> None:
            if not options["yes"]:
                shown.ask([f"{one.target}: {text}" for one in changes for text in one.questions])

        results = many.deploy_each(
            orders,
            parts_of,
            tally.emit,
            confirm=confirm,
            finish=lambda change: _again(change, chosen, options),
        )
        if (error := verdict(results)) is None or len(results) > 1:
            report(results, shown, tally, options)
        if error is not None:
            raise error


def _parts_of(shop: Workshop, options: Mapping[str, Any], order: Order) -> Parts:
    return shop.parts_of(order.request, order.builder or options["builder"], order.logins)


def _orders(chosen: Chosen, options: Mapping[str, Any], shop: Workshop, emit: Emit) -> list[Order]:
    """The orders, with what was typed over what the file says."""
    _check_image(chosen, options)
    options = {**options, **NO_SOURCE}  # the settings' own is of no deployment of a file
    baked = build_request({**options, "entrypoint": None, "context": str(chosen.root)})
    over, namespace = over_images(options), shop.recorder.default_namespace()
    choices = Choices(
        baked,
        over,
        over_deployments(options),
        build=options["build"],
        namespace=namespace,
        dry=options["dry_run"],
        takes_image=cache(partial(_takes_image, shop)),
        check=lambda orders: check_each(orders, partial(_parts_of, shop, options)),
    )
    world = World(shop.env, shop.recorder)
    pushes = over(dataclasses.replace(baked, dockerfile=None, push=True)).push
    images = FurtherImages(chosen.root, shop.env, namespace, shop.parts_of, emit, pushes)
    steps = Steps(chosen.root, shop.env, shop.recorder, emit, images)
    ordering = Ordering(chosen.file.path.name, chosen.root, world, steps, choices, emit)
    return ordering.orders(chosen.deployments)


def _takes_image(shop: Workshop, pool: str | None) -> bool:
    """Whether runs in a work pool take one; of a pool that is not there, others tell."""
    every = shop.recorder.work_pools().every() if pool else ()
    return all(one.accepts_image for one in every if one.name == pool)


def _check_image(chosen: Chosen, options: Mapping[str, Any]) -> None:
    """One name for several images would be none of them but the last."""
    if options["image"] is None or len(chosen.deployments) == 1:
        return
    own = [one.label for one in chosen.deployments if one.build]
    if own:
        message = f"cannot use --image with {len(chosen.deployments)} deployments"
        raise UsageError(
            message,
            causes=(f"{chosen.file.path.name} names the image of {', '.join(own)} itself",),
            hint="leave it out, or choose one deployment with -n NAME",
        )


def _again(change: Change, chosen: Chosen, options: Mapping[str, Any]) -> str:
    """The same command for one deployment: what is done of it is not done again."""
    words = ["imagebuild", "deploy", "-n", change.target.name]
    if options["prefect_file"]:
        words += ["--prefect-file", options["prefect_file"]]
    if options["context"]:
        words += ["--context", str(chosen.root)]
    return shlex.join(words)
