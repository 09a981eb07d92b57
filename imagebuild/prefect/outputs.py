"""What steps give for placeholders: as far as it is known before they are run, and then. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from imagebuild.prefect import step_names

if TYPE_CHECKING:
    from imagebuild.orders import Made
    from imagebuild.prefect.file import Step

# Stands for what is not known yet; it can stand in an image name and in a tag.
LATER = "known-later"
_TEXTS = ("image_name", "tag", "image", "image_id", "digest", "reference", "directory")
# What the steps give that build and push an image.
OF_IMAGE = frozenset((*_TEXTS, "additional_tags"))


class Anything(dict[str, Any]):
    """What a step gives of which nothing is known: every key, later."""

    def __missing__(self, key: str) -> str:
        return LATER


def promised(step: Step) -> Mapping[str, Any]:
    """What a step will give."""
    if step.name == step_names.SHELL:
        return {"stdout": LATER, "stderr": LATER}
    if step.name in step_names.BUILD | step_names.PUSH:
        return of_image(None)
    return Anything()


def of_image(made: Made | None) -> dict[str, Any]:
    """What the steps that build and push an image give, with the names of prefect-docker and ours.

    https://docs.prefect.io/integrations/prefect-docker
    """
    name = made.name if made else None
    if made is None or name is None:
        if made is not None and made.final:
            return {}
        return {**dict.fromkeys(_TEXTS, LATER), "additional_tags": []}
    tag, unknown = name.tag or LATER, None if made.final else LATER
    image = f"{name.untagged}:{tag}"
    return {
        "image_name": str(name.untagged),
        "tag": tag,
        "image": image,
        "image_id": made.image_id or unknown,
        "additional_tags": list(made.tags[1:]),
        "digest": made.digest or unknown,
        "reference": str(name.pinned(made.digest)) if made.digest else image,
        "directory": made.directory or unknown,
    }


def add(outputs: dict[str, Any], step: Step, result: Any) -> None:
    """Let placeholders find a step's result, by its id and by its keys, as Prefect does."""
    if not isinstance(result, Mapping):
        return
    if step.id:
        outputs[step.id] = result
    outputs.update(result)


def together(pairs: list[tuple[Step, Any]]) -> dict[str, Any]:
    """What several steps give; of one key, the last."""
    some = any(isinstance(result, Anything) for _, result in pairs)
    outputs: dict[str, Any] = Anything() if some else {}
    for step, result in pairs:
        add(outputs, step, result)
    return outputs
