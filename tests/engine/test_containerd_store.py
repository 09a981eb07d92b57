"""The command on an engine with the containerd image store, beside one with the classic store."""

from __future__ import annotations

import io
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import imagebuild
from tests.support.proxies import recording_engine
from tests.support.small_image import import_small

if TYPE_CHECKING:
    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer
    from tests.support.registry import Registry
    from tests.support.second_engine import SecondEngine

HELLO = Path(__file__).parents[2] / "examples" / "hello"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a copy of the example, in a folder of the same name."""
    return Path(shutil.copytree(HELLO, tmp_path / "hello"))


@pytest.fixture
def env(
    containerd_engine: SecondEngine, prefect_server: PrefectServer, docker_pool: str
) -> dict[str, str]:
    """Give the environment of a user whose docker finds the engine with the containerd store."""
    return prefect_server.environment() | containerd_engine.environment


def _files(engine: DockerClient, image: str, folder: str) -> dict[str, bytes]:
    """Read all files that an image has below a folder."""
    container = engine.containers.create(image, "never started")
    try:
        chunks, _ = container.get_archive(f"{folder}/.")
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            return {
                member.name.removeprefix("./"): content.read()
                for member in archive
                if (content := archive.extractfile(member))
            }
    finally:
        container.remove()


def test_what_it_pushes_is_recorded_by_digest_and_another_engine_pulls_it(
    project: Path,
    env: dict[str, str],
    containerd_engine: SecondEngine,
    engine: DockerClient,
    registry: Registry,
    prefect_server: PrefectServer,
) -> None:
    """The digest is in a status line of the push alone; the files are the project's."""
    (project / "requirements.txt").unlink()
    name = f"{registry.address}/team/containerd:v1"
    base = import_small(containerd_engine.client)
    arguments = ("deploy", "--image", name, "--name", "containerd", "--base", base)

    ran = imagebuild(*arguments, cwd=project, env=env)
    again = imagebuild(*arguments, cwd=project, env=env)
    assert again.reference == ran.reference, again.told
    deployment = prefect_server.api.deployment("hello/containerd")
    engine.images.pull(ran.reference)
    try:
        files = _files(engine, ran.reference, "/opt/prefect/hello")
    finally:
        engine.images.remove(ran.reference)

    assert ran.reference == f"{name}@{registry.digest('team/containerd', 'v1')}"
    assert deployment["job_variables"]["image"] == ran.reference
    assert files == {path.name: path.read_bytes() for path in project.iterdir()}


def test_no_change_builds_nothing_and_one_changed_line_sends_one_file(
    project: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with the classic store, and the dependencies come from the cache."""
    arguments = ("deploy", "--image", "hello:containerd", "--no-push", "--name", "unpushed")
    if host := env.get("DOCKER_HOST"):
        monkeypatch.setenv("DOCKER_HOST", host)
    with (
        tempfile.TemporaryDirectory(prefix="ib-") as folder,
        recording_engine(Path(folder)) as (proxy, through),
    ):
        env |= {"DOCKER_HOST": through}
        first = imagebuild(*arguments, cwd=project, env=env)
        proxy.clear()
        same = imagebuild(*arguments, cwd=project, env=env)
        changing = proxy.asked("POST")
        flow = project / "flow.py"
        flow.write_text(flow.read_text().replace("Hello", "Good day"))
        changed = imagebuild(*arguments, cwd=project, env=env)

    assert first.reference == same.reference == changed.reference == "hello:containerd"
    assert changing == []
    assert "sent 2 files" in first.told
    assert f"  sent 1 file, {flow.stat().st_size} B\n" in changed.told
    [run] = [line for line in changed.told.splitlines() if " RUN " in line]
    assert run.endswith("cached")


def test_the_first_engine_keeps_its_network(
    containerd_engine: SecondEngine,
    engine: DockerClient,
    base_image: str,
    prefect_server: PrefectServer,
) -> None:
    """Its containers reach this machine, by its own bridge, while the second engine runs."""
    ask = f"import urllib.request as r; print(r.urlopen({prefect_server.url + '/health'!r}).read())"

    said = engine.containers.run(base_image, ["python", "-c", ask], remove=True)

    assert containerd_engine.client.ping()
    assert said.strip() == b"b'true'"
