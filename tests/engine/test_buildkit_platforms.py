"""What a real engine says that it can build for."""

from __future__ import annotations

import contextlib
import re
import uuid
from typing import TYPE_CHECKING

import docker
import pytest

from imagebuild.buildkit import BuildFailed, BuildOptions, platforms

from .test_buildkit_build import COPY, run

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    """The engine that docker finds."""
    with contextlib.closing(docker.from_env()) as found:
        yield found


def test_the_engines_own_platform_is_the_first(client: docker.DockerClient) -> None:
    """And each is `os/architecture[/variant]`."""
    version = client.version()
    found = platforms(client.api)
    assert found[0] == f"{version['Os']}/{version['Arch']}"
    assert [name for name in found if not re.fullmatch(r"\w+/\w+(/\w+)?", name)] == []


def test_a_hundred_answers_are_the_same(client: docker.DockerClient) -> None:
    """However the engine's first bytes fall."""
    assert len({platforms(client.api) for _ in range(100)}) == 1


def test_what_is_listed_can_be_built(client: docker.DockerClient) -> None:
    """Under its name: the one file that is there is the one that the platform calls for."""
    dockerfile = "FROM scratch\nARG TARGETPLATFORM\nCOPY $TARGETPLATFORM /app/\n"
    for name in platforms(client.api):
        options = BuildOptions(platform=name)
        image, _, _ = run(client.api, dockerfile, {name: b"x"}, uuid.uuid4().hex, options=options)
        client.images.remove(image, force=True)


def test_a_platform_that_is_none_is_refused(client: docker.DockerClient) -> None:
    """By name."""
    with pytest.raises(BuildFailed, match="nonsense"):
        run(client.api, COPY, {}, "p", options=BuildOptions(platform="nonsense/of/a/kind"))
