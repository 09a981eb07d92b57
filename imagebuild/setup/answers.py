"""What a deployment is to be, once everything was asked, as the entry of a prefect.yaml."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagebuild.record import SET_DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagebuild.names import ImageName
    from imagebuild.record import Pulled
    from imagebuild.request import SourceRequest

BUILD, PUSH = "imagebuild.steps.build_docker_image", "imagebuild.steps.push_docker_image"
INSTALL = "prefect.deployments.steps.pip_install_requirements"


@dataclass(frozen=True)
class Answers:
    """One deployment: `entrypoint` is relative to the project root, as is `dockerfile`.

    Without an `image` none is built, and runs install the `requirements` themselves. `source` is
    where the code is, if not in the project; `pulled` how each run fetches it, None where the image
    has it. `variables` are further job variables.
    """

    entrypoint: str
    name: str
    pool: str
    image: ImageName | None = None
    push: bool = False
    dockerfile: str | None = None
    source: SourceRequest | None = None
    pulled: Pulled | None = None
    requirements: tuple[str, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)


def entry(answers: Answers) -> dict[str, Any]:
    """The deployment as an entry of a prefect.yaml, which Prefect and imagebuild both read.

    What is None or empty is not to be in it.
    Without `requires`, by which Prefect would look for a distribution of the step's module name.
    https://docs.prefect.io/v3/how-to-guides/deployments/prefect-yaml
    """
    push = {
        "id": "push-image",
        "image_name": "{{ build-image.image_name }}",
        "tag": "{{ build-image.tag }}",
    }
    runs = "push-image" if answers.push else "build-image"
    image = f"{{{{ {runs}.reference }}}}" if answers.image else None
    return {
        "name": answers.name,
        "entrypoint": answers.entrypoint,
        "work_pool": {
            "name": answers.pool,
            "job_variables": {"image": image, **answers.variables},
        },
        "build": [{BUILD: _build(answers, answers.image)}] if answers.image else None,
        "push": [{PUSH: push}] if answers.push else None,
        "pull": _pull(answers),
    }


def _build(answers: Answers, image: ImageName) -> dict[str, Any]:
    source = answers.source
    build: dict[str, Any] = {
        "id": "build-image",
        "image_name": str(image.untagged),
        "dockerfile": answers.dockerfile or "auto",
        "tag": image.tag,
    }
    if source is not None:
        build |= {
            "source": source.address,
            "source_credentials": source.credentials,
            "source_submodules": source.submodules or None,
            "source_directories": list(source.directories) or None,
        }
    if answers.pulled is not None:
        build["code"] = "pulled"
    return {key: value for key, value in build.items() if value is not None}


def _pull(answers: Answers) -> list[dict[str, Any]]:
    """The steps of each run: into the image's folder, or to where the source says."""
    if answers.pulled is None:
        return [{SET_DIRECTORY: {"directory": "{{ build-image.directory }}"}}]
    steps = [dict(step) for step in answers.pulled.steps]
    [inputs] = steps[-1].values()
    # Prefect goes to where its own steps went, but not yet to what a step has fetched.
    where = {"directory": f"{{{{ {inputs['id']}.directory }}}}"} if "id" in inputs else {}
    files = answers.requirements
    return [*steps, *({INSTALL: {**where, "requirements_file": path}} for path in files)]


def settings(answers: Answers) -> dict[str, str | bool | list[str]]:
    """The same as settings of `imagebuild deploy`, which takes the entrypoint as its argument."""
    image, source = answers.image, answers.source
    made: dict[str, str | bool | list[str] | None] = {
        "image": str(image) if image else None,
        "push": answers.push if image else None,
        "name": answers.name,
        "pool": answers.pool,
        "dockerfile": answers.dockerfile,
        "code": "pulled" if answers.pulled else None,
    }
    if source is not None:
        made |= {
            "source": source.address,
            "source-credentials": source.credentials,
            "source-submodules": source.submodules or None,
            "source-directory": list(source.directories) or None,
        }
    return {key: value for key, value in made.items() if value is not None}
