"""Code in S3, Google's and Azure's storage, baked and pulled, each to a run that is Completed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.command import imagebuild
from tests.support.ftp import ftp_server
from tests.support.prefect_stack import own_pool, running_worker
from tests.support.projects import greeter

if TYPE_CHECKING:
    from pathlib import Path

    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer, Worker
    from tests.support.proxies import RecordingProxy
    from tests.support.storages import Storage

User = tuple["Path", dict[str, str]]

SERVICES = ("s3", "gcs", "azure")
FLOW = "flows/greet.py:greet"
# By the service: the block for a bucket, and the fields for the bucket, the folder, and who asks.
BUCKETS = {
    "s3": ("s3-bucket", "bucket_name", "bucket_folder", "credentials"),
    "gcs": ("gcs-bucket", "bucket", "bucket_folder", "gcp_credentials"),
    "azure": ("azure-blob-storage-container", "container_name", "base_folder", "credentials"),
}


def env_option(variables: dict[str, str]) -> list[str]:
    """The option by which a run gets these variables."""
    return ["--job-variable", f"env={json.dumps(variables)}"] if variables else []


@pytest.mark.parametrize("name", SERVICES)
def test_a_bucket_is_baked_and_runs(
    name: str,
    storages: dict[str, Storage],
    elsewhere: User,
    tmp_path: Path,
    prefect_server: PrefectServer,
    worker: Worker,
    recorded_prefect: tuple[RecordingProxy, str],
    recorded_registry: tuple[RecordingProxy, str],
    made: list[str],
) -> None:
    """Unchanged, it is listed, and nothing is downloaded, built, pushed or written again."""
    storage, (prefect, url), (registry, address) = (
        storages[name],
        recorded_prefect,
        recorded_registry,
    )
    storage.fill("baked", greeter(tmp_path / "project", "Good morning"), "team/greeter")
    folder, env = elsewhere
    env = {**env, **storage.env, "PREFECT_API_URL": url}
    command = [
        *("deploy", FLOW, *storage.source("baked", "team/greeter")),
        *("--name", f"baked-{name}", "--pool", "docker-pool"),
        *("--image", f"{address}/team/blob-greeter:{name}"),
    ]
    storage.proxy.clear()
    first = imagebuild(*command, cwd=folder, env=env)
    made.append(first.reference)
    read = storage.read()
    for proxy in (storage.proxy, prefect, registry):
        proxy.clear()
    again = imagebuild(*command, cwd=folder, env=env)
    written = [*prefect.asked("PATCH|PUT|DELETE"), *prefect.asked("POST", "/api/deployments/?")]
    pushed = registry.asked("POST|PUT|PATCH")
    listed = len(storage.proxy.requests)
    run = prefect_server.api.run_deployment(f"greet/baked-{name}", {"name": name})
    lines = prefect_server.api.logs(run.id, awaited=f"Good morning, {name}!")

    assert len(read) == 3
    assert again.reference == first.reference
    assert (storage.read(), written, pushed) == ([], [], [])
    assert 0 < listed <= 3
    assert "built, pushed" not in again.told
    assert run.state == "Completed"
    assert any(f"Good morning, {name}!" in line for line in lines)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", SERVICES)
def test_each_run_pulls_with_a_block_of_credentials(
    name: str,
    storages: dict[str, Storage],
    elsewhere: User,
    tmp_path: Path,
    prefect_server: PrefectServer,
    worker: Worker,
    engine: DockerClient,
    made: list[str],
) -> None:
    """By the service's own step; or with a bucket's block, by Prefect's. The same image serves."""
    storage, api = storages[name], prefect_server.api
    storage.fill("pulled", greeter(tmp_path / "project", "Good morning"), "team/greeter")
    folder, env = elsewhere
    env = {**env, **storage.extra}
    login = api.create_block(storage.block, "store", storage.values)
    kind, bucket, prefix, who = BUCKETS[name]
    reference = {"$ref": {"block_document_id": login}}
    fields = {bucket: "pulled", prefix: "team/greeter", who: reference}
    api.create_block(kind, "store", fields)
    credentials = ("--source-credentials", f"block://{storage.block}/store")
    sources: dict[str, tuple[str, ...]] = {
        "step": ("--source", storage.address("pulled", "team/greeter"), *credentials),
        "bucket": ("--source", f"block://{kind}/store"),
    }
    made.append(f"greeter:pulled-{name}")
    for way, source in sources.items():
        imagebuild(
            *("deploy", FLOW, *source, "--code", "pulled", "--no-push", "--image", made[0]),
            *("--name", f"{way}-{name}", "--pool", "docker-pool", *env_option(storage.extra)),
            cwd=folder,
            env=env,
        )
    ids = [
        api.start_run(api.deployment(f"greet/{way}-{name}")["id"], {"name": way}) for way in sources
    ]
    runs = [api.wait_for_run(run_id) for run_id in ids]
    found = engine.containers.run(made[0], ["find", "/opt", "-name", "words.py"], remove=True)

    for way, run in zip(sources, runs, strict=True):
        lines = api.logs(run.id, awaited=f"Good morning, {way}!")
        assert run.state == "Completed", (run, lines)
        assert any(f"Good morning, {way}!" in line for line in lines)
        [step] = api.deployment(f"greet/{way}-{name}")["pull_steps"]
        assert next(iter(step)).endswith({"step": f"pull_from_{_named(name)}"}.get(way, "_block"))
    assert found.decode().strip() == ""


def _named(name: str) -> str:
    return {"azure": "azure_blob_storage"}.get(name, name)


@pytest.mark.parametrize("name", SERVICES)
def test_the_block_of_a_bucket_is_baked(
    name: str,
    storages: dict[str, Storage],
    elsewhere: User,
    tmp_path: Path,
    prefect_server: PrefectServer,
    engine: DockerClient,
    made: list[str],
) -> None:
    """From where it says, with the credentials that it holds."""
    storage, api = storages[name], prefect_server.api
    storage.fill("blocks", greeter(tmp_path / "project", f"From {name}"), "team/greeter")
    folder, env = elsewhere
    login = api.create_block(storage.block, "baked", storage.values)
    kind, bucket, prefix, who = BUCKETS[name]
    reference = {"$ref": {"block_document_id": login}}
    api.create_block(kind, "baked", {bucket: "blocks", prefix: "team/greeter", who: reference})
    made.append(f"greeter:block-{name}")
    built = imagebuild(
        *("build", FLOW, "--source", f"block://{kind}/baked", "--image", made[0]),
        cwd=folder,
        env={**env, **storage.extra},
    )
    words = engine.containers.run(made[0], ["cat", "flows/words.py"], remove=True)

    assert built.code == 0, built.told
    assert words.decode() == f"GREETING = 'From {name}'\n"


def test_a_process_pulls_as_its_worker_is_signed_in(
    storages: dict[str, Storage],
    elsewhere: User,
    tmp_path: Path,
    prefect_server: PrefectServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a block, by Prefect's step for whatever fsspec opens."""
    api = prefect_server.api
    folder, env = elsewhere
    project = greeter(tmp_path / "project", "Good morning")
    sources: dict[str, list[str]] = {}
    for name, storage in storages.items():
        storage.fill("process", project, "team/greeter")
        sources[name] = storage.source("process", "team/greeter")
        for key, value in storage.env.items():
            monkeypatch.setenv(key, value)
            env = {**env, key: value}
    with own_pool(prefect_server, "processes-blob", "process") as pool:
        for name, source in sources.items():
            ran = imagebuild(
                *("deploy", FLOW, *source, "--code", "pulled"),
                *("--name", f"process-{name}", "--pool", pool),
                cwd=folder,
                env=env,
            )
            assert ran.code == 0, ran.told
        found = {name: api.deployment(f"greet/process-{name}") for name in sources}
        with running_worker(prefect_server, pool, "process") as worker:
            worker.wait_online()
            ids = {name: api.start_run(found[name]["id"], {"name": name}) for name in sources}
            runs = {name: api.wait_for_run(run_id) for name, run_id in ids.items()}
            told = {name: api.logs(ids[name], awaited=f"Good morning, {name}!") for name in ids}

    for name, run in runs.items():
        assert run.state == "Completed", told[name]
        assert any(f"Good morning, {name}!" in line for line in told[name]), told[name]
        [step] = found[name]["pull_steps"]
        assert list(step) == ["prefect.deployments.steps.pull_from_remote_storage"]


def test_what_else_fsspec_opens_is_baked(
    elsewhere: User, tmp_path: Path, engine: DockerClient, made: list[str]
) -> None:
    """From an FTP server, whose one connection is for one object at a time; no run pulls that."""
    folder, env = elsewhere
    project = greeter(tmp_path / "served" / "greeter", "Good morning")
    made.append("greeter:ftp")
    with ftp_server("127.0.0.1", project.parent, tmp_path / "ftp.log") as ftp:
        command = ("--source", f"{ftp}/greeter", "--image", made[0])
        built = imagebuild("build", FLOW, *command, cwd=folder, env=env)
        pulled = imagebuild(
            *("deploy", FLOW, *command, "--code", "pulled", "--pool", "docker-pool"),
            cwd=folder,
            env=env,
        )
    words = engine.containers.run(made[0], ["cat", "flows/words.py"], remove=True)

    assert built.code == 0, built.told
    assert words.decode() == "GREETING = 'Good morning'\n"
    assert (pulled.code, "a run cannot fetch ftp://" in pulled.told) == (2, True), pulled.told
