"""Images in registries: for a platform, read once, remembered by digest, and never misread."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.errors import ImagebuildError, PushFailed
from imagebuild.names import ImageName
from imagebuild.oci.cache import Cache
from imagebuild.oci.descriptors import DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from imagebuild.oci.manifests import encoded
from imagebuild.oci.remote import Remote
from tests.unit.oci.loopback import REPOSITORY, digest_of, registries, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.oci.loopback import Server

AMD, ARM = "linux/amd64", "linux/arm64"
ATTESTS = {"vnd.docker.reference.type": "attestation-manifest"}


@contextmanager
def remote(server: Server, folder: Path | None = None) -> Iterator[tuple[Remote, ImageName]]:
    """What reads from the server, with a memory in a folder, and a name there."""
    with registries() as made:
        name = ImageName.parse(f"{server.host}/{REPOSITORY}:v1")
        yield Remote(made, Cache(folder)), name


def hold(server: Server, platform: str = AMD, media_type: str = OCI_MANIFEST, **more: Any) -> str:
    """Let the server have an image, under its digest; that digest."""
    os, _, architecture = platform.partition("/")
    config = encoded({"os": os, "architecture": architecture, "rootfs": {"diff_ids": []}})
    described = {"mediaType": "config", "digest": server.hold_blob(config), "size": len(config)}
    manifest = {"schemaVersion": 2, "mediaType": media_type, "config": described, "layers": []}
    data = encoded({**manifest, **more})
    server.manifests[REPOSITORY, digest_of(data)] = media_type, data
    return digest_of(data)


def call(server: Server, digest: str, tag: str = "v1") -> None:
    """Give an image of the server a tag."""
    server.manifests[REPOSITORY, tag] = server.manifests[REPOSITORY, digest]


def index(server: Server, media_type: str, entries: list[tuple[str, dict[str, Any]]]) -> None:
    """Let the tag mean an index of these."""
    listed = [
        {"mediaType": OCI_MANIFEST, "digest": digest, "size": 1, **more} for digest, more in entries
    ]
    data = encoded({"schemaVersion": 2, "mediaType": media_type, "manifests": listed})
    server.manifests[REPOSITORY, "v1"] = media_type, data


def on(os: str, architecture: str, variant: str | None = None) -> dict[str, Any]:
    """What an index says of a platform."""
    platform = {"os": os, "architecture": architecture, **({"variant": variant} if variant else {})}
    return {"platform": platform}


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_an_image_is_two_requests_and_then_none(tmp_path: Path, media_type: str) -> None:
    """Its manifest and its config; another run, with the same memory, asks nothing."""
    with serving() as server:
        digest = hold(server, media_type=media_type)
        call(server, digest)
        with remote(server, tmp_path) as (first, name):
            found = first.image(name, AMD)
            assert first.digest(name) == digest
        asked = list(server.requests)
        with remote(server, tmp_path) as (second, name):
            again = second.image(name, AMD)
        with remote(server, tmp_path) as (third, name):
            assert third.image(name.pinned(digest), AMD) == found

    assert found is not None
    assert (found.digest, found.config.platform, found.manifest.media_type) == (
        *(digest, AMD, media_type),
    )
    assert again == found
    assert asked == ["GET manifests/v1", f"GET blobs/{found.manifest.config.digest}"]
    assert server.requests == asked


def test_what_a_name_means_now_is_always_asked(tmp_path: Path) -> None:
    """Whatever is remembered of it."""
    with serving() as server:
        old, new = hold(server), hold(server, note="another")
        call(server, old)
        with remote(server, tmp_path) as (first, name):
            first.image(name, AMD)
        call(server, new)
        with remote(server, tmp_path) as (second, name):
            assert second.digest(name) == new
            second.forget(name)
            found = second.image(name, AMD)

    assert found is not None
    assert found.digest == new


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_INDEX])
@pytest.mark.parametrize(
    ("platform", "variant"), [(AMD, None), (ARM, None), (ARM, "v8"), (f"{ARM}/v8", None)]
)
def test_of_an_index_the_platforms_own_is_taken(
    media_type: str, platform: str, variant: str | None
) -> None:
    """Attestations are no image, and arm64 has two ways to be written."""
    with serving() as server:
        amd, arm = hold(server), hold(server, ARM)
        entries: list[tuple[str, dict[str, Any]]] = [
            (hold(server, "unknown/unknown"), {**on("unknown", "unknown"), "annotations": ATTESTS}),
            (hold(server, "linux/s390x"), {**on("linux", "amd64"), "annotations": ATTESTS}),
            (amd, on("linux", "amd64")),
            (arm, on("linux", "arm64", variant)),
        ]
        index(server, media_type, entries)
        with remote(server) as (reads, name):
            found = reads.image(name, platform)

    assert found is not None
    assert found.digest == (amd if platform == AMD else arm)


@pytest.mark.parametrize("entries", [[], [on("linux", "s390x")], [on("windows", "amd64")], [{}]])
def test_of_an_index_without_the_platform_there_is_none(entries: list[dict[str, Any]]) -> None:
    """As if the name meant nothing."""
    with serving() as server:
        index(server, OCI_INDEX, [(hold(server), more) for more in entries])
        with remote(server) as (reads, name):
            assert reads.image(name, AMD) is None


def test_a_name_that_means_nothing_is_no_image() -> None:
    """And no error."""
    with serving() as server, remote(server) as (reads, name):
        assert reads.image(name, AMD) is None
        assert reads.digest(name) is None

    assert server.requests == ["GET manifests/v1"]


FOREIGN = {"mediaType": "layer", "digest": f"sha256:{'1' * 64}", "size": 1, "urls": ["http://a"]}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"layers": [FOREIGN]}, "a layer that lies elsewhere"),
        ({"layers": [{**FOREIGN, "digest": "sha256:../x", "urls": []}]}, "none of SHA-256"),
        ({"layers": [{**FOREIGN, "size": -1, "urls": []}]}, "not whole"),
        ({"layers": ["x"]}, "no descriptor"),
        ({"config": {}}, "not whole"),
        ({"layers": {}}, "no image's manifest"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_told(more: dict[str, Any], said: str) -> None:
    """Before anything in it is asked for."""
    with serving() as server:
        call(server, hold(server, **more))
        with (
            remote(server) as (reads, name),
            pytest.raises(ImagebuildError, match=str(name)) as caught,
        ):
            reads.image(name, AMD)

    assert said in caught.value.causes[0]
    assert server.requests == ["GET manifests/v1"]


def test_an_image_of_schema_1_is_told() -> None:
    """Nobody makes them any more."""
    with serving() as server:
        data = json.dumps({"schemaVersion": 1, "fsLayers": []}).encode()
        media_type = "application/vnd.docker.distribution.manifest.v1+json"
        server.manifests[REPOSITORY, "v1"] = media_type, data
        with remote(server) as (reads, name), pytest.raises(PushFailed) as caught:
            reads.image(name, AMD)

    assert "schema 1" in caught.value.causes[0]
