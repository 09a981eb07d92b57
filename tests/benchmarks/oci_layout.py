"""Adds a layer to an image in an OCI layout, as plainly as it can be done.

https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

_NAME: Final = "org.opencontainers.image.ref.name"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"


def layer_of(project: Path, directory: str) -> bytes:
    """The project's files as a tar, below the directory."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        archive.add(project, directory.lstrip("/"))
    return made.getvalue()


def add_layer(layout: Path, of: str, name: str, layer: bytes) -> None:
    """Put the layer upon the image `of` the layout, and call the result so."""
    index = json.loads((layout / "index.json").read_text())
    [base] = [each for each in index["manifests"] if each["annotations"][_NAME] == of]
    manifest = _read(layout, base)
    config = _read(layout, manifest["config"])
    config["rootfs"]["diff_ids"].append(_digest(layer))
    config.setdefault("history", []).append({"created_by": "COPY"})
    manifest["config"] |= _write(layout, json.dumps(config).encode())
    manifest["layers"].append({"mediaType": _LAYER, **_write(layout, gzip.compress(layer))})
    made = {**base, **_write(layout, json.dumps(manifest).encode()), "annotations": {_NAME: name}}
    others = [each for each in index["manifests"] if each["annotations"][_NAME] != name]
    (layout / "index.json").write_text(json.dumps({**index, "manifests": [*others, made]}))


def _read(layout: Path, descriptor: dict[str, Any]) -> Any:
    return json.loads(_blob(layout, descriptor["digest"]).read_bytes())


def _write(layout: Path, data: bytes) -> dict[str, Any]:
    digest = _digest(data)
    _blob(layout, digest).write_bytes(data)
    return {"digest": digest, "size": len(data)}


def _blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / digest.replace(":", "/")


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
