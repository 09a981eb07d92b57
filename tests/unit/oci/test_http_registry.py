"""A registry as the pipeline asks it: what it holds, and whether we may push."""

from __future__ import annotations

import json

import pytest

from imagebuild.errors import Denied
from imagebuild.names import ImageName
from imagebuild.oci.descriptors import OCI_INDEX
from imagebuild.registries.http import HttpRegistry
from tests.unit.oci.loopback import LOGIN, REPOSITORY, Said, digest_of, registries, serving

INDEX = json.dumps({"schemaVersion": 2, "manifests": []}).encode()


def test_what_a_name_means_is_one_request() -> None:
    """A tag, the usual one, or a digest."""
    with serving() as server, registries() as made:
        server.manifests[REPOSITORY, "latest"] = OCI_INDEX, INDEX
        registry, name = HttpRegistry(made), ImageName.parse(f"{server.host}/{REPOSITORY}")

        assert registry.find(name) == digest_of(INDEX)
        assert registry.find(name.with_tag("gone")) is None
        assert registry.find(name.pinned(digest_of(b"gone"))) is None

    assert server.requests == [
        "HEAD manifests/latest",
        "HEAD manifests/gone",
        f"HEAD manifests/{digest_of(b'gone')}",
    ]


def test_a_registry_without_credentials_is_not_asked_whether_we_may_push() -> None:
    """Nobody has anything to say about that but a push."""
    with serving() as server, registries() as made:
        assert not HttpRegistry(made).check_push(ImageName.parse(f"{server.host}/{REPOSITORY}"))

    assert server.asked == []


@pytest.mark.parametrize(
    ("opens", "methods"), [("", ["GET"]), ("Basic", ["GET", "GET"]), ("Bearer", ["GET"] * 3)]
)
def test_credentials_are_tried(opens: str, methods: list[str]) -> None:
    """A token is one to push with, and it serves what comes after."""
    with serving(opens) as server, registries(LOGIN, server.host) as made:
        name = ImageName.parse(f"{server.host}/{REPOSITORY}")
        assert HttpRegistry(made).check_push(name)
        assert [one.method for one in server.asked] == methods
        HttpRegistry(made).find(name)
        assert len(server.asked) == len(methods) + 1
        if opens == "Bearer":
            assert server.asked[1].query["scope"] == [f"repository:{REPOSITORY}:pull,push"]


@pytest.mark.parametrize("opens", ["Basic", "Bearer"])
def test_wrong_credentials_are_told(opens: str) -> None:
    """Before anything is built."""
    wrong = LOGIN | {"password": "canary-wrong"}
    with serving(opens) as server, registries(wrong, server.host) as made:
        server.say("GET", "/token.*", Said(401))
        with pytest.raises(Denied) as caught:
            HttpRegistry(made).check_push(ImageName.parse(f"{server.host}/{REPOSITORY}"))

    assert f"docker login {server.host}" in (caught.value.hint or "")
    assert "canary" not in repr(caught.value.__dict__)
