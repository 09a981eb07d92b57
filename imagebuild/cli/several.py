"""Shows what would be done for several deployments: each image once, then its deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from imagebuild.cli.errors import error_document
from imagebuild.cli.preview import deployment_document, deployment_lines, plan_document, plan_lines
from imagebuild.cli.text import clean, print_json
from imagebuild.results import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagebuild.errors import ImagebuildError
    from imagebuild.grouping import Group, Member


def foreseen(groups: Sequence[Group]) -> list[Result]:
    """What would become of each, as far as it would fail."""
    members = [(group, one) for group in groups for one in group.members]
    return [Result(one.label, error=one.error or group.error) for group, one in members]


def show_several(groups: Sequence[Group], *, as_json: bool) -> None:
    """Print what would be done, on stdout."""
    document = {"images": [_image(group) for group in groups]}
    if as_json:
        print_json(document)
        click.get_current_context().find_root().obj.answered()
    else:
        click.echo("\n".join(_lines(document)))


def _image(group: Group) -> dict[str, Any]:
    image = group.image
    plan = plan_document(image.project, image.plan, image.steps) if image else None
    return {
        "image": plan,
        "error": _error(group.error),
        "deployments": [_deployment(one) for one in group.members],
    }


def _deployment(member: Member) -> dict[str, Any]:
    document: dict[str, Any] = {"name": member.label, "entrypoint": member.flow.entrypoint}
    if member.change is not None:
        document |= deployment_document(member.change)
    return {**document, "error": _error(member.error)}


def _error(error: ImagebuildError | None) -> dict[str, Any] | None:
    return error_document(error) if error else None


def _lines(document: dict[str, Any]) -> Iterator[str]:
    for number, image in enumerate(document["images"]):
        yield from [""] if number else []
        if image["image"]:
            yield from plan_lines(image["image"])
        if image["error"]:
            yield f"error: {clean(image['error']['message'])}"
        for one in image["deployments"]:
            yield from [""] if image["image"] or one is not image["deployments"][0] else []
            if "writes" in one:
                yield from deployment_lines(one)
            else:
                yield clean(one["name"])
            if one["error"]:
                yield f"error: {clean(one['error']['message'])}"
