"""The image for `.deploy(image=...)`: what `prefect.docker.DockerImage` takes, and our builds.

Prefect calls `build()` and `push()`, and records `reference`:
https://github.com/PrefectHQ/prefect/blob/main/src/prefect/deployments/runner.py
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from imagebuild.errors import UsageError
from imagebuild.prefect import images
from imagebuild.prefect.arguments import (
    AUTO,
    blocks_of,
    builder_of,
    image_name,
    image_request,
)

if TYPE_CHECKING:
    from prefect.docker import DockerImage

    from imagebuild.request import BuildRequest
else:
    # What Prefect asks for is in its annotations alone, and to import it takes seconds.
    DockerImage = object

_STDOUT = sys.stdout
_NO_REGISTRY = (
    "give the full name, such as registry.example.com/team/flow, set Prefect's"
    " PREFECT_DEFAULT_DOCKER_BUILD_NAMESPACE, or keep the image on this machine:"
    " .deploy(push=False)"
)


class FlowImage(DockerImage):
    """An image of the flow's folder, for `.deploy(image=FlowImage("registry/my-flow"))`.

    `name` is `[registry/]name[:tag]`; a bare one goes below Prefect's
    `PREFECT_DEFAULT_DOCKER_BUILD_NAMESPACE`. Without a tag it gets one made of the content, so that
    what has not changed is neither built nor pushed again. `dockerfile` is a path in the project
    root, or `auto` for one that is made. What happens is shown on `stream_progress_to`; None is for
    nothing. `build_backend` may be either of Prefect's, and makes no difference.

    `build_kwargs` are the options of `imagebuild build`: `context` (the project root, else the
    current folder), `base`, `requirements`, `system_packages`, `template`, `directory`, `env`,
    `labels`, `build_args`, `secrets`, `ssh`, `platform`, `pull`, `cache`, `tags` (further ones),
    `builder`, `source`, `source_credentials`, `code`; `pin=False` to record the tag instead of the
    digest; and whatever docker-py and buildx call them. Raises `UsageError` for one that cannot be
    meant, by its name.

    `source` is an address (`https://…`, `s3://…`, `block://TYPE/NAME`), or what `flow.from_source`
    takes: a `GitRepository`, a `RemoteStorage`, a `LocalStorage`, or a block that holds code, with
    the credentials that it has. With `code="baked"` (the default) the deployment's own source is
    `Baked` of the same; with `code="pulled"` it is the same object, and each run pulls the code.

    `name`, `tag` (empty until it is known) and the other arguments are its attributes, as
    `DockerImage` has them; to a type checker it is one.
    """

    def __init__(
        self,
        name: str,
        tag: str | None = None,
        dockerfile: str | os.PathLike[str] = AUTO,
        stream_progress_to: TextIO | None = _STDOUT,
        build_backend: str = "docker-py",
        **build_kwargs: Any,
    ) -> None:
        self.dockerfile = (
            os.fspath(dockerfile) if isinstance(dockerfile, os.PathLike) else dockerfile
        )
        self.stream_progress_to = stream_progress_to
        self.build_backend = build_backend
        self.build_kwargs = build_kwargs
        self._named = image_name(name, tag)
        namespace = images.default_namespace() if self._named.is_bare else None
        self._named = self._asked(namespace).image or self._named
        self.name = str(self._named.untagged)
        self.tag = self._named.tag or ""
        self._built: images.Built | None = None
        self._digest: str | None = None

    @property
    def reference(self) -> str:
        """What a deployment runs: the name; after a push `name:tag@sha256:…`, unless `pin=False`.

        Between the two, where the tag is `latest`, a second local tag: workers would try to pull
        `latest`.
        """
        if self._built is None:
            return str(self._named)
        if self._digest is None:
            return str(self._built.runnable)
        name = self._built.name
        return str(name.pinned(self._digest) if self._asked().pin else name)

    def build(self) -> None:
        """Build what has changed. Raises `ImagebuildError`, whose text says what to do about it."""
        asked = self._asked()
        builder, blocks = builder_of(self._given), blocks_of(self._given)
        self._built = images.build(asked, builder, self._stream, blocks)
        self._digest = self._built.digest
        self.tag = str(self._built.name.tag)

    def push(self) -> None:
        """Push what was built, unless the registry has it. Raises `ImagebuildError`."""
        asked = self._asked()
        name = self._built.name if self._built else self._named
        if name.is_bare:
            message = f"cannot push {name}: the name says no registry"
            raise UsageError(message, hint=_NO_REGISTRY)
        if self._digest is None:
            self._digest = images.push(asked, name, asked.tags, self._stream)

    @property
    def _given(self) -> dict[str, Any]:
        return {"build_backend": self.build_backend, **self.build_kwargs}

    @property
    def _stream(self) -> TextIO | None:
        """The standard output is asked for late: Prefect puts its progress bar around it."""
        return sys.stdout if self.stream_progress_to is _STDOUT else self.stream_progress_to

    def _asked(self, namespace: str | None = None) -> BuildRequest:
        """The request as it is now: Prefect names the flow's file by the current folder."""
        return image_request(
            str(self._named),
            dockerfile=self.dockerfile,
            root=Path.cwd(),
            env=os.environ,
            given=self._given,
            namespace=namespace,
        )
