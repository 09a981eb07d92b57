"""What opens a source is used, and is nowhere afterwards, whatever the source and however it ends.

Neither the image and its history have it, nor the plan, what is printed, the arguments of a
process, the deployment, or the folder where checkouts are kept.
"""

from __future__ import annotations

import base64
import json
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engine.test_buildkit_secrets import holds, saved
from tests.engine.test_sources import TOKEN
from tests.support.checkout import check_in
from tests.support.command import imagebuild
from tests.support.git_http import git_server
from tests.support.projects import greeter
from tests.support.proxies import Fault
from tests.support.storages import ACCOUNT_KEY, AWS_SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer
    from tests.support.storages import Storage

FLOW = "flows/greet.py:greet"


@dataclass(frozen=True)
class Secret:
    """A source that a secret opens: its options, a place in it that is not there, and the texts.

    `env` is what the command's environment has besides; `forms` are all that nobody may see.
    `pulls` is how a deploy ends that leaves the code to each run.
    """

    source: list[str]
    wrong: list[str]
    env: dict[str, str]
    forms: list[str]
    pulls: int = 0


@pytest.fixture
def git_secret(tmp_path: Path) -> Iterator[Secret]:
    """Give a repository behind a token in a variable."""
    root = greeter(tmp_path / "served" / "greeter.git", "Good morning")
    check_in(root, "one")
    encoded = base64.b64encode(f"git:{TOKEN}".encode()).decode()
    with git_server(root.parent, "git", TOKEN) as server:
        login = ["--source-credentials", "env:GIT_TOKEN"]
        urls = [server.url(name) for name in ("greeter.git", "nobodys.git")]
        source, wrong = ([*("--source", url), *login] for url in urls)
        # A run would send the token over http, so this is refused.
        yield Secret(source, wrong, {"GIT_TOKEN": TOKEN}, [TOKEN, encoded], pulls=2)


def of_storage(storage: Storage, tmp_path: Path, login: list[str]) -> list[list[str]]:
    """The options for a filled folder, and for one that is not there."""
    bucket = f"secret-{login[-1].rpartition('/')[2].rpartition(':')[2].lower()}"
    storage.fill(bucket, greeter(tmp_path / "project", "Good morning"), "team/greeter")
    folders = ("team/greeter", "team/nothing")
    return [["--source", storage.address(bucket, folder), *login] for folder in folders]


@pytest.fixture(params=["git", "s3 block", "gcs block", "azure block", "azure variable"])
def secret(
    request: pytest.FixtureRequest,
    storages: dict[str, Storage],
    prefect_server: PrefectServer,
    tmp_path: Path,
) -> Secret:
    """Give each kind of source with each kind of reference that it takes."""
    name, _, way = request.param.partition(" ")
    if name == "git":
        given: Secret = request.getfixturevalue("git_secret")
        return given
    storage = storages[name]
    account = storage.values.get("service_account_info", {})
    key = account.get("private_key", "").replace("\n", "")
    forms = {"s3": [AWS_SECRET], "gcs": [key[100:140]], "azure": [ACCOUNT_KEY]}[name]
    if way == "variable":
        source, wrong = of_storage(storage, tmp_path, ["--source-credentials", "env:AZURE"])
        return Secret(source, wrong, storage.env, forms)
    prefect_server.api.create_block(storage.block, f"canary-{name}", storage.values)
    reference = f"block://{storage.block}/canary-{name}"
    source, wrong = of_storage(storage, tmp_path, ["--source-credentials", reference])
    return Secret(source, wrong, storage.extra, forms)


@contextmanager
def watched() -> Iterator[set[str]]:
    """Collect the arguments of all processes of this machine until the block ends."""
    seen: set[str] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    seen.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def test_what_opens_a_source_is_nowhere_afterwards(
    secret: Secret,
    storages: dict[str, Storage],
    elsewhere: tuple[Path, dict[str, str]],
    tmp_path: Path,
    prefect_server: PrefectServer,
    process_pool: str,
    engine: DockerClient,
    made: list[str],
) -> None:
    """In all that a user may do, well or not."""
    folder, env = elsewhere
    env = {**env, **secret.env}
    image = "imagebuild-tests/source-secrets:v1"
    made.append(image)
    deploy = ("deploy", FLOW, "--name", "canary", "--image", image, "--no-push", "--yes")
    pulled = (*("deploy", FLOW, "--name", "canary-pulled", "--yes"), "--code", "pulled")
    with watched() as arguments:
        fine = [
            imagebuild("plan", *secret.source, "--json", cwd=folder, env=env),
            imagebuild(
                *(*deploy, *secret.source, "--pool", "docker-pool", "-v", "--json"),
                cwd=folder,
                env=env,
            ),
            imagebuild(*pulled, *secret.source, "--pool", process_pool, "-v", cwd=folder, env=env),
        ]
        wrong = [imagebuild("render", *secret.wrong, "-v", cwd=folder, env=env)]
        for storage in storages.values():
            storage.proxy.faults.append(Fault(".*", ".*", 999))
        wrong.append(imagebuild("plan", *secret.wrong, "--debug", cwd=folder, env=env))
        for storage in storages.values():
            storage.proxy.faults.clear()
    found = engine.images.get(image)
    kept = [path for path in tmp_path.joinpath("cache").rglob("*") if path.is_file()]
    told = json.dumps(
        [
            [[ran.answer, ran.told] for ran in (*fine, *wrong)],
            [found.attrs, found.history()],
            prefect_server.api.deployments(),
            sorted(arguments),
        ]
    )

    assert [ran.code for ran in fine] == [0, 0, secret.pulls], [ran.told for ran in fine]
    assert 0 not in [ran.code for ran in wrong]
    assert any("source-secrets" in line for line in arguments)
    assert kept
    files = [path for path in (*saved(engine, image, tmp_path), *kept) if path.stat().st_size]
    for form in secret.forms:
        assert form
        assert form not in told
        assert not holds(files, form)
