"""Flow code where a block of Prefect's says: a bucket, a repository or a folder.

https://docs.prefect.io/v3/concepts/blocks
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagebuild.errors import UsageError
from imagebuild.places import load
from imagebuild.record import PULL_ID, Pulled
from imagebuild.sources import SOURCES
from imagebuild.sources.blob_options import AWS_BLOCK, AZURE_BLOCK, GCP_BLOCK, SETTINGS
from imagebuild.sources.blob_pull import library_of
from imagebuild.sources.kinds import kind_of
from imagebuild.sources.references import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imagebuild.protocols import Checkout, Source
    from imagebuild.request import SourceRequest
    from imagebuild.sources.kept import Kept
    from imagebuild.sources.references import ReadBlock

PULL_WITH_BLOCK = "prefect.deployments.steps.pull_with_block"


@dataclass(frozen=True)
class _Kind:
    """A type of block: what its address begins with, and the fields that the address is made of.

    `within` is the folder or the revision; `credentials` names the field with a block of the type
    `login`; `library` is what a run needs to read the block, where that is not told by the address.
    """

    scheme: str
    place: str
    within: str = ""
    join: str = "/"
    credentials: str = ""
    login: str = ""
    library: str = ""


def _repository(host: str, place: str = "repository", credentials: str = "credentials") -> _Kind:
    return _Kind(
        "git+",
        place,
        within="reference",
        join="@",
        credentials=credentials,
        login=f"{host}-credentials",
        library=f"prefect-{host}",
    )


_KINDS = {
    "s3-bucket": _Kind(
        "s3://",
        "bucket_name",
        within="bucket_folder",
        credentials="credentials",
        login=AWS_BLOCK,
        library=library_of(AWS_BLOCK),
    ),
    "gcs-bucket": _Kind(
        "gs://",
        "bucket",
        within="bucket_folder",
        credentials="gcp_credentials",
        login=GCP_BLOCK,
        library=library_of(GCP_BLOCK),
    ),
    "azure-blob-storage-container": _Kind(
        "az://",
        "container_name",
        within="base_folder",
        credentials="credentials",
        login=AZURE_BLOCK,
        library=library_of(AZURE_BLOCK),
    ),
    "github-repository": _repository("github", place="repository_url"),
    "gitlab-repository": _repository("gitlab"),
    "bitbucket-repository": _repository("bitbucket", credentials="bitbucket_credentials"),
    "local-file-system": _Kind("", "basepath"),
    "remote-file-system": _Kind("", "basepath", credentials="settings", login=SETTINGS),
}


@dataclass(frozen=True)
class BlockSource:
    """A block by its type and name; Prefect is asked when the code is wanted."""

    asked: SourceRequest
    reference: Reference
    here: Path
    kept: Kept
    env: Mapping[str, str]
    read_block: ReadBlock

    @contextmanager
    def checkout(self) -> Iterator[Checkout]:
        """The files where the block says. Raises what that source raises, and `Denied`."""
        with self._meant().checkout() as checkout:
            yield checkout

    def pulled(self) -> Pulled:
        """A run asks the block itself, which finds its own secrets.

        Raises what reading the block raises, where only that tells what a run needs.
        """
        kind = _KINDS[self.reference.kind]
        inputs = {
            "id": PULL_ID,
            "block_type_slug": self.reference.kind,
            "block_document_name": self.reference.name,
        }
        steps = ({PULL_WITH_BLOCK: inputs},)
        if kind.library:
            return Pulled(steps, (kind.library,))
        return dataclasses.replace(self._meant().pulled(), steps=steps)

    def _meant(self) -> Source:
        kind = _KINDS[self.reference.kind]
        block = self.reference.value(self.env, self.read_block)
        login = block.get(kind.credentials) if kind.credentials else None
        login = login if isinstance(login, Mapping) and any(login.values()) else None
        asked = dataclasses.replace(
            self.asked,
            address=_address(kind, block, str(self.reference)),
            credentials=f"block://{kind.login}/of-the-block" if login else None,
        )

        def read_block(_: str, __: str) -> Mapping[str, Any] | None:
            return login

        open_source = load(SOURCES[kind_of(asked)])
        source: Source = open_source(asked, self.here, self.kept, self.env, read_block)
        return source


def open_storage(
    asked: SourceRequest, here: Path, kept: Kept, env: Mapping[str, str], read_block: ReadBlock
) -> BlockSource:
    """A block of Prefect's by `block://TYPE/NAME`; nobody is asked yet.

    Raises `UsageError` for a type that holds no code, and for credentials beside the block's own.
    """
    try:
        reference = Reference.parse(asked.address)
    except UsageError as error:
        message = f"{asked.address} names no block of Prefect's"
        raise UsageError(message, hint="write block://TYPE/NAME") from error
    check_kind(reference.kind)
    if asked.credentials:
        message = f"cannot use credentials with {asked.address}"
        raise UsageError(message, causes=("the block has its own",), hint="leave them out")
    return BlockSource(asked, reference, here, kept, env, read_block)


def check_kind(kind: str) -> None:
    """Raise `UsageError` for a type of block that holds no code."""
    if kind not in _KINDS:
        message = f"a block of the type {kind} holds no code"
        raise UsageError(message, hint=f"name one of these types: {', '.join(sorted(_KINDS))}")


def _address(kind: _Kind, block: Mapping[str, Any], shown: str) -> str:
    place, within = block.get(kind.place), block.get(kind.within) if kind.within else None
    if not isinstance(place, str) or not place:
        message = f"{shown} does not say where the code is"
        raise UsageError(message, hint=f"set its {kind.place}")
    inside = f"{kind.join}{str(within).strip('/')}" if within else ""
    return f"{kind.scheme}{place}{inside}"
