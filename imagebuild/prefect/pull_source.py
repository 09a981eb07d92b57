"""The source of code that pull steps fetch, to read a flow that is not at hand. Pure.

https://docs.prefect.io/v3/how-to-guides/deployments/store-flow-code
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from imagebuild.errors import UsageError
from imagebuild.record import SET_DIRECTORY
from imagebuild.request import SourceRequest
from imagebuild.sources.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PREFECT = "prefect.deployments.steps"
_BLOCK = re.compile(r"{{\s*prefect\.blocks\.([a-z0-9-]+)\.([a-z0-9-]+)(?:\.[\w.\[\]]+)?\s*}}")
_VARIABLE = re.compile(r"{{\s*\$(\w+)\s*}}")
_CREDENTIALS = ("credentials", "access_token", "token", "connection_string")


def source_of(steps: Sequence[Mapping[str, Any]]) -> SourceRequest | None:
    """Where the first of the steps that fetches code fetches it; None where that is not known.

    A placeholder in it that only a run fills is not known either.
    """
    for number, step in enumerate(steps):
        for name, inputs in step.items():
            if name in _FETCHING and isinstance(inputs, Mapping):
                found = _FETCHING[name](inputs)
                return _checked(found, _below(steps[number + 1 :], inputs)) if found else None
    return None


def _git(inputs: Mapping[str, Any]) -> SourceRequest | None:
    revision = inputs.get("branch") or inputs.get("commit_sha")
    address = str(inputs.get("repository") or "")
    return SourceRequest(
        f"{address}@{revision}" if revision else address,
        _reference(inputs),
        submodules=inputs.get("include_submodules") is True,
        directories=tuple(map(str, inputs.get("directories") or ())),
    )


def _bucket(scheme: str, key: str) -> Callable[[Mapping[str, Any]], SourceRequest | None]:
    def read(inputs: Mapping[str, Any]) -> SourceRequest | None:
        folder = str(inputs.get("folder") or "").strip("/")
        place = "/".join(filter(None, (str(inputs.get(key) or ""), folder)))
        return SourceRequest(f"{scheme}://{place}", _reference(inputs))

    return read


def _remote(inputs: Mapping[str, Any]) -> SourceRequest | None:
    return SourceRequest(str(inputs.get("url") or ""), _reference(inputs))


def _block(inputs: Mapping[str, Any]) -> SourceRequest | None:
    kind, name = inputs.get("block_type_slug"), inputs.get("block_document_name")
    return SourceRequest(f"block://{kind}/{name}")


_FETCHING: dict[str, Callable[[Mapping[str, Any]], SourceRequest | None]] = {
    f"{_PREFECT}.git_clone": _git,
    f"{_PREFECT}.agit_clone": _git,
    f"{_PREFECT}.pull_from_remote_storage": _remote,
    f"{_PREFECT}.pull_with_block": _block,
    "prefect_aws.deployments.steps.pull_from_s3": _bucket("s3", "bucket"),
    "prefect_gcp.deployments.steps.pull_from_gcs": _bucket("gs", "bucket"),
    "prefect_azure.deployments.steps.pull_from_azure_blob_storage": _bucket("az", "container"),
}


def _reference(inputs: Mapping[str, Any]) -> str | None:
    """Where the secret is; None where it is not said, or written down."""
    for key in _CREDENTIALS:
        text = str(inputs.get(key) or "")
        if block := _BLOCK.fullmatch(text):
            return f"block://{block[1]}/{block[2]}"
        if variable := _VARIABLE.fullmatch(text):
            return f"env:{variable[1]}"
    return None


def _below(steps: Sequence[Mapping[str, Any]], fetched: Mapping[str, Any]) -> str:
    """The folder of what was fetched that a later step goes to; empty for none."""
    for step in steps:
        inputs = step.get(SET_DIRECTORY)
        directory = str(inputs.get("directory")) if isinstance(inputs, Mapping) else ""
        start = re.match(r"{{\s*(?:([\w-]+)\.)?directory\s*}}/+", directory)
        if start and start[1] in {None, fetched.get("id")}:
            return directory[start.end() :].strip("/")
    return ""


def _checked(found: SourceRequest, below: str) -> SourceRequest | None:
    if "{{" in f"{found.address}{found.directories}{below}":
        return None
    try:
        kind = kind_of(found)
    except UsageError:
        return None
    if kind == "folder" or (below and kind == "storage"):
        return None
    ends = {"git": "#", "blob": "/"}
    address = f"{found.address.rstrip('/')}{ends[kind]}{below}" if below else found.address
    return SourceRequest(address, found.credentials, found.submodules, found.directories)
