"""Addresses of folders in storages."""

from __future__ import annotations

import pytest

from imagebuild.errors import UsageError
from imagebuild.sources.blob_address import AZURE, GCS, S3, BlobAddress


@pytest.mark.parametrize(
    ("text", "service", "bucket", "prefix", "name", "url"),
    [
        ("s3://team", S3, "team", "", "team", "s3://team"),
        ("s3://team/", S3, "team", "", "team", "s3://team"),
        ("S3://team/a/flows/", S3, "team", "a/flows", "flows", "s3://team/a/flows"),
        ("gs://team/flows", GCS, "team", "flows", "flows", "gs://team/flows"),
        ("gcs://team/flows", GCS, "team", "flows", "flows", "gcs://team/flows"),
        ("az://team/flows", AZURE, "team", "flows", "flows", "az://team/flows"),
        ("abfs://team/a b", AZURE, "team", "a b", "a b", "abfs://team/a b"),
        ("memory://x/y", None, "x", "y", "y", "memory://x/y"),
    ],
)
def test_an_address_is_read(
    text: str, service: str | None, bucket: str, prefix: str, name: str, url: str
) -> None:
    """Bucket, prefix and name."""
    address = BlobAddress.parse(text)
    assert (address.service, address.bucket, address.prefix) == (service, bucket, prefix)
    assert (address.name, address.url, address.account) == (name, url, None)


def test_azure_tells_the_account_in_its_own_form() -> None:
    """The container stands before the account's host."""
    address = BlobAddress.parse("abfss://team@acme.dfs.core.windows.net/flows")
    assert address == BlobAddress("abfss", "team", "flows", "acme")
    assert address.url == "abfss://team/flows"


@pytest.mark.parametrize(
    "text",
    [
        "s3://",
        "s3:///flows",
        "s3://-team/flows",
        "s3://team/-flows",
        "s3://team/../other",
        "s3://team/a//b",
        "s3://team/./a",
        "s3://team/flows?versionId=1",
        "s3://team/flows#part",
        "s3://team/*",
        "s3://team/{{ $HOME }}",
        "zip://a::s3://team/a.zip",
        "s3://team/a\nb",
        "local://home/me",
        "team/flows",
    ],
)
def test_what_cannot_be_meant_is_refused(text: str) -> None:
    """Before anybody is asked."""
    with pytest.raises(UsageError):
        BlobAddress.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "s3://me:canary@team/flows",
        "s3://me:canary@te\x00am/flows",
        "ftp://me:can/canary@host/flows",
        "ftp://me:canary/more@host/flows",
    ],
)
def test_a_password_in_an_address_is_refused_and_not_told(text: str) -> None:
    """It would stand in the deployment."""
    with pytest.raises(UsageError) as error:
        BlobAddress.parse(text)
    assert "canary" not in str(error.value)
