"""Blocks of Prefect's that say where code is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.errors import Denied, UsageError
from imagebuild.request import SourceRequest
from imagebuild.sources.kept import Kept
from imagebuild.sources.storage import BlockSource, open_storage

if TYPE_CHECKING:
    from pathlib import Path


def source(here: Path, address: str, block: dict[str, Any] | None, **asked: Any) -> BlockSource:
    """A source of a block that Prefect has, or not."""
    return open_storage(
        SourceRequest(address, **asked), here, Kept(None), {}, lambda _kind, _name: block
    )


@pytest.mark.parametrize(
    ("kind", "block", "address", "credentials"),
    [
        ("s3-bucket", {"bucket_name": "b", "bucket_folder": "/f/"}, "s3://b/f", None),
        ("gcs-bucket", {"bucket": "b", "bucket_folder": ""}, "gs://b", None),
        (
            "azure-blob-storage-container",
            {"container_name": "c", "credentials": {"connection_string": "x"}},
            "az://c",
            "block://azure-blob-storage-credentials/of-the-block",
        ),
        (
            "github-repository",
            {
                "repository_url": "https://github.com/team/flows",
                "reference": "v1",
                "credentials": {"token": "t"},
            },
            "git+https://github.com/team/flows@v1",
            "block://github-credentials/of-the-block",
        ),
    ],
)
def test_a_block_says_where_the_code_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    block: dict[str, Any],
    address: str,
    credentials: str | None,
) -> None:
    """With its own credentials, where it has some."""
    asked = list[SourceRequest]()
    monkeypatch.setattr(
        "imagebuild.sources.storage.load", lambda _: lambda one, *_rest: asked.append(one)
    )
    source(tmp_path, f"block://{kind}/mine", block)._meant()

    assert [(one.address, one.credentials) for one in asked] == [(address, credentials)]


def test_a_folder_is_read_where_it_lies(tmp_path: Path) -> None:
    """Of this machine."""
    (tmp_path / "code").mkdir()
    block = {"basepath": str(tmp_path / "code")}
    with source(tmp_path, "block://local-file-system/mine", block).checkout() as checkout:
        assert checkout.root == tmp_path / "code"


def test_a_run_asks_the_block_itself(tmp_path: Path) -> None:
    """So no secret is written down."""
    pulled = source(tmp_path, "block://s3-bucket/mine", None).pulled()

    assert list(pulled.steps) == [
        {
            "prefect.deployments.steps.pull_with_block": {
                "id": "pull_code",
                "block_type_slug": "s3-bucket",
                "block_document_name": "mine",
            }
        }
    ]
    assert pulled.libraries == ("prefect-aws>=0.5",)


def test_a_block_that_is_not_there_is_denied(tmp_path: Path) -> None:
    """By its name."""
    asked = source(tmp_path, "block://s3-bucket/mine", None)
    with pytest.raises(Denied, match="no block s3-bucket/mine"), asked.checkout():
        pass


@pytest.mark.parametrize(
    ("address", "asked", "told"),
    [
        ("block://secret/mine", {}, "holds no code"),
        ("block://s3-bucket/mine", {"credentials": "env:X"}, "cannot use credentials"),
        ("block://s3-bucket", {}, "names no block"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, address: str, asked: dict[str, Any], told: str
) -> None:
    """Before Prefect is asked."""
    with pytest.raises(UsageError) as caught:
        source(tmp_path, address, None, **asked)

    assert told in " ".join((caught.value.message, *caught.value.causes))


def test_a_block_that_says_no_place_is_refused(tmp_path: Path) -> None:
    """With what to set."""
    asked = source(tmp_path, "block://gcs-bucket/mine", {"bucket": ""})
    with pytest.raises(UsageError, match="does not say where the code is"), asked.checkout():
        pass
