"""Images made without an engine, from the base itself: in a layout or a registry, as Docker's are.

skopeo and umoci, as Debian has them, read the layouts.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.command import PROGRAM, imagebuild, listing
from tests.support.inside import config_of, listing_of
from tests.support.processes import apt_install, run
from tests.support.projects import every_kind
from tests.support.proxies import recording_http
from tests.unit.layouts import a_base

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.support.command import Ran
    from tests.support.registry import Registry

HELLO = Path(__file__).parents[2] / "examples" / "hello"
UNDER = "io.imagebuild.environment"
MORE = ("--env", "A=b c", "--env", 'Q=x"$y\\', "--label", "team=data", "--directory", "deep/shop")


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    """Have the tools that read layouts."""
    missing = [name for name in ("skopeo", "umoci") if shutil.which(name) is None]
    if missing:
        apt_install(*missing)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a project that needs nothing installed, with every kind of entry."""
    return every_kind(tmp_path / "shop")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Give an environment without docker, an engine, or anything that is remembered."""
    return {
        **os.environ,
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "DOCKER_HOST": "unix:///nonexistent/docker.sock",
        "PATH": "/nonexistent",
    }


@pytest.fixture
def loaded(engine: DockerClient) -> Iterator[Any]:
    """Give what fetches an image into the engine by skopeo; it is gone after the test."""
    names: list[str] = []

    def load(source: str, name: str) -> str:
        insecure = ("--src-tls-verify=false",) if source.startswith("docker:") else ()
        run("skopeo", "copy", *insecure, source, f"docker-daemon:{name}")
        names.append(name)
        return name

    yield load
    for name in names:
        engine.images.remove(name, force=True)


def build(project: Path, env: dict[str, str], *more: str) -> Ran:
    """Build, and fail where that fails."""
    ran = imagebuild("build", *more, cwd=project, env=env)
    assert ran.code == 0, ran.told
    return ran


def test_what_is_made_of_the_base_is_what_docker_builds(
    project: Path,
    env: dict[str, str],
    prefect_base: str,
    registry: Registry,
    engine: DockerClient,
    loaded: Any,
    made: list[str],
) -> None:
    """Every file and the config: pushed with none of the base's bytes, and in a layout."""
    with recording_http(registry.address) as (proxy, host):
        base = prefect_base.replace(registry.address, host)
        name = f"{host}/layout/same:v1"
        pushed = build(project, env, "--push", "--image", name, "--base", base, *MORE)
        uploads = proxy.asked("PUT", "/v2/layout/same/blobs/.*")
        written = build(
            project,
            env,
            *("--builder", "oci", "--output", "../out", "--image", name, "--base", base),
            *MORE,
        )
        built = f"{name}-docker"
        docker = ("--builder", "docker", "--no-push", "--image", built, "--base", base)
        build(project, dict(os.environ), *docker, *MORE)
        made.append(built)
        added = loaded(f"docker://{pushed.reference.replace(':v1@', '@')}", "layout/pushed:v1")
    copied = loaded(written.reference.replace("../out", str(project.parent / "out")), "layout/w:v1")

    assert "is its base, nothing runs for it: Docker is not needed" in pushed.told
    assert len(uploads) == 3  # the directories, the code, the config
    expected = listing_of(built)
    for image in (added, copied):
        assert sorted(set(listing_of(image)) ^ set(expected)) == []
        config, other = config_of(engine, image), config_of(engine, built)
        assert config["Labels"].pop(UNDER)
        assert config == other


def test_the_next_build_finds_the_environment_below(
    project: Path, env: dict[str, str], prefect_base: str, registry: Registry
) -> None:
    """And a fresh machine makes the same image of the base, byte for byte."""
    name = f"{registry.address}/layout/next"
    shared = ("--push", "--builder", "oci", "--base", prefect_base)
    build(project, env, *shared, "--image", f"{name}:v1")
    (project / "flow.py").write_text("print('more')\n")
    second = build(project, env, *shared, "--image", f"{name}:v1")
    other = build(project, env, *shared, "--image", f"{name}:v2")
    third = build(project, env, *shared, "--image", f"{name}:v2")

    assert f"found in {name}:v1: Docker is not needed" in second.told
    assert "is its base" in other.told
    assert second.reference.partition("@")[2] == other.reference.partition("@")[2]
    assert "not pushed (nothing changed)" in third.told


def test_others_read_an_archive_and_run_it(
    project: Path, env: dict[str, str], prefect_base: str, loaded: Any
) -> None:
    """As skopeo finds it by the printed reference, and as a container."""
    ran = build(
        project,
        env,
        *("--builder", "oci", "--output", str(project.parent / "shop.tar")),
        *("--image", "team/shop:v1", "--base", prefect_base, "--json"),
    )
    document = json.loads("\n".join(ran.answer))
    seen = json.loads(run("skopeo", "inspect", document["reference"]))
    image = loaded(document["reference"], "layout/archive:v1")
    printed = run("docker", "run", "--rm", "--entrypoint", "cat", image, "flow.py")

    assert seen["Digest"] == document["digest"]
    assert seen["Labels"]["org.opencontainers.image.base.name"].endswith("bases/prefect:3")
    assert printed.strip() == (project / "flow.py").read_text().strip()


def test_a_base_that_skopeo_copied_is_built_on(
    project: Path, env: dict[str, str], prefect_base: str, registry: Registry, loaded: Any
) -> None:
    """Into a layout, and from it into a registry that has not got it."""
    layout = project.parent / "base"
    source = f"docker://{prefect_base}"
    run("skopeo", "copy", "--src-tls-verify=false", source, f"oci:{layout}:3")
    name = f"{registry.address}/layout/from:v1"
    shared = ("--builder", "oci", "--base", f"oci:{layout}:3", "--image", name)
    pushed = build(project, env, *shared, "--push")
    written = build(project, env, *shared, "--output", "../out.tar", "--json")
    image = loaded(f"docker://{pushed.reference.replace(':v1@', '@')}", "layout/from:v1")

    digest = json.loads("\n".join(written.answer))["digest"]
    assert digest == pushed.reference.partition("@")[2]
    assert run("docker", "run", "--rm", "--entrypoint", "cat", image, "pkg/to") == "#!/bin/sh\n"


def test_umoci_unpacks_what_was_written(project: Path, env: dict[str, str]) -> None:
    """With the modes that the layer says."""
    a_base(project.parent / "base")
    shared = ("--builder", "oci", "--base", "oci:../base", "--image", "shop:v1")
    build(project, env, *shared, "--output", "../out")
    bundle = project.parent / "bundle"
    run("umoci", "unpack", "--image", f"{project.parent / 'out'}:v1", str(bundle))
    inside = bundle / "rootfs" / "opt" / "prefect" / "shop"

    assert (inside / "flow.py").read_text() == (project / "flow.py").read_text()
    assert (inside / "pkg" / "to").readlink() == Path("run.sh")
    modes = {str(path): path.stat().st_mode & 0o7777 for path in (inside, inside / "pkg/run.sh")}
    assert set(modes.values()) == {0o755}


def test_where_nobody_may_write_nothing_is_written(project: Path, env: dict[str, str]) -> None:
    """Neither into a folder of the kernel's, nor into one that is closed."""
    a_base(project.parent / "base")
    shared = ("build", "--builder", "oci", "--base", "oci:../base", "--image", "shop:v1")
    ran = imagebuild(*shared, "--output", "/proc/out", cwd=project, env=env)
    assert (ran.code, ran.answer) == (1, [])
    assert "cannot write /proc/out" in ran.told

    (project.parent / "closed").mkdir(mode=0o555)
    was = listing(project.parent)
    # Root may write everywhere, as long as it has its capabilities.
    setpriv = [str(shutil.which("setpriv")), "--bounding-set", "-dac_override,-dac_read_search"]
    done = subprocess.run(
        [*(setpriv if os.geteuid() == 0 else []), PROGRAM, *shared, "--output", "../closed/out"],
        cwd=project,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "closed is not yours to write to" in done.stderr
    assert listing(project.parent) == was


def test_a_registry_that_breaks_off_leaves_nothing(
    project: Path, env: dict[str, str], prefect_base: str, registry: Registry
) -> None:
    """No layout, and nothing beside it; what was there stays."""
    with recording_http(registry.address) as (proxy, host):
        base = prefect_base.replace(registry.address, host)
        shared = ("build", "--builder", "oci", "--base", base, "--image", "shop:v1")
        proxy.gate = lambda request: (
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
            if "/blobs/" in request.path and len(proxy.asked("GET", ".*/blobs/.*")) > 3
            else b""
        )
        for output in ("../out", "../out.tar"):
            was = sorted(path.name for path in project.parent.iterdir())
            ran = imagebuild(*shared, "--output", output, cwd=project, env=env)
            after = sorted(path.name for path in project.parent.iterdir())
            assert (ran.code, ran.answer) == (1, []), ran.told
            assert {*after} - {*was} <= {"cache"}
