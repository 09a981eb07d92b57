"""Image names as a value: parsed once, by the grammar that every registry follows.

The grammar is that of distribution's `reference` package, with docker's rule for telling a
registry from a path: https://github.com/distribution/reference/blob/main/reference.go
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_REGISTRY = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_PATH = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[a-f0-9]{64}")
_REPOSITORY_LIMIT = 255
_SHOWN = 80

_LAYOUT = re.compile(r"(oci|oci-archive):([^:]+)(?::(.+))?")

HUB = "docker.io"
HUB_ALIASES = {HUB, "index.docker.io", "registry-1.docker.io"}


class BadImageName(ValueError):
    """A text that is no image name: `text` as it was given, `reason` why it is none."""

    def __init__(self, text: str, reason: str) -> None:
        shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
        super().__init__(f"{shown!r} is not an image name: {reason}")
        self.text = text
        self.reason = reason


@dataclass(frozen=True)
class ImageName:
    """`[registry/]repository[:tag][@digest]`, each part as it was written.

    `registry` is None where the text names none; `host` says where such a name would be pushed.
    """

    registry: str | None
    repository: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> ImageName:
        """Read a name; raises `BadImageName`, which says what is wrong with it."""
        if not text:
            raise BadImageName(text, "it is empty")
        if not text.isascii() or any(ord(char) <= 32 for char in text):
            raise BadImageName(text, "only ASCII letters, digits and . _ - / : @ may be in it")
        rest, at, digest = text.partition("@")
        if at and not _DIGEST.fullmatch(digest):
            raise BadImageName(text, "after the @ comes sha256: and 64 hexadecimal digits")
        registry, rest = _split_registry(rest)
        repository, colon, tag = rest.partition(":")
        if colon and not _TAG.fullmatch(tag):
            raise BadImageName(text, f"{tag[:_SHOWN]!r} is not a tag")
        _check_location(text, registry, repository)
        return cls(registry, repository, tag or None, digest or None)

    @property
    def host(self) -> str:
        """The registry that holds it: docker's default where the name says none."""
        return self.registry or HUB

    @property
    def location(self) -> str:
        """Where its images lie, however it was written: Docker Hub's names have short forms."""
        return f"{HUB if self.host in HUB_ALIASES else self.host}/{self.path}"

    @property
    def path(self) -> str:
        """Its repository as the registry itself calls it."""
        short = self.host in HUB_ALIASES and "/" not in self.repository
        return f"library/{self.repository}" if short else self.repository

    @property
    def is_bare(self) -> bool:
        """Whether it is a single word, that names neither a registry nor anybody's namespace."""
        return self.registry is None and "/" not in self.repository

    @property
    def untagged(self) -> ImageName:
        """Its registry and repository alone."""
        return ImageName(self.registry, self.repository)

    def with_tag(self, tag: str) -> ImageName:
        """The same repository under another tag, no digest."""
        return ImageName(self.registry, self.repository, tag)

    def pinned(self, digest: str) -> ImageName:
        """The same name, that can only ever mean the one image."""
        return dataclasses.replace(self, digest=digest)

    def below(self, namespace: str) -> ImageName:
        """The same name inside `namespace`, which is `registry[/path]` or a path."""
        return ImageName.parse(f"{namespace.rstrip('/')}/{self}")

    def __str__(self) -> str:
        text = f"{self.registry}/{self.repository}" if self.registry else self.repository
        if self.tag:
            text += f":{self.tag}"
        return f"{text}@{self.digest}" if self.digest else text


@dataclass(frozen=True)
class LayoutName:
    """An image in an OCI layout on this machine, as skopeo and podman call it.

    `path` is as it was typed, a folder or with `archive` a tar of one; `ref` is None where no image
    in it is named. https://github.com/containers/image/blob/main/docs/containers-transports.5.md
    """

    path: str
    archive: bool
    ref: str | None = None

    @classmethod
    def parse(cls, text: str) -> LayoutName | None:
        """Read `oci:PATH[:REF]` or `oci-archive:PATH[:REF]`; None for what is neither."""
        found = _LAYOUT.fullmatch(text)
        return cls(found[2], found[1] == "oci-archive", found[3]) if found else None

    @classmethod
    def of_path(cls, path: str) -> LayoutName:
        """The layout at a path, which is an archive where it ends so."""
        return cls(path, path.endswith(".tar"))

    def named(self, ref: str | None) -> LayoutName:
        """An image in the same layout."""
        return dataclasses.replace(self, ref=ref)

    def __str__(self) -> str:
        text = f"{'oci-archive' if self.archive else 'oci'}:{self.path}"
        return f"{text}:{self.ref}" if self.ref else text


def _split_registry(text: str) -> tuple[str | None, str]:
    """The first part is a registry where it looks like a host.

    Docker takes a word in capitals for a host too; no such host exists, so that is a mistake here.
    """
    first, slash, rest = text.partition("/")
    is_host = "." in first or ":" in first or first == "localhost"
    return (first, rest) if slash and is_host else (None, text)


def _check_location(text: str, registry: str | None, repository: str) -> None:
    if registry is not None and not _REGISTRY.fullmatch(registry):
        raise BadImageName(text, f"{registry!r} is not a registry's host")
    if repository != repository.lower():
        raise BadImageName(text, "a repository is in lower case")
    if not all(_PATH.fullmatch(part) for part in repository.split("/")):
        raise BadImageName(text, f"{repository[:_SHOWN]!r} is not a repository")
    if len(f"{registry or ''}/{repository}") > _REPOSITORY_LIMIT:
        raise BadImageName(text, f"it is longer than {_REPOSITORY_LIMIT} characters")
    if re.fullmatch(r"[a-f0-9]{64}", repository):
        raise BadImageName(text, "64 hexadecimal digits are an image's ID, not a name")
