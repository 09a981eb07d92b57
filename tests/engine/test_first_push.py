"""An environment goes to a registry that holds its base: of the base, nothing is sent."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from imagebuild import buildkit
from imagebuild.builders.trees import Files
from tests.benchmarks.counting import counting_http
from tests.engine.conftest import push
from tests.support.command import imagebuild
from tests.support.small_image import import_small

if TYPE_CHECKING:
    from pathlib import Path

    from docker import DockerClient

    from tests.support.registry import Registry

LAYERS = ("one", "two", "three")


def a_base(engine: DockerClient, name: str) -> None:
    """Push an image of a few layers that nobody has seen."""
    lines = [f"FROM {import_small(engine)}", *(f"COPY {layer} /{layer}" for layer in LAYERS)]
    trees = {
        "context": Files({layer: os.urandom(200_000) for layer in LAYERS}),
        "dockerfile": Files({"Dockerfile": "\n".join(lines).encode()}),
    }
    shared = "imagebuild-tests-first-push"
    with buildkit.Session(engine.api, trees=trees, shared_key=shared, name=shared) as session:
        buildkit.build(engine.api, session, buildkit.BuildOptions(tags=(name,)))
    push(engine, name)


def manifest(registry: Registry, repository: str, tag: str) -> tuple[bytes, dict[str, int]]:
    """Give what a tag names, and the sizes of its config and layers."""
    data = registry.request("GET", f"/v2/{repository}/manifests/{tag}").data
    told: dict[str, Any] = json.loads(data)
    return data, {each["digest"]: each["size"] for each in (told["config"], *told["layers"])}


def test_of_the_base_nothing_is_sent(
    engine: DockerClient, registry: Registry, tmp_path: Path, made: list[str]
) -> None:
    """Its layers are mounted; what is sent is, to the byte, what is new."""
    (tmp_path / "data.bin").write_bytes(os.urandom(300_000))
    (tmp_path / "flow.py").write_text("print('first')\n")
    with counting_http(registry.address) as (proxy, host):
        base, name = f"{host}/bases/layered:1", f"{host}/first/shop:v1"
        a_base(engine, base)
        (tmp_path / "Dockerfile").write_text(
            f"FROM {base} AS environment\n"
            "COPY data.bin /data/\n"
            "WORKDIR /srv/shop\n"
            "FROM environment\n"
            "COPY . .\n"
        )
        proxy.clear()
        arguments = ("build", "--push", "--image", name, "--dockerfile", "Dockerfile")
        ran = imagebuild(
            *arguments, cwd=tmp_path, env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
        )
        assert ran.code == 0, ran.told
        assert "Docker builds it" in ran.told
        carried, mounts = proxy.carried, proxy.asked("POST", ".*[?&]mount=.*")
    tags = registry.request("GET", "/v2/first/shop/tags/list").json()["tags"]
    [environment] = [tag for tag in tags if tag.startswith("env-")]
    made.append(f"{host}/first/shop:{environment}")
    _, of_base = manifest(registry, "bases/layered", "1")
    sent = [manifest(registry, "first/shop", tag) for tag in (environment, "v1")]
    new = {digest: size for _, blobs in sent for digest, size in blobs.items()}
    mounted = {
        parse_qs(urlsplit(request.path).query)["mount"][0]
        for request in mounts
        if request.status == 201
    }
    layers = list(of_base)[1:]

    assert mounted >= set(layers)
    assert set(layers) < set(new)
    assert carried == sum(len(data) for data, _ in sent) + sum(
        size for digest, size in new.items() if digest not in mounted
    )
