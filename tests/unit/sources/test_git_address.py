"""What an address of a repository means, and which ones are refused."""

from __future__ import annotations

import pytest

from imagebuild.errors import UsageError
from imagebuild.request import SourceRequest
from imagebuild.sources.git_address import parse, wanted_folders
from imagebuild.sources.kinds import kind_of

CANARY = "canary-s3cret"


@pytest.mark.parametrize(
    ("text", "url", "ref", "subdirectory", "name"),
    [
        ("https://h.example/t/app", "https://h.example/t/app", None, None, "app"),
        ("https://h.example/t/app.git", "https://h.example/t/app.git", None, None, "app"),
        ("https://h.example:8443/app@v1", "https://h.example:8443/app", "v1", None, "app"),
        ("http://h.example/app@a/b#x/y/", "http://h.example/app", "a/b", "x/y", "app"),
        ("https://h/app.git@u@v#subdirectory=x", "https://h/app.git", "u@v", "x", "app"),
        ("https://[::1]:80/app", "https://[::1]:80/app", None, None, "app"),
        ("ssh://git@h.example:22/app@v1", "ssh://git@h.example:22/app", "v1", None, "app"),
        ("ssh://h.example/~me/app", "ssh://h.example/~me/app", None, None, "app"),
        ("git@h.example:t/app.git", "git@h.example:t/app.git", None, None, "app"),
        ("git@h.example:app@v1#x", "git@h.example:app", "v1", "x", "app"),
        ("git+git@h.example:app", "git@h.example:app", None, None, "app"),
        ("git+https://h.example/app#./x", "https://h.example/app", None, "x", "app"),
        ("git+ssh://git@h.example/app", "ssh://git@h.example/app", None, None, "app"),
        ("git+file:///srv/a%20b@v1", "file:///srv/a b", "v1", None, "a b"),
        ("HTTPS://h.example/app#.", "https://h.example/app", None, None, "app"),
    ],
)
def test_an_address_has_a_url_a_revision_and_a_folder(
    text: str, url: str, ref: str | None, subdirectory: str | None, name: str
) -> None:
    """A user's name is no revision."""
    found = parse(text)
    assert (found.url, found.ref, found.subdirectory, found.name) == (url, ref, subdirectory, name)


@pytest.mark.parametrize(
    "text",
    [
        "git://h.example/app",
        "git+git://h.example/app",
        "git+ext::sh -c id",
        "ext::sh -c id",
        "git+ftp://h.example/app",
        "file:///srv/app",
        "git+file://other/srv/app",
        "git+",
        "https://h.example",
        "https://h.example/",
        "https:///app",
        "https://-oProxyCommand=x/app",
        "ssh://-oProxyCommand=x/app",
        "ssh://-o@h.example/app",
        "-o@h.example:app",
        "git@-oProxyCommand=x:app",
        "git@h.example:-x",
        "git@h.example:",
        "https://h.example/a b",
        "https://h.example/app?x=1",
        "https://h.example/app@",
        "https://h.example/app@-x",
        "https://h.example/app@--upload-pack=x",
        "https://h.example/app@a..b",
        "https://h.example/app@a:b",
        "https://h.example/app@a^",
        "https://h.example/app#../x",
        "https://h.example/app#x/../../y",
        "https://h.example/app#/etc",
        "https://h.example/app#subdirectory=/etc",
        "https://h.example/app#-x",
        "https://h.example/app#.git/hooks",
    ],
)
def test_what_git_should_not_be_given_is_refused(text: str) -> None:
    """Options, programs, what nothing protects, and what leads out of the repository."""
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"https://me:{CANARY}@h.example/app", "env:NAME"),
        (f"https://{CANARY}@h.example/app", "env:NAME"),
        (f"https://me:{CANARY}@x@h.example/app", "env:NAME"),
        (f"git+https://{CANARY}@h.example/app@v1", "env:NAME"),
        (f"ssh://git:{CANARY}@h.example/app", "ssh has keys"),
        (f"git+file://{CANARY}@/srv/app", "env:NAME"),
        (f"https://h.example/app?token={CANARY}", "a query has no meaning"),
        (f"me:{CANARY}@h.example:app", "git has no such URL"),
    ],
)
def test_a_secret_in_an_address_is_refused_and_not_told(text: str, told: str) -> None:
    """The hint says where it may be instead."""
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert CANARY not in str(caught.value)
    assert told in str(caught.value)
    assert kind_of(SourceRequest(text)) == "git"


def test_an_address_is_shown_without_a_user() -> None:
    """The form stays that of the user's."""
    assert parse("git@h.example:app").shown == "h.example:app"
    assert parse("ssh://git@h.example/app").shown == "ssh://h.example/app"
    assert parse("https://h.example/app").shown == "https://h.example/app"
    assert parse("git+file:///srv/app").shown == "git+file:///srv/app"


@pytest.mark.parametrize(
    ("subdirectory", "directories", "wanted"),
    [
        (None, (), ()),
        ("a", (), ("a",)),
        (None, ("a", "b/"), ("a", "b")),
        ("a", ("a/b", "c"), ("a/b", "c")),
        ("a/b", ("a",), ("a",)),
        ("a", ("ab",), ("ab", "a")),
    ],
)
def test_a_checkout_has_the_folders_that_are_wanted(
    subdirectory: str | None, directories: tuple[str, ...], wanted: tuple[str, ...]
) -> None:
    """And the subdirectory in any case."""
    assert wanted_folders(subdirectory, directories) == wanted
