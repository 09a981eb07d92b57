"""Where a registry may send us, and what is shown of it."""

from __future__ import annotations

import pytest

from imagebuild.errors import RefusedByPolicy
from imagebuild.oci.addresses import Neighbourhood, check_realm, followed, shown

HERE = "https://reg.example:5000/v2/app/blobs/uploads/"


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("/v2/app/blobs/uploads/1?_state=a%3D", "https://reg.example:5000/v2/app/blobs/uploads/1?_state=a%3D"),
        ("1?_state=a/b.c", "https://reg.example:5000/v2/app/blobs/uploads/1?_state=a/b.c"),
        ("?_state=a.b/c", "https://reg.example:5000/v2/app/blobs/uploads/?_state=a.b/c"),
        ("../x", "https://reg.example:5000/v2/app/blobs/x"),
        ("https://s3.example/k?sig=1#f", "https://s3.example/k?sig=1"),
        ("//s3.example/k", "https://s3.example/k"),
        ("reg.example:5000/v2/x", "https://reg.example:5000/v2/x"),
        ("localhost/v2/x", "https://localhost/v2/x"),
        ("localhost:5000/v2/x", "https://localhost:5000/v2/x"),
        ("storage.example/v2/x?a=b", "https://storage.example/v2/x?a=b"),
    ],
)  # fmt: skip
def test_a_location_can_be_written_in_many_ways(place: str, expected: str) -> None:
    """Its query stays as it is."""
    assert followed(HERE, place) == expected


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("http://reg.example:5000/v2/x", "from https to http"),
        ("http://reg.example/v2/x", "from https to http"),
        ("https://user:secret@reg.example/x", "a user of its own"),
        ("ftp://reg.example/x", "which is no address"),
        ("file:///etc/passwd", "which is no address"),
        ("https://reg.example:99999/x", "which is no address"),
        ("javascript:alert(1)", "which is no address"),
    ],
)
def test_a_location_that_leads_astray_is_refused(place: str, words: str) -> None:
    """With what may be done about it where a proxy is to blame."""
    with pytest.raises(RefusedByPolicy) as caught:
        followed(HERE, place)

    assert words in str(caught.value)
    assert "secret" not in str(caught.value)
    assert ("X-Forwarded-Proto" in (caught.value.hint or "")) is words.startswith("from")


@pytest.mark.parametrize(
    ("registry", "allowed"),
    [
        (None, {"public"}),
        ("93.184.216.34", {"public"}),
        ("10.0.0.5", {"public", "private"}),
        ("fd12::1", {"public", "private"}),
        ("127.0.0.1", {"public", "private", "loopback"}),
        ("::1", {"public", "private", "loopback"}),
        ("::ffff:127.0.0.1", {"public", "private", "loopback"}),
    ],
)
@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("93.184.216.34", "public"),
        ("2606:4700::1111", "public"),
        ("10.1.2.3", "private"),
        ("192.168.1.1", "private"),
        ("172.16.0.1", "private"),
        ("100.64.0.1", "private"),
        ("fd00::1", "private"),
        ("::ffff:10.1.2.3", "private"),
        ("127.0.0.1", "loopback"),
        ("127.9.9.9", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("169.254.169.254", "never"),
        ("::ffff:169.254.169.254", "never"),
        ("64:ff9b::a9fe:a9fe", "never"),
        ("64:ff9b::5db8:d822", "public"),
        ("2002:a01:203::1", "private"),
        ("fe80::1%2", "never"),
        ("fd00:ec2::254", "never"),
        ("100.100.100.200", "never"),
        ("0.0.0.0", "never"),
        ("224.0.0.1", "never"),
    ],
)
def test_nobody_is_sent_to_where_the_registry_is_not_near(
    registry: str | None, allowed: set[str], address: str, kind: str
) -> None:
    """A public one to no private network, and none to a metadata service."""
    near = Neighbourhood()
    if registry:
        near.learn(registry)
    if kind in allowed:
        near.check("https://other.example", address)
    else:
        with pytest.raises(RefusedByPolicy, match="where we do not go"):
            near.check("https://other.example", address)


@pytest.mark.parametrize(
    ("url", "refused"),
    [
        ("https://169.254.169.254/x", True),
        ("https://[::1]:1/x", True),
        ("https://localhost/x", True),
        ("https://a.localhost/x", True),
        ("https://s3.example/x", False),
        ("https://93.184.216.34/x", False),
    ],
)
def test_an_address_is_checked_before_anybody_is_asked_for_it(url: str, refused: bool) -> None:
    """A connection to a proxy says nothing about where it leads."""
    near = Neighbourhood()
    if refused:
        with pytest.raises(RefusedByPolicy):
            near.check_name(url)
    else:
        near.check_name(url)


@pytest.mark.parametrize(
    ("realm", "registry", "fine"),
    [
        ("https://auth.example/token", "https://reg.example", True),
        ("https://auth.example/token", "http://localhost:5000", True),
        ("http://auth.example/token", "https://reg.example", False),
        ("http://reg.example/token", "https://reg.example", False),
        ("http://localhost:5001/token", "http://localhost:5000", True),
        ("http://reg.local:5001/token", "http://reg.local:5000", True),
        ("http://auth.local/token", "http://reg.local:5000", True),
        ("http://auth.example/token", "http://reg.local:5000", False),
    ],
)
def test_a_token_server_has_to_speak_https(realm: str, registry: str, fine: bool) -> None:
    """But near a registry that does not, by the user's own word."""
    if fine:
        check_realm(realm, registry, ["reg.local:5000", "auth.local"])
    else:
        with pytest.raises(RefusedByPolicy, match="where we do not go") as caught:
            check_realm(realm, registry, ["reg.local:5000", "auth.local"])
        assert "https" in caught.value.causes[0]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a/x?digest=sha256:1&mount=m&from=a/b", "https://a/x?digest=sha256:1&mount=m&from=a/b"),
        ("https://a/x?X-Amz-Signature=s3cret&n=1", "https://a/x?X-Amz-Signature=…&n=1"),
        ("https://u:s3cret@a/x#s3cret", "https://a/x"),
        ("https://a/\x1b[31m\n", r"https://a/\x1b[31m"),
        ("https://a/x?_state=s3cret", "https://a/x?_state=…"),
        ("https://a/x?s3=cret", "https://a/x?s3=…"),
    ],
)  # fmt: skip
def test_what_is_shown_of_an_address_is_no_key_to_it(url: str, expected: str) -> None:
    """Nor does it do anything to a terminal."""
    assert shown(url) == expected
