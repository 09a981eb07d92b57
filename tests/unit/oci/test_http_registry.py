"""A registry as the pipeline asks it: what it holds, and whether we may push."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from imagebuild.errors import Denied, Unreachable
from imagebuild.names import ImageName
from imagebuild.oci.cache import Cache
from imagebuild.oci.descriptors import OCI_INDEX
from imagebuild.oci.remote import Remote
from imagebuild.registries.http import HttpRegistry
from imagebuild.testing import FakeRegistry
from tests.unit.oci.loopback import LOGIN, REPOSITORY, Said, digest_of, registries, serving

if TYPE_CHECKING:
    from imagebuild.oci.client import Registries

INDEX = json.dumps({"schemaVersion": 2, "manifests": []}).encode()


def test_what_a_name_means_is_one_request() -> None:
    """A tag, the usual one, or a digest."""
    with serving() as server, registries() as made:
        server.manifests[REPOSITORY, "latest"] = OCI_INDEX, INDEX
        registry, name = registry_of(made), ImageName.parse(f"{server.host}/{REPOSITORY}")

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
        assert not registry_of(made).check_push(ImageName.parse(f"{server.host}/{REPOSITORY}"))

    assert server.asked == []


def test_credentials_are_found_and_not_tried() -> None:
    """The first question to the registry tries them."""
    with serving("Bearer") as server, registries(LOGIN, server.host) as made:
        name = ImageName.parse(f"{server.host}/{REPOSITORY}")
        assert registry_of(made).check_push(name)
        assert server.asked == []


@pytest.mark.parametrize("opens", ["Basic", "Bearer"])
def test_wrong_credentials_are_told(opens: str) -> None:
    """Before anything is built."""
    wrong = LOGIN | {"password": "canary-wrong"}
    with serving(opens) as server, registries(wrong, server.host) as made:
        server.say("GET", "/token.*", Said(401))
        with pytest.raises(Denied) as caught:
            registry_of(made).find(ImageName.parse(f"{server.host}/{REPOSITORY}"))

    assert f"docker login {server.host}" in (caught.value.hint or "")
    assert "canary" not in repr(caught.value.__dict__)


def test_a_name_is_asked_for_once_in_a_run() -> None:
    """It is looked at by several."""
    with serving() as server, registries() as made:
        server.manifests[REPOSITORY, "latest"] = OCI_INDEX, INDEX
        registry, name = registry_of(made), ImageName.parse(f"{server.host}/{REPOSITORY}")

        assert registry.find(name) == registry.find(name)

    assert server.requests == ["HEAD manifests/latest"]


def test_a_registry_out_of_reach_is_asked_through_another() -> None:
    """An engine may be in another network, or know a proxy."""
    with registries() as made:
        nobody = ImageName.parse("localhost:1/app:v1")
        other = FakeRegistry()
        other.digests[f"{nobody.location}:v1"] = digest_of(INDEX)
        registry = HttpRegistry(Remote(made, Cache(None)), lambda: other)

        assert registry.find(nobody) == digest_of(INDEX)
        other.reachable = False
        with pytest.raises(Unreachable, match="localhost:1"):
            registry.find(nobody)


def registry_of(made: Registries) -> HttpRegistry:
    """The registries that are asked so, with nothing remembered of them."""
    return HttpRegistry(Remote(made, Cache(None)))
