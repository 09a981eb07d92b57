"""Layouts by hand, as the specification says, and small enough to be spoilt in every way."""

from __future__ import annotations

import hashlib
import json
import tarfile
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from imagebuild.oci.layers import make_layer
from imagebuild.platforms import of_this_machine

if TYPE_CHECKING:
    from pathlib import Path

    from imagebuild.oci.layers import Layer

OCI = "application/vnd.oci.image."
REF = "org.opencontainers.image.ref.name"
GZIP = f"{OCI}layer.v1.tar+gzip"


@cache
def empty_layer() -> Layer:
    """A layer without entries."""

    def nothing(path: str) -> Any:
        raise AssertionError(path)

    return make_layer([], "/", nothing)


def config_of(platform: str | None = None, **run: Any) -> dict[str, Any]:
    """The config of an image as Prefect's are, of one layer."""
    system, _, processor = (platform or of_this_machine()).partition("/")
    return {
        "os": system,
        "architecture": processor.partition("/")[0],
        "config": {"Env": ["PATH=/bin"], "WorkingDir": "/opt/prefect", **run},
        "rootfs": {"type": "layers", "diff_ids": [empty_layer().diff_id]},
        "history": [{"created_by": "base"}],
    }


@dataclass
class Tree:
    """The blobs and the index of a layout that is being made."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    entries: list[dict[str, Any]] = field(default_factory=list)

    def put(self, value: Any, kind: str) -> dict[str, Any]:
        """Take a blob, bytes or JSON, and describe it."""
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}

    def manifest(self, config: dict[str, Any]) -> dict[str, Any]:
        """Take an image of the one layer, which no entry names yet."""
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{OCI}manifest.v1+json",
            "config": self.put(config, f"{OCI}config.v1+json"),
            "layers": [self.put(empty_layer().open().read(), GZIP)],
        }
        return self.put(manifest, f"{OCI}manifest.v1+json")

    def add(self, described: dict[str, Any], ref: str | None = None) -> Tree:
        """Name it in the index."""
        self.entries.append({**described, **({"annotations": {REF: ref}} if ref else {})})
        return self

    def index(self, *entries: dict[str, Any]) -> dict[str, Any]:
        """Take an index inside."""
        kind = f"{OCI}index.v1+json"
        return self.put({"schemaVersion": 2, "mediaType": kind, "manifests": list(entries)}, kind)

    def write(self, root: Path) -> Path:
        """Put it into a folder."""
        (root / "blobs" / "sha256").mkdir(parents=True)
        for name, data in self.blobs.items():
            (root / "blobs" / "sha256" / name).write_bytes(data)
        (root / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        (root / "index.json").write_text(
            json.dumps({"schemaVersion": 2, "manifests": self.entries})
        )
        return root


def a_base(root: Path, ref: str | None = "3", **run: Any) -> Path:
    """A layout with one image that code can be added to."""
    tree = Tree()
    return tree.add(tree.manifest(config_of(**run)), ref).write(root)


def packed(root: Path, archive: Path) -> Path:
    """The same as an archive, as tar makes it."""
    with tarfile.open(archive, "w") as made:
        made.add(root, ".")
    return archive
