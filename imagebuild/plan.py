"""What is wanted: an environment and code, each with the key of everything that makes it up.

Values only. `planning.py` makes them; equal inputs have equal plans on every machine, so no time,
host name or absolute path of the machine is in one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imagebuild.digest import digest_of
from imagebuild.flow_labels import FLOWS_LABEL, label_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagebuild.names import ImageName


ENVIRONMENT_LABEL = "io.imagebuild.environment-key"
CODE_LABEL = "io.imagebuild.code-key"
OUR_LABELS = frozenset({ENVIRONMENT_LABEL, CODE_LABEL, FLOWS_LABEL})
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
class Template:
    """A Dockerfile that is rendered: a template's name, and the digest of all its sources.

    `own` says whether it is the user's.
    """

    name: str
    digest: str
    own: bool = False


@dataclass(frozen=True)
class OwnDockerfile:
    """A Dockerfile that is built as it is: its path as given, its text, and what it builds on."""

    name: str
    text: str
    bases: tuple[Base, ...] = ()

    @property
    def digest(self) -> str:
        """The digest of its text and of what its bases mean now."""
        return digest_of([self.text, [base.identity for base in self.bases]])


@dataclass(frozen=True)
class Environment:
    """Base, packages and dependencies: what changes rarely.

    `base` is what the image itself builds on; `sources` the digest of the dependencies' sources;
    `packages` are the system's; `secrets` and `ssh` the ids that a step may mount. `platform` is
    `os/architecture[/variant]`. `directory` and `env` are the code's, as far as a template can
    read them where the environment is made. `libraries` are requirements of no file.
    """

    base: Base
    dependencies: Dependencies
    sources: str
    recipe: Template | OwnDockerfile
    platform: str
    packages: tuple[str, ...] = ()
    build_args: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    ssh: tuple[str, ...] = ()
    directory: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    libraries: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The digest of everything that this environment is made of."""
        return digest_of(
            {
                **({"libraries": self.libraries} if self.libraries else {}),
                "base": self.base.identity,
                "requirements": self.dependencies.requirements,
                "sources": self.sources,
                "recipe": self.recipe.digest,
                "platform": self.platform,
                "packages": self.packages,
                "build_args": dict(self.build_args),
                "secrets": self.secrets,
                "ssh": self.ssh,
                "directory": self.directory,
                "env": dict(self.env),
            }
        )


@dataclass(frozen=True)
class Code:
    """The project's files and what is said beside them; both change without a step that runs.

    `tree` is the files' digest, empty where it has none; `directory` the absolute path in the
    image, None where only the Dockerfile says it; `env` and `labels` are the user's.
    """

    tree: str
    directory: str | None
    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The digest of the files, of where they lie, and of what is said beside them."""
        return digest_of(
            {
                "tree": self.tree,
                "directory": self.directory,
                "env": dict(self.env),
                "labels": dict(self.labels),
            }
        )


@dataclass(frozen=True)
class Plan:
    """One image for one platform, and the flow that it runs.

    `entrypoint` is `path:function`, relative to `code.directory`, None where no flow is meant;
    `names` is where the image goes, first the one that a deployment holds. `stamp` are labels that
    tell where this build comes from; they are in no key, so an image with equal keys stands.
    `flows` tell by entrypoint which of its flows are described alike: see `flow_keys`.
    """

    environment: Environment
    code: Code
    entrypoint: str | None
    names: tuple[ImageName, ...]
    stamp: Mapping[str, str] = field(default_factory=dict)
    flows: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> ImageName:
        """The name that a deployment holds."""
        return self.names[0]

    @property
    def version(self) -> str:
        """Twelve hexadecimal digits that stand for the environment and the code together."""
        return version_of(self.environment, self.code)

    @property
    def labels(self) -> dict[str, str]:
        """All labels: whence it comes, the user's own, and what it was made of."""
        keys = {ENVIRONMENT_LABEL: self.environment.key, CODE_LABEL: self.code.key}
        return {**self.stamp, **self.code.labels, **keys, **label_of(self.flows)}

    def outdated(self, labels: Mapping[str, str]) -> str | None:
        """Why an image with these labels was not made from this plan; None where it was."""
        if labels.get(ENVIRONMENT_LABEL) != self.environment.key:
            return "the environment changed"
        return "the code changed" if labels.get(CODE_LABEL) != self.code.key else None


def version_of(environment: Environment, code: Code) -> str:
    """Twelve hexadecimal digits of both keys: a tag, and the deployment's version."""
    return version_made_of(environment.key, code.key)


def version_in(labels: Mapping[str, str]) -> str | None:
    """The version of the image that has these labels; None where it is none of ours."""
    environment, code = labels.get(ENVIRONMENT_LABEL), labels.get(CODE_LABEL)
    return version_made_of(environment, code) if environment and code else None


def version_made_of(*parts: str) -> str:
    """Twelve hexadecimal digits that stand for these digests."""
    return digest_of(parts)[:_SHORT]


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
    """What is to be done, and what needs no doing, for each name where it differs by name.

    `tags` are names that do not mean the engine's image yet; without a push `pushes` is empty.
    """

    build: Build | Reuse
    tags: tuple[ImageName, ...] = ()
    pushes: Mapping[ImageName, Push | Pushed] = field(default_factory=dict)
