"""How a run fetches a folder of a storage by itself.

Each of these steps ends with `directory`, and a run goes there before it reads the flow; those of
a service's own write into the folder that the run stands in.
https://docs.prefect.io/v3/how-to-guides/deployments/store-flow-code
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagebuild.errors import UsageError
from imagebuild.record import PULL_ID, Pulled
from imagebuild.sources.blob_address import AZURE, GCS, S3
from imagebuild.sources.blob_options import AWS_BLOCK, AZURE_BLOCK, BLOCKS, GCP_BLOCK

if TYPE_CHECKING:
    from imagebuild.sources.blob_address import BlobAddress
    from imagebuild.sources.references import Reference

_REMOTE = "prefect.deployments.steps.pull_from_remote_storage"
_LIBRARIES = {S3: ("s3fs",), GCS: ("gcsfs",), AZURE: ("adlfs",)}
# By the type of the credentials' block: the step, what it needs, what it calls a bucket.
_STEPS = {
    AWS_BLOCK: ("prefect_aws.deployments.steps.pull_from_s3", "prefect-aws>=0.5", "bucket"),
    GCP_BLOCK: ("prefect_gcp.deployments.steps.pull_from_gcs", "prefect-gcp>=0.6", "bucket"),
    AZURE_BLOCK: (
        "prefect_azure.deployments.steps.pull_from_azure_blob_storage",
        "prefect-azure[blob_storage]>=0.4",
        "container",
    ),
}


def library_of(block: str) -> str:
    """What a run needs to read a credentials' block of this type, and what it opens."""
    return _STEPS[block][1]


def pulled(address: BlobAddress, reference: Reference | None) -> Pulled:
    """The step; raises `UsageError` where no run could reach the place."""
    if address.protocol == "memory":
        message = f"a run cannot fetch {address.url}: it is in the memory of this process"
        raise UsageError(message, hint="bake the code into the image")
    if reference is not None and reference.kind in _STEPS:
        name, requires, bucket = _STEPS[reference.kind]
        # With no `/` at its end, those of Google and Azure list `flows-old` for `flows`, and fail.
        folder = f"{address.prefix}/" if address.prefix else ""
        inputs = {
            "id": PULL_ID,
            "requires": requires,
            bucket: address.bucket,
            "folder": folder,
            "credentials": reference.placeholder,
        }
        return Pulled(({name: inputs},), (requires,))
    if _names_host(address):
        message = f"a run cannot fetch {address.url}"
        cause = "Prefect's step takes what stands before the first / for a bucket, and it is a host"
        raise UsageError(message, causes=(cause,), hint="bake the code into the image")
    inputs = {"id": PULL_ID, "url": address.url, **_settings(address, reference)}
    return Pulled(({_REMOTE: inputs},), _LIBRARIES.get(address.service or "", ()))


def _names_host(address: BlobAddress) -> bool:
    """Whether its file system is opened by more than its path: FTP's by a host, for one."""
    if address.service is not None:
        return False
    from fsspec.registry import get_filesystem_class

    try:
        return bool(get_filesystem_class(address.protocol)._get_kwargs_from_urls(address.url))
    except (ImportError, ValueError):  # the checkout tells what is wrong with it
        return False


def _settings(address: BlobAddress, reference: Reference | None) -> dict[str, Any]:
    account = {"account_name": address.account} if address.account else {}
    if reference is None:
        return account
    if address.service == AZURE:
        return {**account, "connection_string": reference.placeholder}
    if address.service == GCS and reference.is_variable:
        # A variable is text in a run, which gcsfs takes for a token.
        message = f"a run cannot open {address.url} with {reference}"
        hint = f"make a block of it, and give block://{BLOCKS[GCS]}/NAME"
        raise UsageError(message, causes=("gcsfs reads no JSON from a text",), hint=hint)
    return {"token": reference.placeholder}
