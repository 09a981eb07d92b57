"""What is wanted: an environment and code, each with the key of everything that makes it up.

Values only. `planning.py` makes them; equal inputs have equal plans on every machine, so no time,
host name or absolute path of the machine is in one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild.digest import digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagebuild.names import ImageName


ENVIRONMENT_LABEL = "io.imagebuild.environment-key"
CODE_LABEL = "io.imagebuild.code-key"
_SHORT = 12


@dataclass(frozen=True)
class Base:
    """The image to build on: the name asked for, and which image that is now.

    `digest` is what a registry answered; where none knows it, `image_id` is the engine's own.
    """

    name: ImageName
    digest: str | None = None
    image_id: str | None = None

    @property
    def identity(self) -> str:
        """What the name means now; the name itself where nobody was asked."""
        return self.digest or self.image_id or str(self.name)

    @property
    def reference(self) -> str:
        """What `FROM` names: pinned where a registry can give exactly that image again."""
        return str(self.name.pinned(self.digest)) if self.digest else str(self.name)


@dataclass(frozen=True)
class Dependencies:
    """`requirements` are the files to install from; `sources` is all that the installation reads.

    Paths are relative to the project root; a source that ends in `/` is a directory with all in
    it (`./` is the project), and none lies in another.
    """

    requirements: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Environment:
    """Base and dependencies: what changes rarely. `sources` is the digest of their sources."""

    base: Base
    dependencies: Dependencies
    sources: str
    template: str
    template_digest: str
    platform: str

    @property
    def key(self) -> str:
        """The digest of everything that this environment is made of."""
        return digest_of(
            {
                "base": self.base.identity,
                "requirements": self.dependencies.requirements,
                "sources": self.sources,
                "template": self.template_digest,
                "platform": self.platform,
            }
        )


@dataclass(frozen=True)
class Code:
    """The project's files: `tree` is their digest, `directory` the absolute path in the image."""

    tree: str
    directory: str

    @property
    def key(self) -> str:
        """The digest of the files and of where they lie."""
        return digest_of({"tree": self.tree, "directory": self.directory})


@dataclass(frozen=True)
class Plan:
    """One image for one platform, and the flow that it runs.

    `entrypoint` is `path:function`, relative to `code.directory`; `name` is where the image goes.
    """

    environment: Environment
    code: Code
    entrypoint: str
    name: ImageName

    @property
    def version(self) -> str:
        """Twelve hexadecimal digits that stand for the environment and the code together."""
        return version_of(self.environment, self.code)

    @property
    def labels(self) -> dict[str, str]:
        """The labels that say, on the image itself, what it was made of."""
        return {ENVIRONMENT_LABEL: self.environment.key, CODE_LABEL: self.code.key}

    def outdated(self, labels: Mapping[str, str]) -> str | None:
        """Why an image with these labels was not made from this plan; None where it was."""
        if labels.get(ENVIRONMENT_LABEL) != self.environment.key:
            return "the environment changed"
        return "the code changed" if labels.get(CODE_LABEL) != self.code.key else None


def version_of(environment: Environment, code: Code) -> str:
    """Twelve hexadecimal digits of both keys: a tag, and the deployment's version."""
    return digest_of([environment.key, code.key])[:_SHORT]


@dataclass(frozen=True)
class Build:
    """The image has to be built, because of `why`."""

    why: str


@dataclass(frozen=True)
class Reuse:
    """The engine holds the image under its name already, as `image_id`."""

    image_id: str


@dataclass(frozen=True)
class Push:
    """The image has to go to the registry, because of `why`."""

    why: str


@dataclass(frozen=True)
class Pushed:
    """The registry holds the image under its name already, with this `digest`."""

    digest: str


@dataclass(frozen=True)
class Steps:
    """What is to be done, and what needs no doing; `push` is None where none is wanted."""

    build: Build | Reuse
    push: Push | Pushed | None
