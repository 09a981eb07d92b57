"""Secrets are read when they are asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagebuild.builders.secrets import Secrets
from imagebuild.errors import UsageError
from imagebuild.request import Secret


def test_a_secret_is_a_files_content_or_a_variables(tmp_path: Path) -> None:
    """Byte by byte."""
    (tmp_path / "token").write_bytes(b"\xff\n")
    (tmp_path / "link").symlink_to("token")
    given = (
        Secret("file", file=tmp_path / "token"),
        Secret("link", file=tmp_path / "link"),
        Secret("variable", variable="TOKEN"),
        Secret("empty", variable="EMPTY"),
    )
    secrets = Secrets(given, {"TOKEN": "ü", "EMPTY": ""})

    assert dict(secrets) == {
        "file": b"\xff\n",
        "link": b"\xff\n",
        "variable": "ü".encode(),
        "empty": b"",
    }
    assert "file" in secrets
    assert "other" not in secrets
    assert len(secrets) == 4


def test_a_secret_is_read_anew_each_time(tmp_path: Path) -> None:
    """And not before it is asked for."""
    secrets = Secrets((Secret("token", file=tmp_path / "token"),), {})
    assert "token" in secrets
    (tmp_path / "token").write_text("1")
    assert secrets["token"] == b"1"
    (tmp_path / "token").write_text("2")
    assert secrets["token"] == b"2"


@pytest.mark.parametrize(
    ("secret", "cause"),
    [
        (Secret("token", variable="TOKEN"), "the variable TOKEN is not set"),
        (Secret("token", file=Path("/none/such")), "/none/such: no such file or directory"),
        (Secret("token", file=Path("/")), "/: is a directory"),
        (Secret("token"), "neither a file nor a variable is named"),
    ],
)
def test_a_secret_that_is_not_there_is_a_usage_error(secret: Secret, cause: str) -> None:
    """When a step asks."""
    message = "cannot give the build the secret 'token'"
    with pytest.raises(UsageError, match=message) as caught:
        assert Secrets((secret,), {})["token"]

    assert caught.value.causes == (cause,)
