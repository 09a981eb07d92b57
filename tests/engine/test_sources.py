"""Code that lies elsewhere, baked and pulled, each to a run that is Completed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.checkout import check_in
from tests.support.command import imagebuild
from tests.support.git_http import git_server
from tests.support.prefect_stack import container_host, own_pool, running_worker
from tests.support.projects import greeter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

    from tests.support.git_http import GitServer
    from tests.support.prefect_stack import PrefectServer, Worker
    from tests.support.registry import Registry

TOKEN = "a-token-that-nobody-may-see"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Give a repository whose default branch is not called main."""
    root = greeter(tmp_path / "served" / "greeter.git", "Good morning")
    check_in(root, "one")
    return root


@pytest.fixture
def private(repository: Path) -> Iterator[GitServer]:
    """Serve it to whoever has the token."""
    with git_server(repository.parent, "git", TOKEN) as server:
        yield server


@pytest.fixture
def public(repository: Path, engine: DockerClient) -> Iterator[GitServer]:
    """Serve it to everybody, where containers reach it too."""
    with git_server(repository.parent, host=container_host(engine)) as server:
        yield server


def test_a_private_repository_is_baked_and_runs(
    private: GitServer,
    repository: Path,
    elsewhere: tuple[Path, dict[str, str]],
    prefect_server: PrefectServer,
    worker: Worker,
    registry: Registry,
    made: list[str],
) -> None:
    """At one commit; unchanged, nothing is fetched, built, pushed or written again."""
    folder, env = elsewhere
    env = {**env, "GIT_TOKEN": TOKEN}
    command = [
        *("deploy", "flows/greet.py:greet", "--source", private.url("greeter.git")),
        *("--source-credentials", "env:GIT_TOKEN", "--name", "from-git", "--pool", "docker-pool"),
        *("--image", f"{registry.address}/team/greeter:v1"),
    ]
    first = imagebuild(*command, cwd=folder, env=env)
    made.append(first.reference)
    run = prefect_server.api.run_deployment("greet/from-git", {"name": "git"})
    lines = prefect_server.api.logs(run.id, awaited="Good morning, git!")
    private.asked.clear()
    again = imagebuild(*command, cwd=folder, env=env)

    assert run.state == "Completed"
    assert any("Good morning, git!" in line for line in lines)
    assert again.reference == first.reference
    assert "build done" in again.told
    assert "built, pushed" not in again.told
    assert [line.split()[0] for line in private.asked].count("POST") == 1  # which commit it is
    assert TOKEN not in first.told + again.told
    assert TOKEN not in str(prefect_server.api.deployment("greet/from-git"))
    assert list(folder.iterdir()) == []


def test_a_new_commit_is_a_new_image(
    public: GitServer,
    repository: Path,
    elsewhere: tuple[Path, dict[str, str]],
    prefect_server: PrefectServer,
    worker: Worker,
    made: list[str],
) -> None:
    """And the image tells which."""
    folder, env = elsewhere
    command = [
        *("deploy", "flows/greet.py:greet", "--source", public.url("greeter.git"), "--no-push"),
        *("--name", "moving", "--pool", "docker-pool", "--image", "greeter:moving"),
    ]
    made.append("greeter:moving")
    imagebuild(*command, cwd=folder, env=env)
    greeter(repository, "Good evening")
    check_in(repository, "two")
    imagebuild(*command, cwd=folder, env=env)
    run = prefect_server.api.run_deployment("greet/moving", {"name": "git"})

    assert run.state == "Completed"
    assert prefect_server.api.logs(run.id, awaited="Good evening, git!")


def test_a_process_pulls_its_code(
    public: GitServer, elsewhere: tuple[Path, dict[str, str]], prefect_server: PrefectServer
) -> None:
    """Without any image."""
    folder, env = elsewhere
    with own_pool(prefect_server, "processes-git", "process") as pool:
        ran = imagebuild(
            *("deploy", "flows/greet.py:greet", "--source", public.url("greeter.git")),
            *("--code", "pulled", "--name", "process-git", "--pool", pool),
            cwd=folder,
            env=env,
        )
        with running_worker(prefect_server, pool, "process") as worker:
            worker.wait_online()
            run = prefect_server.api.run_deployment("greet/process-git", {"name": "git"})

    assert ran.code == 0, ran.told
    assert run.state == "Completed"
    assert prefect_server.api.logs(run.id, awaited="Good morning, git!")
