"""What the manifests of images say, in OCI's words and in Docker's schema 2; and new ones.

https://github.com/opencontainers/image-spec/blob/main/manifest.md and
https://distribution.github.io/distribution/spec/manifest-v2-2/
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagebuild.oci.descriptors import (
    DOCKER_MANIFEST,
    MANIFESTS,
    OCI_MANIFEST,
    BadManifest,
    Descriptor,
    Manifest,
    digest_of_bytes,
    is_digest,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CONFIGS = {
    OCI_MANIFEST: "application/vnd.oci.image.config.v1+json",
    DOCKER_MANIFEST: "application/vnd.docker.container.image.v1+json",
}
_LAYERS = {
    OCI_MANIFEST: "application/vnd.oci.image.layer.v1.tar+gzip",
    DOCKER_MANIFEST: "application/vnd.docker.image.rootfs.diff.tar.gzip",
}
# What Docker's layers are called, and OCI's; a layer that lies elsewhere is no blob of a layout's.
_RENAMED = {
    _LAYERS[DOCKER_MANIFEST]: _LAYERS[OCI_MANIFEST],
    "application/vnd.docker.image.rootfs.diff.tar": "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.docker.image.rootfs.diff.tar.zstd": (
        "application/vnd.oci.image.layer.v1.tar+zstd"
    ),
}
# What BuildKit puts beside an image: no image, and for no platform.
# https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md
_ATTESTS = "vnd.docker.reference.type"


@dataclass(frozen=True)
class ImageManifest:
    """One image for one platform: its config and its layers, the lowest first."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]

    @classmethod
    def parse(cls, media_type: str, data: bytes) -> ImageManifest:
        """Read a manifest; raises `BadManifest`."""
        value = Manifest.read(media_type, data)
        layers = json.loads(data).get("layers")
        if value.media_type not in MANIFESTS or not isinstance(layers, list):
            message = f"no image's manifest, but {value.media_type}"
            raise BadManifest(message)
        config = descriptor_of(json.loads(data).get("config"))
        return cls(value.media_type, config, tuple(descriptor_of(one) for one in layers))

    @property
    def data(self) -> bytes:
        """Its bytes, the same on every machine."""
        return encoded(
            {
                "schemaVersion": 2,
                "mediaType": self.media_type,
                "config": described(self.config),
                "layers": [described(layer) for layer in self.layers],
            }
        )

    @property
    def descriptor(self) -> Descriptor:
        """What an index, or a tag, says of it."""
        data = self.data
        return Descriptor(self.media_type, digest_of_bytes(data), len(data))

    def config_descriptor(self, data: bytes) -> Descriptor:
        """What a manifest of this family says of a config."""
        return Descriptor(_CONFIGS[self.media_type], digest_of_bytes(data), len(data))

    @property
    def layer_type(self) -> str:
        """The media type of a gzipped layer in a manifest of this family."""
        return _LAYERS[self.media_type]

    def as_oci(self) -> ImageManifest:
        """The same config and layers in OCI's words; raises `BadManifest` where it has none."""
        if self.media_type == OCI_MANIFEST:
            return self
        if strange := [one for one in self.layers if one.media_type not in _RENAMED]:
            message = f"an image with a layer that is {strange[0].media_type}"
            raise BadManifest(message)
        config = dataclasses.replace(self.config, media_type=_CONFIGS[OCI_MANIFEST])
        layers = (
            dataclasses.replace(one, media_type=_RENAMED[one.media_type]) for one in self.layers
        )
        return ImageManifest(OCI_MANIFEST, config, tuple(layers))


def for_platform(data: bytes, platform: str) -> tuple[Descriptor | None, tuple[str, ...]]:
    """The manifest for `os/architecture[/variant]` in an index, and all platforms that it has.

    Raises `BadManifest`.
    """
    found = dict(_platforms(json.loads(data)))
    same = [one for name, one in found.items() if same_platform(name, platform)]
    return found.get(platform, same[0] if same else None), tuple(found)


def same_platform(one: str, other: str) -> bool:
    """Whether two platforms are one: the variant v8 of arm64 may go without saying."""
    plain = (each.removesuffix("/v8") if "/arm64" in each else each for each in (one, other))
    return len(set(plain)) == 1


def is_attestation(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of an index is what BuildKit puts beside an image."""
    attests = _ATTESTS in (entry.get("annotations") or {})
    return attests or _platform(entry).get("os") == "unknown"


def _platforms(index: Mapping[str, Any]) -> Iterator[tuple[str, Descriptor]]:
    entries = index.get("manifests")
    for entry in entries if isinstance(entries, list) else ():
        descriptor = descriptor_of(entry)
        if is_attestation(entry):
            continue
        platform = _platform(entry)
        parts = [platform.get("os"), platform.get("architecture"), platform.get("variant")]
        yield "/".join(part for part in parts if isinstance(part, str) and part), descriptor


def _platform(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    platform = entry.get("platform")
    return platform if isinstance(platform, dict) else {}


def encoded(value: Any) -> bytes:
    """A JSON value in one form, so that equal values have one digest."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def described(descriptor: Descriptor) -> dict[str, Any]:
    """A descriptor as JSON has it."""
    return {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    }


def descriptor_of(value: Any) -> Descriptor:
    """A descriptor as JSON has it; raises `BadManifest`.

    https://github.com/opencontainers/image-spec/blob/main/descriptor.md
    """
    if not isinstance(value, dict):
        message = "something with an entry that is no descriptor"
        raise BadManifest(message)
    media_type, digest, size = (value.get(key) for key in ("mediaType", "digest", "size"))
    if not isinstance(media_type, str) or not isinstance(size, int) or size < 0:
        message = "something with a descriptor that is not whole"
        raise BadManifest(message)
    if not is_digest(digest):
        message = "something with a digest that is none of SHA-256"
        raise BadManifest(message)
    if value.get("urls"):
        message = "something with a layer that lies elsewhere, by its urls"
        raise BadManifest(message)
    return Descriptor(media_type, str(digest), size)
