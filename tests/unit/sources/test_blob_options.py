"""What fsspec is told of credentials."""

from __future__ import annotations

from typing import Any

import pytest

from imagebuild.errors import UsageError
from imagebuild.sources.blob_address import BlobAddress
from imagebuild.sources.blob_options import check_reference, options, secrets_in
from imagebuild.sources.references import Reference

AWS = {
    "aws_access_key_id": "AKIA",
    "aws_secret_access_key": "shh",
    "aws_session_token": None,
    "region_name": "eu-west-1",
    "aws_client_parameters": {"endpoint_url": "http://minio:9000", "use_ssl": True},
}
ACCOUNT = {"type": "service_account", "private_key": "shh"}


@pytest.mark.parametrize(
    ("address", "values", "told"),
    [
        (
            "s3://team",
            AWS,
            {
                "key": "AKIA",
                "secret": "shh",
                "endpoint_url": "http://minio:9000",
                "client_kwargs": {"region_name": "eu-west-1"},
            },
        ),
        ("s3://team", {"aws_session_token": "t"}, {"token": "t"}),
        ("s3://team", {}, {}),
        (
            "s3://team",
            {"aws_client_parameters": {"use_ssl": False, "verify": False}},
            {"client_kwargs": {"use_ssl": False, "verify": False}},
        ),
        (
            "s3://team",
            {"aws_client_parameters": {"config": {"s3": {"addressing_style": "path"}}}},
            {"config_kwargs": {"s3": {"addressing_style": "path"}}},
        ),
        (
            "gs://team",
            {"service_account_info": ACCOUNT, "project": "p"},
            {"token": ACCOUNT} | {"project": "p"},
        ),
        ("gs://team", {"service_account_file": "/key.json"}, {"token": "/key.json"}),
        ("gs://team", {"value": '{"type": "x"}'}, {"token": {"type": "x"}}),
        ("gs://team", {"value": {"type": "x"}}, {"token": {"type": "x"}}),
        ("gs://team", {}, {}),
        ("az://team", {"connection_string": "c"}, {"connection_string": "c"}),
        ("az://team", {"value": "c"}, {"connection_string": "c"}),
        (
            "az://team",
            {"account_url": "https://acme.blob.core.windows.net/", "client_id": "i"},
            {
                "account_name": "acme",
                "account_host": "acme.blob.core.windows.net",
                "client_id": "i",
            },
        ),
        ("abfss://team@acme.dfs.core.windows.net/f", {}, {"account_name": "acme"}),
        ("memory://team", {}, {}),
    ],
)
def test_values_become_options(address: str, values: dict[str, Any], told: dict[str, Any]) -> None:
    """By the names that each library has for them."""
    assert options(BlobAddress.parse(address), None, values) == told


def test_what_is_no_json_is_refused_and_not_told() -> None:
    """It may be a key all the same."""
    address, reference = BlobAddress.parse("gs://team"), Reference("env", "KEY")
    with pytest.raises(UsageError) as error:
        options(address, reference, {"value": "canary"})
    assert "env:KEY" in str(error.value)
    assert "canary" not in str(error.value)


@pytest.mark.parametrize(
    ("address", "reference", "fine"),
    [
        ("s3://team", "block://aws-credentials/dev", True),
        ("s3://team", "block://gcp-credentials/dev", False),
        ("s3://team", "env:KEY", False),
        ("s3://team", "block://secret/key", False),
        ("gs://team", "block://gcp-credentials/dev", True),
        ("gs://team", "env:KEY", True),
        ("gs://team", "block://secret/key", True),
        ("az://team", "block://azure-blob-storage-credentials/dev", True),
        ("az://team", "env:KEY", True),
        ("az://team", "block://aws-credentials/dev", False),
        ("memory://team", "env:KEY", False),
    ],
)
def test_credentials_fit_the_service(address: str, reference: str, fine: bool) -> None:
    """What fits none is refused before anybody is asked."""
    if fine:
        check_reference(BlobAddress.parse(address), Reference.parse(reference))
    else:
        with pytest.raises(UsageError, match=r"(?s)another kind.*hint"):
            check_reference(BlobAddress.parse(address), Reference.parse(reference))


def test_secrets_are_known_wherever_they_stand() -> None:
    """And what is public may be told."""
    told = options(BlobAddress.parse("s3://team"), None, AWS | {"aws_secret_access_key": "canary"})
    assert set(secrets_in(told)) == {"AKIA", "canary"}
    string = "AccountName=acme;AccountKey=canary==;EndpointSuffix=x"
    assert set(secrets_in({"connection_string": string})) == {string, "canary=="}
