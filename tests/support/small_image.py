"""An image of a few bytes, to build on where only the way matters: Prefect's takes long to push."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker import DockerClient


def import_small(client: DockerClient) -> str:
    """Have an image without files in an engine, and give its name."""
    repository, tag = "imagebuild-tests/empty", "1"
    archive = b"\0" * 1024  # a tar without entries
    client.api.import_image_from_data(archive, repository=repository, tag=tag)
    return f"{repository}:{tag}"
