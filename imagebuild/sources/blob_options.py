"""What fsspec has to be told of credentials, service by service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from imagebuild.errors import UsageError
from imagebuild.sources.blob_address import AZURE, GCS, S3

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagebuild.sources.blob_address import BlobAddress
    from imagebuild.sources.references import Reference

AWS_BLOCK, GCP_BLOCK = "aws-credentials", "gcp-credentials"
AZURE_BLOCK = "azure-blob-storage-credentials"
# fsspec's own options, as Prefect's RemoteStorage and RemoteFileSystem have them.
SETTINGS = "storage-settings"
BLOCKS = {S3: AWS_BLOCK, GCS: GCP_BLOCK, AZURE: AZURE_BLOCK}
# What a message may tell.
_PUBLIC = frozenset(
    {
        *("endpoint_url", "region_name", "profile", "verify", "use_ssl"),
        *("project", "project_id", "type", "universe_domain", "client_email"),
        *("auth_uri", "token_uri", "auth_provider_x509_cert_url", "client_x509_cert_url"),
        *("account_name", "account_host", "client_id", "tenant_id"),
    }
)
_SIGNED_IN = {
    S3: "leave it out where AWS's own variables or profile are set, which are read by themselves, "
    "or give block://aws-credentials/NAME",
    GCS: "give block://gcp-credentials/NAME, or a variable or a secret with the JSON of a service "
    "account",
    AZURE: "give block://azure-blob-storage-credentials/NAME, or a variable or a secret with a "
    "connection string",
}


def check_reference(address: BlobAddress, reference: Reference) -> None:
    """Raise `UsageError` for credentials that open no such address."""
    one_value = reference.is_variable or reference.kind == "secret"
    service = address.service
    if reference.kind == SETTINGS:
        return
    if service is None:
        hint = "leave them out, and sign in as the protocol's own library wants it"
    elif BLOCKS[service] == reference.kind or (one_value and service != S3):
        return
    else:
        hint = _SIGNED_IN[service]
    message = f"cannot open {address.url} with {reference}"
    raise UsageError(message, causes=("these credentials are of another kind",), hint=hint)


def options(
    address: BlobAddress, reference: Reference | None, values: Mapping[str, Any]
) -> dict[str, Any]:
    """The options of fsspec's file system: none that says nothing.

    Raises `UsageError` for values that are none of this kind, and does not tell them.
    """
    if reference is not None and reference.kind == SETTINGS:
        found = ({"account_name": address.account} if address.account else {}) | dict(values)
    elif address.service == S3:
        found = _of_s3(values)
    elif address.service == GCS:
        found = _of_gcs(values, reference)
    elif address.service == AZURE:
        found = {"account_name": address.account} | _of_azure(values)
    else:
        found = {}
    return {key: value for key, value in found.items() if value not in (None, "", {})}


def secrets_in(value: Any) -> Iterator[str]:
    """Every text in options that nobody may read in a message."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in _PUBLIC:
                yield from secrets_in(inner)
    elif isinstance(value, str) and len(value) > 3:
        yield value
        # Each part of a connection string is one too: `AccountKey=…;`
        yield from (part.partition("=")[2] for part in value.split(";") if "Key=" in part)


def _of_s3(values: Mapping[str, Any]) -> dict[str, Any]:
    """https://s3fs.readthedocs.io/en/latest/api.html#s3fs.core.S3FileSystem."""
    client = values.get("aws_client_parameters") or {}
    told = {
        "region_name": values.get("region_name"),
        "use_ssl": None if client.get("use_ssl", True) else False,
        "verify": client.get("verify_cert_path") or client.get("verify"),
    }
    return {
        "key": values.get("aws_access_key_id"),
        "secret": values.get("aws_secret_access_key"),
        "token": values.get("aws_session_token"),
        "profile": values.get("profile_name"),
        "endpoint_url": client.get("endpoint_url"),
        "config_kwargs": dict(client.get("config") or {}),
        "client_kwargs": {key: value for key, value in told.items() if value is not None},
    }


def _of_gcs(values: Mapping[str, Any], reference: Reference | None) -> dict[str, Any]:
    """https://gcsfs.readthedocs.io/en/latest/#credentials."""
    token = values.get("value") or values.get("service_account_info")
    token = token or values.get("service_account_file")
    if isinstance(token, str) and token != values.get("service_account_file"):
        try:
            token = json.loads(token)
        except ValueError:
            token = None
        if not isinstance(token, dict):
            message = f"cannot use the credentials {reference}"
            raise UsageError(
                message,
                causes=("they are not the JSON of a service account",),
                hint="put the content of its key file there",
            )
    return {"token": token, "project": values.get("project")}


def _of_azure(values: Mapping[str, Any]) -> dict[str, Any]:
    """https://fsspec.github.io/adlfs/#setting-credentials."""
    string = values.get("value") or values.get("connection_string")
    if string:
        return {"connection_string": string}
    host = urlsplit(values.get("account_url") or "").hostname
    found = {key: values.get(key) for key in ("client_id", "client_secret", "tenant_id")}
    return found | ({"account_name": host.partition(".")[0], "account_host": host} if host else {})
