"""The steps of a prefect.yaml that build and push an image, in the place of prefect-docker's.

They take the same arguments and return the same keys, and `digest`, `reference`, `directory`:
https://docs.prefect.io/integrations/prefect-docker

    build:
      - imagebuild.steps.build_docker_image:
          id: build-image
          image_name: registry.example.com/team/flows
          dockerfile: auto
    push:
      - imagebuild.steps.push_docker_image:
          id: push-image
          image_name: "{{ build-image.image_name }}"
          tag: "{{ build-image.tag }}"
    pull:
      - prefect.deployments.steps.set_working_directory:
          directory: "{{ build-image.directory }}"

Prefect runs a step once for each deployment. Whether there is anything to do is decided each time,
by the content: what has not changed is neither built nor pushed again.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from imagebuild.events import Warned
from imagebuild.planning import PREFECTS_FOLDER, placed
from imagebuild.prefect import arguments, images
from imagebuild.prefect.credentials import logins_of
from imagebuild.prefect.keywords import refuse, texts
from imagebuild.prefect.pulling import place_in
from imagebuild.record import SET_DIRECTORY
from imagebuild.request import BuildRequest
from imagebuild.roots import PREFECT_FILE, pull_sections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagebuild.names import ImageName


class _Named(TypedDict):
    image_name: str
    tag: str
    image: str
    additional_tags: list[str]


class BuildDockerImageResult(_Named):
    """What a build has for the push and the deployment.

    `image` is `image_name:tag`; `directory` is where the code lies in the image, for the pull step
    `set_working_directory`. `digest` is None but where the build was told to push. `reference` can
    be run before a push too: where the tag is `latest`, which workers always try to pull, it is a
    second local tag.
    """

    image_id: str
    digest: str | None
    reference: str
    directory: str


class PushDockerImageResult(_Named):
    """What a push has for the deployment.

    `image` is `image_name:tag`; `digest` that of the manifest; `reference` the image by both its
    tag and its digest, which can never mean another.
    """

    digest: str
    reference: str


def build_docker_image(
    image_name: str,
    dockerfile: str = "Dockerfile",
    tag: str | None = None,
    additional_tags: Sequence[str] | None = None,
    ignore_cache: bool = False,
    persist_dockerfile: bool = False,
    dockerfile_output_path: str | None = None,
    build_backend: str = "docker-py",
    **build_kwargs: Any,
) -> BuildDockerImageResult:
    """Build an image of the current folder, or of `path`, unless the engine has it.

    `dockerfile` is a path in that folder, or `auto` for one that is made: with the code where the
    prefect.yaml's pull steps go, else in a folder of its own, or at `/opt/prefect` itself where a
    deployment has no pull steps, since Prefect sends its runs there. Without `tag` it gets one made
    of the content. `ignore_cache` makes no difference, as the files are asked each time; `nocache`
    builds every step anew. `persist_dockerfile` is refused: nothing is written into the folder.
    `build_kwargs` are those of docker-py, buildx and `FlowImage`.

    Raises `ImagebuildError`, whose text says what to do about it.
    """
    given = build_kwargs | {
        "ignore_cache": ignore_cache,
        "persist_dockerfile": persist_dockerfile,
        "dockerfile_output_path": dockerfile_output_path,
        "build_backend": build_backend,
    }
    if dockerfile == arguments.AUTO and (place := _place_of_runs(Path.cwd())):
        given.setdefault("directory", place)
    further = texts("additional_tags", additional_tags or ())
    name = str(_placed(image_name, tag))
    request = arguments.image_request(
        name, tags=further, dockerfile=dockerfile, root=Path.cwd(), env=os.environ, given=given
    )
    builder, blocks = arguments.builder_of(given), arguments.blocks_of(given)
    built = images.build(request, builder, sys.stdout, blocks)
    _tell_of_pull(built.directory)
    return _made(built, further)


def push_docker_image(
    image_name: str,
    tag: str | None = None,
    credentials: Any = None,
    additional_tags: Sequence[str] | None = None,
    ignore_cache: bool = False,
    build_backend: str = "docker-py",
    **other: Any,
) -> PushDockerImageResult:
    """Push an image that was built, under its tag and further ones, unless the registry has it.

    `credentials` are a dictionary with `username`, `password` and `registry_url`, or a
    `DockerRegistryCredentials` block; without them docker's own are used. `tag` is `latest` where
    it is not given.

    Raises `ImagebuildError`, whose text says what to do about it.
    """
    if other:
        refuse(
            f"{', '.join(other)} in push_docker_image",
            "it takes image_name, tag, additional_tags and credentials",
            "give to build_docker_image what the image is made of",
        )
    arguments.builder_of({"ignore_cache": ignore_cache, "build_backend": build_backend})
    name = _placed(image_name, tag)
    name = name.with_tag(name.tag or "latest")
    further = texts("additional_tags", additional_tags or ())
    here = Path.cwd()
    logins = logins_of(credentials, name)
    digest = images.push(BuildRequest(here, here), name, further, sys.stdout, logins)
    return {**_named(name, further), "digest": digest, "reference": str(name.pinned(digest))}


def _placed(name: str, tag: str | None) -> ImageName:
    """The name as Prefect has it: below the default namespace where it says no place."""
    named = arguments.image_name(name, tag)
    namespace = images.default_namespace() if named.is_bare else None
    return placed(named, namespace) if namespace else named


def _made(built: images.Built, further: Sequence[str]) -> BuildDockerImageResult:
    reference = built.name.pinned(built.digest) if built.digest else built.runnable
    return {
        **_named(built.name, further),
        "image_id": built.image_id,
        "digest": built.digest,
        "reference": str(reference),
        "directory": built.directory,
    }


def _named(name: ImageName, further: Sequence[str]) -> _Named:
    return {
        "image_name": str(name.untagged),
        "tag": str(name.tag),
        "image": str(name),
        "additional_tags": list(further),
    }


def _place_of_runs(root: Path) -> str | None:
    """Where Prefect sends the runs; None where the file does not say, or by what the step gives."""
    sections = pull_sections(root)
    return PREFECTS_FOLDER if None in sections else place_in(root, sections)


def _tell_of_pull(directory: str) -> None:
    """Warn where Prefect would look for the code in the wrong place.

    Of the steps that build an image it knows only prefect-docker's, and for these alone it writes
    the pull step by itself.
    """
    if directory == PREFECTS_FOLDER or None not in pull_sections(Path.cwd()):
        return
    from imagebuild.cli.plain import Plain

    text = f"{PREFECT_FILE} has no pull section: Prefect sends runs to {PREFECTS_FOLDER}"
    hint = f'write pull: [{{{SET_DIRECTORY}: {{directory: "{{{{ build-image.directory }}}}"}}}}]'
    Plain(sys.stdout).emit(Warned(text, hint=f"{hint}, with the id of your build step"))
