"""One build of a folder, in a process of its own: by imagebuild's session, or by the SDK's packer.

Prints one JSON object: `sent` in bytes and, of imagebuild, the seconds in which it `found` and
hashed the files.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

import docker
from docker.utils import build as packing

from imagebuild import buildkit
from imagebuild.builders.trees import ContextTree, Files
from imagebuild.buildkit.outgoing import Batches
from imagebuild.context import read_context


def by_imagebuild(api: docker.APIClient, root: Path, tag: str, *, cold: bool) -> dict[str, float]:
    """Find, hash, sync and build; what is sent is what was announced and what was asked for."""
    sent = 0
    call = Batches.__call__

    def counted(batches: Batches) -> bytes:
        nonlocal sent
        batch = call(batches)
        sent += len(batch)
        return batch

    began = time.monotonic()
    context = read_context(root)
    found = time.monotonic()
    dockerfile = (root / "Dockerfile").read_bytes()
    session = buildkit.Session(
        api,
        trees={"context": ContextTree(context), "dockerfile": Files({"Dockerfile": dockerfile})},
        shared_key=hashlib.sha256(str(root).encode()).hexdigest(),
        name="benchmark",
    )
    options = buildkit.BuildOptions(dockerfile="Dockerfile", tags=(tag,), no_cache=cold)
    with mock.patch.object(Batches, "__call__", counted), session:
        buildkit.build(api, session, options)
    return {"sent": sent, "found": found - began}


def by_the_sdk(api: docker.APIClient, root: Path, tag: str, *, cold: bool) -> dict[str, float]:
    """Pack all of it into a temporary file, send that, and let the classic builder build."""
    sent = 0
    create = packing.create_archive

    def counted(*args: Any, **options: Any) -> Any:
        nonlocal sent
        archive: Any = create(*args, **options)
        sent = os.fstat(archive.fileno()).st_size
        return archive

    with mock.patch.object(packing, "create_archive", counted):
        for event in api.build(path=str(root), tag=tag, nocache=cold, rm=True, decode=True):
            if "error" in event:
                raise RuntimeError(event["error"])
    return {"sent": sent}


def main(way: str, root: str, tag: str, temperature: str) -> None:
    """Run one of the two ways, and tell of it."""
    build = {"imagebuild": by_imagebuild, "sdk": by_the_sdk}[way]
    with closing(docker.from_env(timeout=600)) as engine:
        print(json.dumps(build(engine.api, Path(root), tag, cold=temperature == "cold")))


if __name__ == "__main__":
    main(*sys.argv[1:])
