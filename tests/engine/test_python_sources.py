"""Prefect's own storage objects in a script, baked and pulled, each to a run that is Completed.

Beside what the README's table says: secrets, blocks, and what is refused.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.certificates import loopback_certificate
from tests.support.checkout import check_in
from tests.support.git_http import git_server
from tests.support.prefect_stack import container_host
from tests.support.projects import greeter
from tests.support.scripts import python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

    from tests.support.certificates import Certificate
    from tests.support.git_http import GitServer
    from tests.support.prefect_stack import PrefectServer, Worker
    from tests.support.proxies import RecordingProxy
    from tests.support.registry import Registry
    from tests.support.storages import Storage

TOKEN = "a-token-that-nobody-may-see"
S3_SECRET = "a-key-that-nobody-may-see"
IMPORTS = """
import os
from prefect import flow
from prefect.blocks.system import Secret
from prefect.filesystems import RemoteFileSystem
from prefect.runner.storage import GitRepository, LocalStorage, RemoteStorage
from imagebuild import Baked, FlowImage

"""
BAKED = """
image = FlowImage({image!r}, source=repo)
baked = flow.from_source(source=Baked(repo), entrypoint="flows/greet.py:greet")
baked.deploy({name!r}, work_pool_name="docker-pool", image=image, push=False)
print("reference", image.reference)
"""
PULLED = """
image = FlowImage({image!r}, source=repo, code="pulled")
pulled = flow.from_source(source=repo, entrypoint="flows/greet.py:greet")
pulled.deploy(
    {name!r}, work_pool_name="docker-pool", image=image, push=False, job_variables={variables!r}
)
"""

REMOTE = """
repo = RemoteStorage(
    "s3://team/greeter", key="id", secret={secret!r}, endpoint_url={endpoint!r}
)
"""
SAVED_REMOTE = """
Secret(value={secret!r}).save("py-s3-secret", overwrite=True)
secret = Secret.load("py-s3-secret")
repo = RemoteStorage("s3://team/greeter", key=secret, secret=secret, endpoint_url={endpoint!r})
"""
SAVED_BLOCK = """
settings = {{"key": "id", "secret": {secret!r}, "endpoint_url": {endpoint!r}}}
block = RemoteFileSystem(basepath="s3://team/greeter", settings=settings)
block.save("py-greeter", overwrite=True)
repo = RemoteFileSystem.load("py-greeter")
"""
BLOCK_BY_NAME = f"""{SAVED_BLOCK}
repo = "block://remote-file-system/py-greeter"
"""


@pytest.fixture
def certificate(tmp_path: Path, engine: DockerClient) -> Certificate:
    """Give what the git server shows: Prefect's own git sends a token over TLS alone."""
    return loopback_certificate(tmp_path, f"IP:{container_host(engine)}")


@pytest.fixture
def private(tmp_path: Path, engine: DockerClient, certificate: Certificate) -> Iterator[GitServer]:
    """Serve a repository to whoever has the token, where containers reach it too."""
    root = greeter(tmp_path / "served" / "greeter.git", "Good morning")
    check_in(root, "one")
    host = container_host(engine)
    with git_server(root.parent, "git", TOKEN, host, certificate) as server:
        yield server


@pytest.fixture
def endpoint(storages: dict[str, Storage], tmp_path: Path) -> str:
    """Give where S3 is served, which has the project in a bucket."""
    storages["s3"].fill("team", greeter(tmp_path / "bucket", "Good morning"), "greeter")
    return storages["s3"].url


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder without a project."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


@pytest.fixture
def env(env: dict[str, str], tmp_path: Path, certificate: Certificate) -> dict[str, str]:
    """Give the environment of a user with a home of his own, who is signed in nowhere."""
    own = {key: value for key, value in env.items() if not key.startswith("AWS_")}
    homes = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    return {**own, **homes, "GIT_SSL_CAINFO": str(certificate.certificate)}


def deployed(folder: Path, env: dict[str, str], lines: str, code: int = 0) -> str:
    """What a user's script prints; it leaves nothing beside it."""
    script = folder / "deploy.py"
    script.write_text(IMPORTS + lines)
    told = python(script, cwd=folder, env=env, code=code)
    assert list(folder.iterdir()) == [script]
    return told


def pulled(image: str, name: str, **variables: Any) -> str:
    """The lines of a deployment whose runs pull the code."""
    return PULLED.format(image=image, name=name, variables=variables)


def assert_runs(server: PrefectServer, name: str) -> None:
    """A run of the deployment greets, and ends Completed."""
    run = server.api.run_deployment(f"greet/{name}", {"name": name})
    lines = server.api.logs(run.id, awaited=f"Good morning, {name}!")
    assert run.state == "Completed", run.message
    assert any(f"Good morning, {name}!" in line for line in lines)


def assert_unseen(
    secret: str, told: str, server: PrefectServer, engine: DockerClient, name: str, image: str
) -> None:
    """Neither the output nor the deployment nor the image tells the secret."""
    assert secret not in told
    assert secret not in str(server.api.deployment(f"greet/{name}"))
    assert secret not in str(engine.images.get(image).attrs)
    assert secret not in str(engine.images.get(image).history())


def git_repository(server: GitServer, token: str) -> str:
    """How a script names the repository."""
    url = server.url("greeter.git")
    return f"repo = GitRepository({url!r}, branch='trunk', credentials={token})\n"


def test_a_private_git_repository_is_baked_and_runs(
    private: GitServer,
    folder: Path,
    env: dict[str, str],
    prefect_server: PrefectServer,
    worker: Worker,
    engine: DockerClient,
    recorded_engine: RecordingProxy,
    tmp_path: Path,
    made: list[str],
) -> None:
    """By a token that the script alone has; unchanged, nothing is fetched or built again."""
    env |= {"DOCKER_HOST": os.environ["DOCKER_HOST"], "GIT_TOKEN": TOKEN}
    repo = git_repository(private, "{'access_token': os.environ['GIT_TOKEN']}")
    lines = repo + BAKED.format(image="greeter-py:baked", name="py-git-baked")
    told = deployed(folder, env, lines)
    made.append("greeter-py:baked")
    assert_runs(prefect_server, "py-git-baked")
    assert len(recorded_engine.asked("POST", r".*/build\?.*")) == 1
    private.asked.clear()
    told += deployed(folder, env, lines)

    assert len(recorded_engine.asked("POST", r".*/build\?.*")) == 1
    # Prefect reads the flow twice, and the image is planned once: each asks which commit it is.
    assert [line for line in private.asked if "POST" in line] == [
        "POST /greeter.git/git-upload-pack"
    ] * 3
    assert prefect_server.api.deployment("greet/py-git-baked")["pull_steps"] == [
        {"prefect.deployments.steps.set_working_directory": {"directory": "/opt/prefect/greeter"}}
    ]
    assert_unseen(TOKEN, told, prefect_server, engine, "py-git-baked", "greeter-py:baked")
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if TOKEN.encode() in path.read_bytes()]


def test_an_address_is_baked_from_anywhere_and_pushed(
    private: GitServer,
    folder: Path,
    env: dict[str, str],
    prefect_server: PrefectServer,
    worker: Worker,
    registry: Registry,
    made: list[str],
) -> None:
    """With a reference to its credentials, in both places."""
    image = f"{registry.address}/team/greeter-py"
    told = deployed(
        folder,
        {**env, "GIT_TOKEN": TOKEN},
        f"""
repo = {private.url("greeter.git")!r}
said = {{"source_credentials": "env:GIT_TOKEN"}}
image = FlowImage({image!r}, source=repo, **said)
baked = flow.from_source(source=Baked(repo, **said), entrypoint="flows/greet.py:greet")
baked.deploy("py-address", work_pool_name="docker-pool", image=image)
print("reference", image.reference)
""",
    )
    reference = told.partition("reference ")[2].split()[0]
    made += [reference, reference.partition("@")[0]]

    assert "@sha256:" in reference
    assert TOKEN not in told
    assert_runs(prefect_server, "py-address")


def test_a_private_git_repository_is_pulled_by_each_run(
    private: GitServer,
    certificate: Certificate,
    folder: Path,
    env: dict[str, str],
    prefect_server: PrefectServer,
    worker: Worker,
    engine: DockerClient,
    made: list[str],
) -> None:
    """By a token that Prefect has; Prefect's own pull step names its block."""
    made.append("greeter-py:pulled")
    saved = f"Secret(value={TOKEN!r}).save('py-git-token', overwrite=True)\n"
    token = "{'username': 'git', 'access_token': Secret.load('py-git-token')}"
    repo = git_repository(private, token)
    authority = f"{certificate.certificate}:/authority.pem"
    trusted = {"env": {"GIT_SSL_CAINFO": "/authority.pem"}, "volumes": [authority]}
    told = deployed(folder, env, saved + repo + pulled(made[0], "py-git-pulled", **trusted))
    found = engine.containers.run(
        made[0], ["sh", "-c", "python -c 'import emoji'; find /opt -name words.py"], remove=True
    )

    assert found.decode().strip() == ""
    assert_runs(prefect_server, "py-git-pulled")
    assert_unseen(TOKEN, told, prefect_server, engine, "py-git-pulled", made[0])


def test_a_token_that_no_run_has_is_refused_before_anything_is_done(
    private: GitServer, folder: Path, env: dict[str, str], prefect_server: PrefectServer
) -> None:
    """Where Prefect would build first, and then fail."""
    repo = git_repository(private, f"{{'access_token': {TOKEN!r}}}")
    told = deployed(folder, env, repo + pulled("greeter-py:no", "no"), code=1)

    assert "imagebuild.errors.UsageError: cannot use code='pulled' with this GitRepository" in told
    assert "hint: save it with Secret(value=…).save('NAME')" in told
    assert private.asked == []


@pytest.mark.parametrize(("name", "repo"), [("remote", REMOTE), ("block", BLOCK_BY_NAME)])
def test_a_bucket_is_baked_and_runs(
    name: str,
    repo: str,
    endpoint: str,
    folder: Path,
    env: dict[str, str],
    prefect_server: PrefectServer,
    worker: Worker,
    engine: DockerClient,
    made: list[str],
) -> None:
    """By what an object says, or by a block's name; by its address, the README's table is."""
    made.append(f"greeter-py:baked-{name}")
    named = repo.format(secret=S3_SECRET, endpoint=endpoint)
    deployment = f"py-{name}-baked"
    told = deployed(folder, env, named + BAKED.format(image=made[0], name=deployment))

    assert_runs(prefect_server, deployment)
    assert_unseen(S3_SECRET, told, prefect_server, engine, deployment, made[0])


@pytest.mark.parametrize(("name", "repo"), [("remote", SAVED_REMOTE), ("block", SAVED_BLOCK)])
def test_a_bucket_is_pulled_by_each_run(
    name: str,
    repo: str,
    endpoint: str,
    folder: Path,
    env: dict[str, str],
    prefect_server: PrefectServer,
    worker: Worker,
    engine: DockerClient,
    made: list[str],
) -> None:
    """With the library that this takes in the image, and its secret from a block."""
    made.append(f"greeter-py:pulled-{name}")
    deployment = f"py-{name}-pulled"
    named = repo.format(secret=S3_SECRET, endpoint=endpoint)
    told = deployed(folder, env, named + pulled(made[0], deployment))

    assert_runs(prefect_server, deployment)
    assert_unseen(S3_SECRET, told, prefect_server, engine, deployment, made[0])


def test_a_folder_is_pulled_where_it_is_mounted(
    folder: Path,
    env: dict[str, str],
    prefect_server: PrefectServer,
    worker: Worker,
    tmp_path: Path,
    made: list[str],
) -> None:
    """A script alone knows whether it is, so it is told how."""
    made.append("greeter-py:mounted")
    root = greeter(tmp_path / "greeter", "Good morning")
    mounted = {"volumes": [f"{root}:{root}"]}
    repo = f"repo = LocalStorage({str(root)!r})\n"
    told = deployed(folder, env, repo + pulled(made[0], "py-mounted", **mounted))

    assert f"runs pull their code from {root}, and containers have no such folder" in told
    assert f"job_variables={{'volumes': ['{root}:{root}']}}" in told
    assert_runs(prefect_server, "py-mounted")
