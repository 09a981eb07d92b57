"""Code added to an environment in a registry: the same image as Docker's, in a few requests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.command import imagebuild
from tests.support.inside import config_of, listing_of
from tests.support.projects import every_kind
from tests.support.proxies import recording_http

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.support.command import Ran
    from tests.support.prefect_stack import PrefectServer, Worker
    from tests.support.proxies import RecordingProxy
    from tests.support.registry import Registry

HELLO = Path(__file__).parents[2] / "examples" / "hello"
WITHOUT = "Docker is not needed"
NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock", "PATH": "/nonexistent"}
UNDER = "io.imagebuild.environment"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a project that needs nothing installed, with every kind of entry."""
    root = every_kind(tmp_path / "shop")
    (root / "pkg" / "имя.txt").write_text("text\n")
    (root / "data.bin").write_bytes(bytes(range(256)) * 1000)
    return root


@pytest.fixture
def env(engine: DockerClient, tmp_path: Path) -> dict[str, str]:
    """Give an environment in which nothing is remembered yet."""
    return {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}


def edit(project: Path, line: str) -> None:
    """Change one line of the code."""
    with (project / "flow.py").open("a") as file:
        file.write(f"# {line}\n")


def build(project: Path, env: dict[str, str], name: str, base: str, *more: str) -> Ran:
    """Build and push."""
    ran = imagebuild(
        "build", "--push", "--image", name, "--base", base, *more, cwd=project, env=env
    )
    assert ran.code == 0, ran.told
    return ran


def tags(registry: Registry, repository: str) -> set[str]:
    """The tags that a repository has."""
    answer = registry.request("GET", f"/v2/{repository}/tags/list").json()
    return set(answer.get("tags") or ())


@pytest.fixture
def pulled(engine: DockerClient) -> Iterator[Any]:
    """Give what fetches an image into the engine; it is gone after the test."""
    names: list[str] = []

    def pull(name: str) -> str:
        engine.images.pull(name)
        names.append(name)
        return name

    yield pull
    for name in names:
        engine.images.remove(name, force=True)


@pytest.mark.parametrize("code", ["baked", "pulled"])
def test_what_is_added_is_what_docker_builds(
    code: str,
    project: Path,
    env: dict[str, str],
    prefect_base: str,
    registry: Registry,
    engine: DockerClient,
    pulled: Any,
    made: list[str],
) -> None:
    """Path, kind, mode, owner, size, link, content and time of every file; and the config."""
    shutil.copy(HELLO / "requirements.txt", project)
    name = f"{registry.address}/append/same-{code}"
    more = ("--code", code, "--env", "A=b c", "--env", "Q=it's \"$y\\", "--label", "team=data")
    first = build(project, env, f"{name}:v1", prefect_base, *more, "--label", "first=yes")
    edit(project, "more")
    second = build(project, env, f"{name}:v1", prefect_base, *more)
    built = f"{name}:docker"
    done = imagebuild(
        *("build", "--builder", "docker", "--no-push", "--image", built, "--base", prefect_base),
        *more,
        cwd=project,
        env=env,
    )
    made.append(built)
    added = pulled(second.reference)

    assert "Docker builds it" in first.told
    assert WITHOUT in second.told
    assert done.code == 0, done.told
    assert sorted(set(listing_of(added)) ^ set(listing_of(built))) == []
    config, other = config_of(engine, added), config_of(engine, built)
    assert config["Labels"].pop(UNDER)
    assert config == other
    assert config["Env"][-2:] == ["A=b c", "Q=it's \"$y\\"]


def test_a_run_needs_no_engine_where_it_was_deployed(
    tmp_path: Path,
    env: dict[str, str],
    prefect_base: str,
    registry: Registry,
    prefect_server: PrefectServer,
    worker: Worker,
) -> None:
    """A CI runner with neither docker nor an engine, and a worker elsewhere."""
    project = Path(shutil.copytree(HELLO, tmp_path / "hello"))
    env |= prefect_server.environment()
    image = f"{registry.address}/append/run:v1"
    named = ("--name", "added", "--pool", "docker-pool")
    arguments = ("deploy", "--image", image, "--base", prefect_base, *named)
    assert imagebuild(*arguments, cwd=project, env=env).code == 0
    flow = (project / "flow.py").read_text()
    (project / "flow.py").write_text(flow.replace("Hello", "Good day"))

    ran = imagebuild(*arguments, cwd=project, env={**env, **NO_ENGINE})
    run = prefect_server.api.run_deployment("hello/added", {"name": "engineless"})
    lines = prefect_server.api.logs(run.id, awaited="Good day, engineless!")

    assert ran.code == 0, ran.told
    assert WITHOUT in ran.told
    assert run.state == "Completed"
    assert any("Good day, engineless!" in line for line in lines)


def kinds(proxy: RecordingProxy, repository: str) -> list[str]:
    """What was asked of a registry: method, and what it was about."""
    found = []
    for request in proxy.requests:
        path = request.path.partition("?")[0].removeprefix(f"/v2/{repository}/")
        kind = re.sub(r"(sha256:)?[0-9a-f]{64}|blobs/uploads/.+", "…", path)
        found.append(f"{request.method} {kind}")
    return sorted(found)


UPLOADED = ["POST blobs/uploads/", "POST blobs/uploads/", "PUT manifests/v1", "PUT …", "PUT …"]


def test_one_changed_line_is_five_requests_and_no_change_is_one(
    project: Path, env: dict[str, str], registry: Registry, small_base: str, tmp_path: Path
) -> None:
    """Seven on a runner that remembers nothing; the base is pinned, so nobody is asked for it."""
    digest = registry.digest("bases/small", "1")
    with recording_http(registry.address) as (proxy, host):
        name, base = f"{host}/append/count:v1", f"{host}/bases/small@{digest}"
        build(project, env, name, base)
        asked: dict[str, list[str]] = {}
        for case, folder, line in (
            ("changed", "cache", "one"),
            ("unchanged", "cache", ""),
            ("fresh and changed", "other", "two"),
            ("fresh and unchanged", "third", ""),
        ):
            if line:
                edit(project, line)
            proxy.clear()
            build(
                project, {**env, **NO_ENGINE, "XDG_CACHE_HOME": str(tmp_path / folder)}, name, base
            )
            asked[case] = kinds(proxy, "append/count")

    assert asked == {
        "changed": [*UPLOADED],
        "unchanged": ["HEAD manifests/v1"],
        "fresh and changed": ["GET blobs/…", "GET manifests/v1", *UPLOADED],
        "fresh and unchanged": ["GET blobs/…", "GET manifests/v1"],
    }


def test_a_base_by_its_tag_is_one_request_more(
    project: Path, env: dict[str, str], registry: Registry, small_base: str
) -> None:
    """Whether there is a newer one, only its registry knows."""
    with recording_http(registry.address) as (proxy, host):
        name, base = f"{host}/append/tagged:v1", f"{host}/bases/small:1"
        build(project, env, name, base)
        edit(project, "one")
        proxy.clear()
        build(project, env | NO_ENGINE, name, base)
        asked = kinds(proxy, "append/tagged")

    assert asked == ["HEAD /v2/bases/small/manifests/1", *UPLOADED]


def test_another_clone_is_the_same_image(
    project: Path, env: dict[str, str], registry: Registry, small_base: str, tmp_path: Path
) -> None:
    """In another folder, of another name, with another umask, time zone and locale."""
    name = f"{registry.address}/append/clone"
    first = build(project, env, f"{name}:a", small_base)
    before = os.umask(0o077)
    try:
        other = tmp_path / "elsewhere" / "called otherwise"
        other.parent.mkdir()
        subprocess.run(["cp", "-r", "--no-preserve=all", project, other], check=True)
        (other / "pkg" / "run.sh").chmod(0o755)
        strange = {**env, "TZ": "Pacific/Auckland", "LC_ALL": "C", "XDG_CACHE_HOME": ""}
        second = build(
            other, strange | NO_ENGINE, f"{name}:b", small_base, "--directory", "/opt/prefect/shop"
        )
    finally:
        os.umask(before)

    assert first.reference.partition("@")[2] == second.reference.partition("@")[2]


def test_an_environment_is_found_under_its_own_tag(
    project: Path, env: dict[str, str], registry: Registry, small_base: str
) -> None:
    """By an image of another name too, as one for each commit has."""
    name = f"{registry.address}/append/tags"
    build(project, env, f"{name}:one", small_base, "--env-prefix", "stage-")
    edit(project, "more")
    ran = build(*(project, env | NO_ENGINE, f"{name}:two", small_base), "--env-prefix", "stage-")

    assert re.search(rf"found in {name}:stage-[0-9a-f]{{16}}: {WITHOUT}", ran.told)
    assert {re.sub("[0-9a-f]{16}", "…", tag) for tag in tags(registry, "append/tags")} == {
        *("one", "two", "stage-…")
    }


def test_without_a_tag_of_its_own_an_environment_is_found_in_the_image(
    project: Path, env: dict[str, str], registry: Registry, small_base: str
) -> None:
    """Which Docker has built as a whole, and says so in a label."""
    name = f"{registry.address}/append/untagged:v1"
    build(project, env, name, small_base, "--no-env-cache")
    edit(project, "more")
    ran = build(project, env | NO_ENGINE, name, small_base, "--no-env-cache")

    assert f"found in {name}: {WITHOUT}" in ran.told
    assert tags(registry, "append/untagged") == {"v1"}


def test_without_a_cache_docker_builds_the_environment_anew(
    project: Path, env: dict[str, str], registry: Registry, small_base: str
) -> None:
    """Though the registry has it."""
    name = f"{registry.address}/append/anew:v1"
    build(project, env, name, small_base)
    ran = build(project, env, name, small_base, "--no-cache")

    assert "Docker builds it" in ran.told


def test_what_has_to_run_is_left_to_docker(
    project: Path, env: dict[str, str], registry: Registry, prefect_base: str
) -> None:
    """And it is said which line that is."""
    (project / "own.jinja").write_text(
        '{% extends "default" %}{% block finish %}RUN echo hello > /hello\n{% endblock %}'
    )
    name = f"{registry.address}/append/finish:v1"
    ran = build(project, env, name, prefect_base, "--template", "own.jinja")

    assert re.search(r"Docker builds the whole image: .* line \d+: RUN needs a builder", ran.told)


def test_a_dockerfile_of_ones_own_can_have_an_environment(
    project: Path, env: dict[str, str], registry: Registry, small_base: str
) -> None:
    """Made from what its first stages read; the rest is added to it."""
    (project / "Dockerfile").write_text(
        f"FROM {small_base} AS environment\n"
        "WORKDIR /srv/app\n"
        "COPY data.bin /data/\n"
        "FROM environment\n"
        "COPY . .\n"
        "ENV LEVEL=debug\n"
    )
    name = f"{registry.address}/append/own:v1"
    arguments = ("build", "--push", "--image", name, "--dockerfile", "Dockerfile")
    first = imagebuild(*arguments, cwd=project, env=env)
    edit(project, "more")
    second = imagebuild(*arguments, cwd=project, env=env | NO_ENGINE)
    (project / "data.bin").write_bytes(b"other")
    third = imagebuild(*arguments, cwd=project, env=env)

    assert [first.code, second.code, third.code] == [0, 0, 0], second.told
    assert WITHOUT in second.told
    assert "Docker builds it" in third.told


def test_a_code_folder_below_a_link_is_dockers(
    project: Path, env: dict[str, str], registry: Registry, engine: DockerClient, tmp_path: Path
) -> None:
    """A layer with `opt/` in it would take the place of the link, and of what it leads to."""
    (tmp_path / "real").mkdir()
    (tmp_path / "opt").symlink_to("real")
    archive = tmp_path / "base.tar"
    subprocess.run(["tar", "-C", tmp_path, "-cf", archive, "real", "opt"], check=True)
    base = f"{registry.address}/bases/linked"
    engine.api.import_image(str(archive), repository=base, tag="1")
    for event in engine.api.push(base, tag="1", stream=True, decode=True):
        assert "error" not in event
    name = f"{registry.address}/append/linked:v1"
    ran = build(project, env, name, f"{base}:1")
    engine.images.remove(f"{base}:1")

    assert "Docker builds the whole image: /opt/prefect/shop is /real/prefect/shop" in ran.told


def test_what_the_registry_has_lost_is_made_anew(
    project: Path, env: dict[str, str], registry: Registry, small_base: str
) -> None:
    """What is remembered is not believed: the registry says what it lacks."""
    name = f"{registry.address}/append/lost:v1"
    build(project, env, name, small_base)
    config = registry.request("GET", "/v2/append/lost/manifests/v1").json()
    environment = config["layers"][-2]["digest"]
    assert registry.request("DELETE", f"/v2/append/lost/blobs/{environment}").status == 202
    edit(project, "more")

    ran = build(project, env, name, small_base)

    assert "no longer has all of the environment" in ran.told
    assert registry.request("HEAD", f"/v2/append/lost/blobs/{environment}").status == 200


@pytest.mark.parametrize("builder", ["oci", "auto"])
def test_without_an_environment_and_an_engine_nothing_is_built(
    project: Path, env: dict[str, str], registry: Registry, small_base: str, builder: str
) -> None:
    """It is said what is missing, and what to do."""
    name = f"{registry.address}/append/none:v1"
    arguments = ("build", "--push", "--image", name, "--base", small_base, "--builder", builder)
    ran = imagebuild(*arguments, cwd=project, env=env | NO_ENGINE)

    assert ran.code == {"oci": 2, "auto": 3}[builder]
    assert ran.answer == []
    assert "hint: " in ran.told
    assert tags(registry, "append/none") == set()


def inside(engine: DockerClient, registry: Registry) -> str:
    """Give the address that a registry has among containers."""
    port = registry.address.partition(":")[2]
    # By IPv6, another container may be published at the port that is the registry's by IPv4.
    [settings] = [
        container.attrs["NetworkSettings"]
        for container in engine.containers.list(filters={"publish": port})
        if (container.ports.get("5000/tcp") or [{}])[0].get("HostPort") == port
    ]
    [network] = settings["Networks"].values()
    return str(network["IPAddress"])


@pytest.mark.parametrize("named", [True, False])
def test_a_registry_without_tls_has_to_be_named(
    project: Path,
    env: dict[str, str],
    registry: Registry,
    small_base: str,
    engine: DockerClient,
    named: bool,
) -> None:
    """Unless it is on this machine; nothing is sent to it otherwise."""
    build(project, env, f"{registry.address}/append/plain:v1", small_base)
    edit(project, "more")
    host = f"{inside(engine, registry)}:5000"
    base = f"{small_base}@{registry.digest('bases/small', '1')}"
    arguments = ("build", "--push", "--image", f"{host}/append/plain:v1", "--base", base)
    said = ("--insecure-registry", host) if named else ()
    ran = imagebuild(*arguments, "--builder", "oci", *said, cwd=project, env=env | NO_ENGINE)

    if named:
        assert ran.code == 0, ran.told
        assert WITHOUT in ran.told
    else:
        assert (ran.code, ran.answer) == (3, [])
        assert f"hint: if {host} is meant to be without TLS, name it: --insecure" in ran.told


def test_what_is_pushed_gets_further_tags_without_an_engine(
    project: Path, env: dict[str, str], registry: Registry, small_base: str, tmp_path: Path
) -> None:
    """The file of a build that pushed is enough, and pushed again it is pushed already."""
    name, file = f"{registry.address}/append/handed:v1", str(tmp_path / "image.json")
    built = build(project, env, name, small_base, "--json-file", file)
    again = imagebuild("push", "--from", file, cwd=tmp_path, env=env | NO_ENGINE)
    more = imagebuild("push", "--from", file, "--tag", "v2", cwd=tmp_path, env=env | NO_ENGINE)

    assert again.reference == more.reference == built.reference
    assert "not pushed (nothing changed)" in again.told
    assert registry.digest("append/handed", "v2") == registry.digest("append/handed", "v1")


def test_a_tag_for_each_commit_is_found_by_what_the_deployment_runs(
    tmp_path: Path,
    env: dict[str, str],
    prefect_base: str,
    registry: Registry,
    prefect_server: PrefectServer,
    docker_pool: str,
) -> None:
    """Its environment is in that image, and what Prefect knows of the flow stands."""
    project = Path(shutil.copytree(HELLO, tmp_path / "hello"))
    env |= prefect_server.environment()
    name = f"{registry.address}/append/commits"
    named = ("--name", "commits", "--pool", docker_pool)
    arguments = ("--base", prefect_base, *named, "--no-env-cache")
    told = []
    for tag in ("one", "two"):
        flow = (project / "flow.py").read_text()
        (project / "flow.py").write_text(flow.replace("Hello", f"Hello {tag}"))
        ran = imagebuild("deploy", "--image", f"{name}:{tag}", *arguments, cwd=project, env=env)
        assert ran.code == 0, ran.told
        told.append(ran.told)
        env |= NO_ENGINE

    assert f"found in {name}:one@sha256:" in told[1]
    deployment = prefect_server.api.deployment("hello/commits")
    assert deployment["job_variables"]["image"].startswith(f"{name}:two@sha256:")
