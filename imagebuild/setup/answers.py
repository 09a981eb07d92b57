"""What a deployment is to be, once everything was asked, as the entry of a prefect.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagebuild.record import SET_DIRECTORY

if TYPE_CHECKING:
    from imagebuild.names import ImageName

BUILD, PUSH = "imagebuild.steps.build_docker_image", "imagebuild.steps.push_docker_image"


@dataclass(frozen=True)
class Answers:
    """One deployment: `entrypoint` is relative to the project root, as is `dockerfile`."""

    entrypoint: str
    name: str
    pool: str
    image: ImageName
    push: bool
    dockerfile: str | None = None


def entry(answers: Answers) -> dict[str, Any]:
    """The deployment as an entry of a prefect.yaml, which Prefect and imagebuild both read.

    What is None is not to be in it.
    Without `requires`, by which Prefect would look for a distribution of the step's module name.
    https://docs.prefect.io/v3/how-to-guides/deployments/prefect-yaml
    """
    image = answers.image
    build: dict[str, Any] = {
        "id": "build-image",
        "image_name": str(image.untagged),
        "dockerfile": answers.dockerfile or "auto",
    }
    if image.tag:
        build["tag"] = image.tag
    push = {
        "id": "push-image",
        "image_name": "{{ build-image.image_name }}",
        "tag": "{{ build-image.tag }}",
    }
    runs = "push-image" if answers.push else "build-image"
    return {
        "name": answers.name,
        "entrypoint": answers.entrypoint,
        "work_pool": {
            "name": answers.pool,
            "job_variables": {"image": f"{{{{ {runs}.reference }}}}"},
        },
        "build": [{BUILD: build}],
        "push": [{PUSH: push}] if answers.push else None,
        "pull": [{SET_DIRECTORY: {"directory": "{{ build-image.directory }}"}}],
    }


def settings(answers: Answers) -> dict[str, str | bool]:
    """The same as settings of `imagebuild deploy`, which takes the entrypoint as its argument."""
    made: dict[str, str | bool] = {
        "image": str(answers.image),
        "push": answers.push,
        "name": answers.name,
        "pool": answers.pool,
    }
    return made | ({"dockerfile": answers.dockerfile} if answers.dockerfile else {})
