"""Prefect's own storage objects and blocks as a source: where the code is, and who may know."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from prefect.blocks.core import Block
from prefect.blocks.system import Secret
from prefect.filesystems import LocalFileSystem, RemoteFileSystem
from prefect.runner.storage import (
    BlockStorageAdapter,
    GitRepository,
    LocalStorage,
    RemoteStorage,
)
from pydantic import BaseModel, SecretStr

from imagebuild import Baked, FlowImage
from imagebuild.errors import UsageError
from imagebuild.prefect.arguments import blocks_of
from imagebuild.prefect.storing import read
from imagebuild.request import BuildRequest, SourceRequest
from imagebuild.wiring import opened, wired

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.prefect.conftest import World

URL = "https://git.example/team/flows.git"
TOKEN = "a-secret-that-nobody-may-see"


class Client(BaseModel):
    """As prefect-aws has one."""

    endpoint_url: str | None = None


class AwsCredentials(Block):
    """As in prefect-aws, which nobody needs for this."""

    _block_type_slug = "aws-credentials"
    aws_access_key_id: str | None = None
    aws_secret_access_key: SecretStr | None = None
    aws_client_parameters: Client = Client()


class S3Bucket(Block):
    """As in prefect-aws."""

    _block_type_slug = "s3-bucket"
    bucket_name: str
    bucket_folder: str = ""
    credentials: AwsCredentials = AwsCredentials()

    def get_directory(self, from_path: str | None = None, local_path: str | None = None) -> None:
        """Make a runner's storage of it possible."""


class GitHubCredentials(Block):
    """As in prefect-github."""

    _block_type_slug = "github-credentials"
    token: SecretStr | None = None


def saved(block: Any, name: str = "mine") -> Any:
    """The block as it is after `save` or `load`."""
    block._block_document_name = name
    return block


def secret(name: str | None = None) -> Secret[str]:
    """A secret's block, saved or not."""
    block: Secret[str] = Secret(value=SecretStr(TOKEN))
    return saved(block, name) if name else block


BUCKET = {
    "bucket_name": "team",
    "bucket_folder": "flows",
    "credentials": {
        "aws_access_key_id": "id",
        "aws_secret_access_key": TOKEN,
        "aws_client_parameters": {"endpoint_url": "http://s3.example"},
    },
}


def bucket() -> S3Bucket:
    """A bucket with credentials of its own."""
    client = Client(endpoint_url="http://s3.example")
    credentials = AwsCredentials(
        aws_access_key_id="id",
        aws_secret_access_key=SecretStr(TOKEN),
        aws_client_parameters=client,
    )
    return S3Bucket(bucket_name="team", bucket_folder="flows", credentials=credentials)


def git(**said: Any) -> GitRepository:
    """A repository of Prefect's."""
    return GitRepository(URL, **said)


OF_THE_OBJECT = "block://secret/of-the-object"
REMOTE = ("remote-file-system", "of-the-object")


@pytest.mark.parametrize(
    ("make", "asked", "blocks"),
    [
        (git, SourceRequest(f"git+{URL}"), {}),
        (lambda: git(branch="a/b"), SourceRequest(f"git+{URL}@a/b"), {}),
        (
            lambda: GitRepository("git@git.example:team/flows.git", branch="b"),
            SourceRequest("git+git@git.example:team/flows.git@b"),
            {},
        ),
        (lambda: git(commit_sha="ab12" * 10), SourceRequest(f"git+{URL}@{'ab12' * 10}"), {}),
        (
            lambda: git(include_submodules=True, directories=["flows"]),
            SourceRequest(f"git+{URL}", submodules=True, directories=("flows",)),
            {},
        ),
        (
            lambda: git(credentials={"username": "me", "access_token": TOKEN}),
            SourceRequest(f"git+{URL}", OF_THE_OBJECT),
            {("secret", "of-the-object"): {"username": "me", "value": TOKEN}},
        ),
        (
            lambda: git(credentials={"access_token": SecretStr(TOKEN)}),
            SourceRequest(f"git+{URL}", OF_THE_OBJECT),
            {("secret", "of-the-object"): {"value": TOKEN}},
        ),
        (
            lambda: git(credentials={"access_token": secret("mine")}),
            SourceRequest(f"git+{URL}", "block://secret/mine"),
            {("secret", "mine"): {"value": TOKEN}},
        ),
        (
            lambda: git(credentials=saved(GitHubCredentials(token=SecretStr(TOKEN)))),
            SourceRequest(f"git+{URL}", "block://github-credentials/mine"),
            {("github-credentials", "mine"): {"token": TOKEN}},
        ),
        (lambda: RemoteStorage("s3://team/flows"), SourceRequest("s3://team/flows"), {}),
        (
            lambda: RemoteStorage("s3://team/flows", key="id", secret=secret("mine")),
            SourceRequest("block://remote-file-system/of-the-object"),
            {REMOTE: {"basepath": "s3://team/flows", "settings": {"key": "id", "secret": TOKEN}}},
        ),
        (bucket, SourceRequest("block://s3-bucket/of-the-object"), None),
        (lambda: saved(bucket()), SourceRequest("block://s3-bucket/mine"), None),
        (
            lambda: BlockStorageAdapter(saved(bucket())),
            SourceRequest("block://s3-bucket/mine"),
            None,
        ),
        (
            lambda: RemoteFileSystem(basepath="s3://team/flows", settings={"anon": True}),
            SourceRequest("block://remote-file-system/of-the-object"),
            {REMOTE: {"basepath": "s3://team/flows", "settings": {"anon": True}}},
        ),
    ],
)
def test_an_object_says_where_the_code_is(
    make: Callable[[], Any], asked: SourceRequest, blocks: dict[Any, Any] | None
) -> None:
    """Its secrets are in what is handed on, and in nothing that is shown."""
    found = read(make())

    assert found.asked == asked
    kinds = asked.address.removeprefix("block://").split("/")
    held = {key: dict(values) for key, values in found.blocks.items()}
    wanted = {tuple(kinds): BUCKET} if blocks is None else blocks
    assert {
        key: {name: value for name, value in values.items() if name in wanted[key]}
        for key, values in held.items()
    } == wanted
    assert TOKEN not in repr(found)


def test_a_folder_is_one(tmp_path: Path) -> None:
    """By its path, whichever object has it."""
    assert read(LocalStorage(str(tmp_path))).asked == SourceRequest(str(tmp_path))
    block = read(LocalFileSystem(basepath=str(tmp_path)))
    request = BuildRequest(tmp_path, tmp_path, source=block.asked)
    with opened(request, os.environ, block.blocks) as source, source.checkout() as checkout:
        assert checkout.root == tmp_path


UNKNOWN, CLEAR = "in this script alone", "the deployment would tell "


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (git, None),
        (lambda: git(credentials={"access_token": TOKEN}), UNKNOWN),
        (lambda: git(credentials={"token": secret("mine")}), UNKNOWN),
        (lambda: git(credentials={"access_token": secret()}), UNKNOWN),
        (lambda: git(credentials={"access_token": secret("mine")}), None),
        (lambda: git(credentials={"access_token": secret("mine"), "password": TOKEN}), UNKNOWN),
        (lambda: git(credentials=GitHubCredentials()), "the GitHubCredentials is not saved"),
        (lambda: git(credentials=saved(GitHubCredentials())), None),
        (lambda: RemoteStorage("s3://b", endpoint_url="http://s3", anon=True), None),
        (lambda: RemoteStorage("gs://b", token="anon"), None),
        (lambda: RemoteStorage("s3://b", key="id", secret=TOKEN), f"{CLEAR}key and secret"),
        (lambda: RemoteStorage("s3://b", key=secret("id"), secret=secret("key")), None),
        (lambda: RemoteStorage("s3://b", secret=secret()), "the Secret is not saved"),
        (lambda: RemoteStorage("gs://b", token={"private_key": TOKEN}), f"{CLEAR}private_key"),
        (lambda: RemoteStorage("az://b", connection_string=TOKEN), f"{CLEAR}connection_string"),
        (
            lambda: RemoteStorage("s3://b", client_kwargs={"endpoint_url": "http://a:b@s3"}),
            f"{CLEAR}endpoint_url",
        ),
        (bucket, "the S3Bucket is not saved"),
        (lambda: saved(bucket()), None),
    ],
)
def test_a_secret_that_prefect_would_write_down_or_cannot_is_never_pulled(
    world: World, make: Callable[[], Any], cause: str | None
) -> None:
    """It is told before anything is done; baked, nobody else has to know it."""
    source = make()
    FlowImage("team/app", source=source)
    if cause is None:
        FlowImage("team/app", source=source, code="pulled")
        return
    with pytest.raises(UsageError) as refused:
        FlowImage("team/app", source=source, code="pulled")

    assert cause in " ".join(refused.value.causes)
    assert refused.value.hint
    assert "save" in refused.value.hint
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"source": object()}, "cannot use a source of the type object"),
        ({"source": secret("mine")}, "a block of the type secret holds no code"),
        ({"source": git(), "context": "."}, "cannot use source with context"),
        ({"source": git(), "source_credentials": "env:X"}, "source_credentials with a GitRepos"),
        ({"source": git(branch="fix#12")}, "cannot use this GitRepository"),
        ({"source": GitRepository("https://h/a@b")}, "cannot use this GitRepository"),
        ({"source": GitRepository(f"https://me:{TOKEN}@h/a")}, "a user or a secret is in it"),
        ({"source": RemoteStorage("https://h/flows")}, "cannot use a RemoteStorage of https://"),
    ],
)
def test_what_cannot_be_meant_is_told_when_it_is_made(
    world: World, given: dict[str, Any], told: str
) -> None:
    """By its kind, and with what to give instead."""
    with pytest.raises(UsageError) as refused:
        FlowImage("team/app", **given)

    assert told in str(refused.value)
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize(
    ("make", "libraries"),
    [
        (git, ()),
        (lambda: RemoteStorage("s3://team/flows", anon=True), ("s3fs",)),
        (lambda: RemoteStorage("gs://team/flows"), ("gcsfs",)),
        (lambda: RemoteStorage("abfs://team/flows", account_name="a"), ("adlfs",)),
        (lambda: RemoteFileSystem(basepath="s3://team/flows"), ("s3fs",)),
        (lambda: saved(bucket()), ("prefect-aws>=0.5",)),
        (lambda: LocalStorage("."), ()),
    ],
)
def test_the_image_has_what_a_run_needs_to_pull(
    tmp_path: Path, make: Callable[[], Any], libraries: tuple[str, ...]
) -> None:
    """For the step that Prefect writes by itself."""
    storage = read(make())
    request = BuildRequest(tmp_path, tmp_path, source=storage.asked, pulled=True)
    with opened(request, os.environ, storage.blocks) as source:
        assert source.pulled().libraries == libraries


def test_an_image_hands_its_secrets_to_those_who_fetch_alone(world: World) -> None:
    """The request, which is shown and kept, has only their reference."""
    repository = git(credentials={"access_token": TOKEN})
    image = FlowImage("team/app", source=repository)
    image.build()

    assert world.blocks == [{("secret", "of-the-object"): {"value": TOKEN}}]
    assert TOKEN not in repr(world.requests)
    assert TOKEN not in repr(Baked(repository))
    assert blocks_of({"source": URL}) == {}


def test_what_an_object_holds_comes_before_what_prefect_has(tmp_path: Path) -> None:
    """And is in no part's repr."""
    (tmp_path / "code").mkdir()
    key = ("local-file-system", "mine")
    request = BuildRequest(tmp_path, tmp_path, source=SourceRequest("block://" + "/".join(key)))
    blocks = {key: {"basepath": str(tmp_path / "code"), "note": TOKEN}}
    with wired(request, os.environ, blocks=blocks) as parts, parts.source.checkout() as checkout:
        assert checkout.root == tmp_path / "code"
        assert TOKEN not in repr(parts)
