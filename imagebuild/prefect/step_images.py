"""The image that a build step asks for, and the push step that belongs to it. Pure."""

from __future__ import annotations

import dataclasses
import difflib
from typing import TYPE_CHECKING, Any

from imagebuild.errors import UsageError
from imagebuild.prefect.arguments import builder_of, image_name, image_request
from imagebuild.prefect.credentials import logins_of
from imagebuild.prefect.keywords import MEANINGS, texts
from imagebuild.prefect.outputs import LATER
from imagebuild.prefect.refused import REFUSED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from imagebuild.names import ImageName
    from imagebuild.request import BuildRequest

_OURS = {"id", "requires"}
_BUILD = {"image_name", "dockerfile", "tag", "additional_tags"}
_PUSH = {"image_name", "tag", "credentials", "additional_tags", "ignore_cache", "build_backend"}
_DEFAULT_DOCKERFILE = "Dockerfile"
_NOT_MEANT = "the step that pushes the image cannot be meant"


@dataclasses.dataclass(frozen=True)
class StepImage:
    """An image of a build step, with the builder and the credentials that the steps name."""

    request: BuildRequest
    builder: str
    logins: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)


def image_of(
    build: Mapping[str, Any],
    push: Mapping[str, Any] | None,
    *,
    root: Path,
    env: Mapping[str, str],
    namespace: str | None,
) -> StepImage:
    """What the filled inputs of the two steps ask for; it is pushed where there is a push step.

    `root` is the folder that the file's paths are relative to. Raises `UsageError`.
    """
    if "image_name" not in build:
        message = "a step that builds an image has to say its image_name"
        raise UsageError(message, hint="write such as image_name: registry.example.com/team/flow")
    others = {key: value for key, value in build.items() if key not in _OURS | _BUILD}
    for key in others.keys() - MEANINGS.keys() - REFUSED.keys():
        if close := difflib.get_close_matches(key, _BUILD, n=1):
            message = f"a step that builds an image takes no {key!r}"
            raise UsageError(message, hint=f"did you mean {close[0]!r}?")
    request = image_request(
        build["image_name"],
        build.get("tag"),
        tags=texts("additional_tags", build.get("additional_tags") or ()),
        dockerfile=build.get("dockerfile", _DEFAULT_DOCKERFILE),
        root=root,
        env=env,
        given=others,
        namespace=namespace,
    )
    builder = builder_of(others)
    if push is None:
        return StepImage(request, builder)
    pushed = pushed_image(push, namespace)
    return StepImage(_with_push(request, pushed), builder, pushed.logins)


@dataclasses.dataclass(frozen=True)
class PushedImage:
    """An image as a push step names it, its further tags, and the credentials for it."""

    name: ImageName
    tags: tuple[str, ...]
    logins: Mapping[str, Mapping[str, str]]


def pushed_image(push: Mapping[str, Any], namespace: str | None) -> PushedImage:
    """What a push step's filled inputs ask for. Raises `UsageError`."""
    if unknown := sorted(set(push) - _PUSH - _OURS):
        raise UsageError(
            _NOT_MEANT,
            causes=(f"it takes no {' and no '.join(unknown)}",),
            hint=f"it takes {', '.join(sorted(_PUSH))}",
        )
    tags = texts("additional_tags", push.get("additional_tags") or ())
    name = image_name(push.get("image_name"), push.get("tag"))
    if namespace and name.is_bare:
        name = name.below(namespace)
    return PushedImage(name, tuple(tags), logins_of(push.get("credentials"), name))


def _with_push(request: BuildRequest, pushed: PushedImage) -> BuildRequest:
    """The request with what the push step says. Raises `UsageError` for one of another image."""
    name, built = pushed.name, request.image
    assert built is not None
    if name.untagged != built.untagged or (name.tag or built.tag) not in {
        built.tag,
        *request.tags,
        LATER,
    }:
        raise UsageError(
            _NOT_MEANT,
            causes=(f"the file builds {built}, and pushes {name}",),
            hint='write image_name: "{{ build-image.image_name }}", with the id of the build step',
        )
    further = tuple(dict.fromkeys((*request.tags, *pushed.tags)))
    return dataclasses.replace(request, push=True, tags=further)
