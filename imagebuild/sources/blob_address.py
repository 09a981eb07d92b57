"""Reads the address of a folder in a storage: `s3://bucket/prefix` and what looks like it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from imagebuild.errors import UsageError

S3, GCS, AZURE = "s3", "gcs", "azure"
# Which service a protocol of fsspec's is of; others are of none that we know more about.
_SERVICES = {"s3": S3, "s3a": S3, "gs": GCS, "gcs": GCS, "az": AZURE, "abfs": AZURE, "abfss": AZURE}
_URL = re.compile(r"([a-z][a-z0-9+.-]*)://([^/]+)(?:/(.*))?", re.IGNORECASE | re.DOTALL)
# https://learn.microsoft.com/azure/storage/blobs/data-lake-storage-introduction-abfs-uri
_AZURE_HOST = re.compile(r"([a-z0-9-]+)@([a-z0-9]+)\.(?:dfs|blob)\.core\.windows\.net")
# Queries, wildcards, and what Prefect would fill in when the address stands in a pull step.
_NEVER = re.compile(r"[?#*\[\]{}]|::")
_HINT = "write PROTOCOL://BUCKET/FOLDER, as in s3://team/flows"


@dataclass(frozen=True)
class BlobAddress:
    """A folder in a bucket; `prefix` is empty for all of it, and never begins or ends with `/`.

    `account` is Azure's, where the address tells it.
    """

    protocol: str
    bucket: str
    prefix: str = ""
    account: str | None = None

    @classmethod
    def parse(cls, text: str) -> BlobAddress:
        """Read a URL; raises `UsageError`, which does not tell a password that is in it."""
        found = _URL.fullmatch(text)
        if found is None or not text.isprintable():
            raise _refused(repr(text.rpartition("@")[2]), "it is no address of a storage")
        protocol, bucket, prefix = found[1].lower(), found[2], (found[3] or "").rstrip("/")
        account = None
        if _SERVICES.get(protocol) == AZURE and (told := _AZURE_HOST.fullmatch(bucket)):
            bucket, account = told.groups()
        address = cls(protocol, bucket, prefix, account)
        if reason := _why_not(address):
            shown = f"{protocol}://{bucket.rpartition('@')[2].partition(':')[0]}"
            raise _refused(shown, reason)
        return address

    @property
    def service(self) -> str | None:
        """Whose storage it is: S3, GCS or AZURE; None for others."""
        return _SERVICES.get(self.protocol)

    @property
    def name(self) -> str:
        """What the folder is called: the last part of the prefix, or the bucket."""
        return self.prefix.rpartition("/")[2] or self.bucket

    @property
    def url(self) -> str:
        """The address as fsspec takes it, without the account."""
        return f"{self.protocol}://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")


def _why_not(address: BlobAddress) -> str | None:
    # A password may have a slash, behind which a URL no longer has users.
    if "@" in address.bucket or (":" in address.bucket and "@" in address.prefix):
        return "a user or a password stands in it; give a reference to credentials instead"
    if _NEVER.search(f"{address.bucket}/{address.prefix}"):
        return "queries and wildcards have no meaning there"
    parts = [address.bucket, *(address.prefix.split("/") if address.prefix else ())]
    if any(part in {"", ".", ".."} for part in parts):
        return "a part of it is empty, . or .."
    if re.search(r"\s", address.bucket):
        return "a bucket's name has no spaces"
    if address.bucket.startswith("-") or address.name.startswith("-"):
        return "a name in it begins with -"
    if address.protocol == "local":
        return "it is a folder of this machine, so give its path"
    return None


def _refused(told: str, reason: str) -> UsageError:
    return UsageError(f"cannot read code from {told}", causes=(reason,), hint=_HINT)
