"""The set-up delivers what the other tests take for granted."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import docker
import pytest
from docker.errors import APIError

from tests.support.images import REGISTRY, ensure
from tests.support.prefect_api import PrefectApi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer, Worker
    from tests.support.proxies import RecordingProxy
    from tests.support.registry import Registry

PROBE = """
import importlib.metadata, json, os, prefect, shutil, sys
print(json.dumps({
    "executable": sys.executable,
    "packages": os.path.dirname(os.path.dirname(prefect.__file__)),
    "prefect": prefect.__version__,
    "cwd": os.getcwd(),
    "user": os.getuid(),
    "tools": [tool for tool in ("uv", "git", "tini", "bash") if shutil.which(tool)],
}))
"""


@pytest.fixture(scope="module")
def small_image(engine: DockerClient) -> Iterator[str]:
    """Give the name of an image of a few bytes, to be pushed."""
    name = "imagebuild-tests/small:1"
    data = b"\0" * 1024  # an archive without entries
    engine.api.import_image_from_data(data, repository="imagebuild-tests/small", tag="1")
    yield name
    engine.images.remove(name)


def _push(engine: DockerClient, image: str, name: str, auth: dict[str, str] | None = None) -> None:
    repository, _, tag = name.rpartition(":")
    engine.images.get(image).tag(repository, tag)
    try:
        for event in engine.api.push(repository, tag, stream=True, decode=True, auth_config=auth):
            if "error" in event:
                raise APIError(event["error"])
    finally:
        engine.images.remove(name)


def test_the_base_has_python_and_prefect_where_prefects_image_has_them(
    engine: DockerClient, base_image: str
) -> None:
    """Through its own entrypoint, as root, in /opt/prefect."""
    seen = json.loads(engine.containers.run(base_image, ["python", "-c", PROBE], remove=True))
    label = engine.images.get(base_image).labels["io.prefect.python-version"]

    assert seen["executable"] == "/usr/local/bin/python"
    assert seen["packages"] == f"/usr/local/lib/python{label}/site-packages"
    assert seen["prefect"].startswith("3.")
    assert (seen["cwd"], seen["user"]) == ("/opt/prefect", 0)
    assert seen["tools"] == ["uv", "git", "tini", "bash"]


def test_the_base_installs_packages_that_a_run_asks_for(
    engine: DockerClient, base_image: str
) -> None:
    """So the package index can be reached from containers too."""
    said = engine.containers.run(
        base_image,
        ["python", "-c", "import iniconfig; print('imported')"],
        environment={"EXTRA_PIP_PACKAGES": "iniconfig"},
        remove=True,
    )
    assert said.decode().strip().endswith("imported")


def test_an_image_that_is_there_is_not_made_again(
    recorded_engine: RecordingProxy, base_image: str
) -> None:
    """The second set-up costs no build and no pull."""
    with closing(docker.from_env()) as client:
        ensure(client, REGISTRY)
        recorded_engine.clear()
        ensure(client, REGISTRY)
    assert recorded_engine.asked("GET")
    assert not recorded_engine.asked("POST")


def test_the_engine_pushes_to_the_open_registry_through_the_recording_proxy(
    engine: DockerClient,
    small_image: str,
    registry: Registry,
    recorded_registry: tuple[RecordingProxy, str],
) -> None:
    """Every request of the push goes through it, uploads too."""
    proxy, address = recorded_registry
    _push(engine, small_image, f"{address}/team/small:1")

    assert registry.digest("team/small", "1") is not None
    assert proxy.asked("PUT", "/v2/team/small/manifests/1")[0].status == 201
    assert proxy.asked("PATCH", "/v2/team/small/blobs/uploads/.*")


def test_the_private_registry_takes_a_push_with_its_password_only(
    engine: DockerClient, small_image: str, private_registry: Registry
) -> None:
    """Whoever has none is refused."""
    name = f"{private_registry.address}/team/small:1"
    with pytest.raises(APIError, match="no basic auth credentials"):
        _push(engine, small_image, name)
    assert private_registry.digest("team/small", "1") is None

    assert private_registry.username
    assert private_registry.password
    login = {"username": private_registry.username, "password": private_registry.password}
    _push(engine, small_image, name, login)
    assert private_registry.digest("team/small", "1") is not None


def test_a_container_reaches_the_prefect_server(
    engine: DockerClient, base_image: str, prefect_server: PrefectServer
) -> None:
    """By the very URL that we use."""
    ask = f"import urllib.request as r; print(r.urlopen({prefect_server.url + '/health'!r}).read())"
    said = engine.containers.run(base_image, ["python", "-c", ask], remove=True)
    assert said.strip() == b"b'true'"


def test_the_docker_pool_takes_images_and_the_process_pool_does_not(
    prefect_server: PrefectServer, docker_pool: str, process_pool: str
) -> None:
    """Both are as Prefect makes them."""
    takes_image = {}
    for pool in (docker_pool, process_pool):
        template = prefect_server.api.request("GET", f"/work_pools/{pool}")["base_job_template"]
        takes_image[pool] = "image" in template["variables"]["properties"]
    assert takes_image == {docker_pool: True, process_pool: False}


def test_prefect_can_be_asked_through_the_recording_proxy(
    docker_pool: str, worker: Worker, recorded_prefect: tuple[RecordingProxy, str]
) -> None:
    """With a worker at work on the other side."""
    proxy, url = recorded_prefect
    with closing(PrefectApi(url)) as api:
        assert api.workers_online(docker_pool)
    assert [request.path for request in proxy.asked("POST")] == [
        f"/api/work_pools/{docker_pool}/workers/filter"
    ]
