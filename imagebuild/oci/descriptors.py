"""What a registry holds, by digest: the values that go in and out of it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEXES = (OCI_INDEX, DOCKER_INDEX)
MANIFESTS = (OCI_MANIFEST, DOCKER_MANIFEST)

MANIFEST_LIMIT = 4 << 20
CONFIG_LIMIT = 8 << 20

_DIGEST = re.compile(r"sha256:[a-f0-9]{64}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


class BadManifest(ValueError):
    """Bytes that are no image's manifest or index, and why."""


@dataclass(frozen=True)
class Descriptor:
    """What something is, without the thing itself."""

    media_type: str
    digest: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """A manifest or an index, byte for byte as the registry has it."""

    media_type: str
    data: bytes

    @cached_property
    def digest(self) -> str:
        """What it is called."""
        return digest_of_bytes(self.data)

    @property
    def descriptor(self) -> Descriptor:
        """What another manifest, or a tag, says of it."""
        return Descriptor(self.media_type, self.digest, len(self.data))

    @classmethod
    def read(cls, content_type: str, data: bytes) -> Manifest:
        """An answer's body and what the answer says that it is; raises `BadManifest`.

        Some registries call everything `application/json`; then the body says what it is. What
        could be read as two things is refused: CVE-2021-41190.
        """
        said, known = content_type.partition(";")[0].strip().lower(), (*INDEXES, *MANIFESTS)
        body = _parsed(data)
        own = body.get("mediaType")
        media_type = said if said in known else own
        if media_type not in known or body.get("schemaVersion") != 2:
            old = "docker.distribution.manifest.v1" in said or body.get("schemaVersion") == 1
            message = "an image of schema 1, which nobody makes any more" if old else f"a {said!r}"
            raise BadManifest(message)
        if own not in {None, media_type}:
            message = f"a {own!r} that is called a {media_type!r}"
            raise BadManifest(message)
        if ("manifests" in body) == bool({"layers", "config"} & body.keys()):
            message = "something that is neither an image nor an index, or both"
            raise BadManifest(message)
        if ("manifests" in body) != (media_type in INDEXES):
            message = f"something else than the {media_type!r} that it is called"
            raise BadManifest(message)
        return cls(media_type, data)


def is_digest(text: object) -> bool:
    """Whether it is a digest that we can check; ask before it becomes a part of a URL or path."""
    return isinstance(text, str) and bool(_DIGEST.fullmatch(text))


def checked_digest(text: str) -> str:
    """The digest; raises `ValueError` for what is none, such as a path."""
    if not is_digest(text):
        message = f"{text[:80]!r} is not a digest"
        raise ValueError(message)
    return text


def checked_reference(text: str) -> str:
    """A tag or a digest; raises `ValueError` for what is neither, such as a path."""
    if not is_digest(text) and not _TAG.fullmatch(text):
        message = f"{text[:80]!r} is neither a tag nor a digest"
        raise ValueError(message)
    return text


def digest_of_bytes(data: bytes) -> str:
    """The digest that bytes have."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        message = "something that is no JSON"
        raise BadManifest(message) from error
    if not isinstance(body, dict):
        message = "something that is no JSON object"
        raise BadManifest(message)
    return body
