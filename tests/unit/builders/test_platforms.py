"""One way to write a platform, and a clear word where an engine cannot build for it."""

from __future__ import annotations

import pytest

from imagebuild.builders.platforms import checked, normalised
from imagebuild.errors import UsageError


@pytest.mark.parametrize(
    ("asked", "platform"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("Linux/AMD64 ", "linux/amd64"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/amd64/v2", "linux/amd64/v2"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/v9.1", "linux/arm64/v9.1"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("windows/amd64", "windows/amd64"),
        ("arm64", "linux/arm64"),
        ("x86_64", "linux/amd64"),
    ],
)
def test_a_platform_has_one_way_to_be_written(asked: str, platform: str) -> None:
    """As containerd has it."""
    assert normalised(asked) == platform


@pytest.mark.parametrize("asked", ["", "linux", "linux/", "/amd64", "linux/amd64/8", "a/b/c/d"])
def test_a_text_that_is_no_platform_is_a_usage_error(asked: str) -> None:
    """With an example."""
    with pytest.raises(UsageError, match="is not a platform") as caught:
        normalised(asked)

    assert "linux/arm64" in (caught.value.hint or "")


def test_several_platforms_at_once_are_refused() -> None:
    """With the reason."""
    with pytest.raises(UsageError, match="at once") as caught:
        normalised("linux/amd64,linux/arm64")

    assert caught.value.causes == ("an image in an engine has one platform",)


def test_a_platform_that_is_offered_is_taken() -> None:
    """However either is written."""
    assert checked("linux/aarch64", ["linux/amd64", "linux/arm64/v8"]) == "linux/arm64"


def test_a_platform_that_is_not_offered_is_refused() -> None:
    """With those that are, and the way to get it."""
    with pytest.raises(UsageError, match="cannot build for linux/arm64") as caught:
        checked("linux/arm64", ["linux/amd64", "linux/386"])

    assert caught.value.causes == ("it can build for linux/amd64, linux/386",)
    assert "--install arm64" in (caught.value.hint or "")
