"""How long a storage's library tries, and which of its classes does."""

from __future__ import annotations

import pytest
from fsspec.registry import get_filesystem_class

from imagebuild.errors import Unreachable
from imagebuild.sources.blob_address import BlobAddress
from imagebuild.sources.blob_patience import plain
from imagebuild.sources.blob_store import Store
from tests.support.processes import free_port


@pytest.mark.parametrize("stated", [False, True])
def test_googles_storage_is_asked_by_http_alone(
    stated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless gcsfs's own variable says otherwise."""
    name = "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"
    monkeypatch.setenv(name, "true") if stated else monkeypatch.delenv(name, raising=False)
    own = get_filesystem_class("gs")
    kind = plain(own)
    assert (kind is own) == stated or own.__module__ == "gcsfs.core"
    assert issubclass(own, kind)
    assert stated or kind.__module__ == "gcsfs.core"


@pytest.mark.parametrize("protocol", ["s3", "memory", "ftp"])
def test_other_file_systems_are_what_they_are(protocol: str) -> None:
    """Each is its own."""
    kind = get_filesystem_class(protocol)
    assert plain(kind) is kind


@pytest.mark.parametrize(
    ("address", "options"),
    [
        ("s3://team/flows", {"key": "a", "secret": "b", "endpoint_url": "URL"}),
        ("gs://team/flows", {"token": "anon", "endpoint_url": "URL"}),
        (
            "az://team/flows",
            {"connection_string": "AccountName=a;AccountKey=a2V5;BlobEndpoint=URL/a;"},
        ),
    ],
)
def test_where_nobody_listens_is_told(address: str, options: dict[str, str]) -> None:
    """Soon: each of them would go on for half a minute or more."""
    url = f"http://127.0.0.1:{free_port()}"
    told = {name: value.replace("URL", url) for name, value in options.items()}
    with pytest.raises(Unreachable, match=rf"cannot read {address}"):
        Store.open(BlobAddress.parse(address), None, told).listing()


def test_only_what_is_asynchronous_is_asked_for_several_objects_at_once() -> None:
    """An FTP server's connection carries one."""
    memory = Store.open(BlobAddress.parse("memory://team"), None, {})
    several = Store.open(BlobAddress.parse("s3://team"), None, {"key": "a", "secret": "b"})
    assert (memory.at_once, several.at_once > 1) == (1, True)
