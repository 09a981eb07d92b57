"""Looks at a path in an image without running anything of it."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagebuild.engine.client import Engine


def real_path(engine: Engine, image_id: str, path: str) -> str:
    """Where an absolute path leads in an image, through the links on its way.

    By a container that never starts. Raises `ImagebuildError`.
    """
    with engine.working(f"look into the image {image_id}"):
        container = engine.api.create_container(image_id, command=["none"])["Id"]
        try:
            return _followed(engine.api, container, path)
        finally:
            engine.api.remove_container(container)


def _followed(api: Any, container: str, path: str) -> str:
    """https://docs.docker.com/reference/api/engine/version/v1.41/#operation/ContainerArchiveInfo."""
    real, url = "", api._url("/containers/{0}/archive", container)
    for part in path.strip("/").split("/"):
        real = f"{real}/{part}"
        answer = api.head(url, params={"path": real})
        said = answer.headers.get("X-Docker-Container-Path-Stat")
        real = (json.loads(base64.b64decode(said)).get("linkTarget") if said else "") or real
    return real
