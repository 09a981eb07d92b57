"""Agents of our own for private keys, by OpenSSH's programs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from imagebuild.builders.agents import agents
from imagebuild.errors import UsageError
from tests.support.processes import run

if TYPE_CHECKING:
    from pathlib import Path


def _key(path: Path, passphrase: str = "") -> Path:
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", path.name, "-f", str(path))
    return path


def test_an_agent_has_the_keys_and_ends_with_the_build(tmp_path: Path) -> None:
    """An agent of the user's is given as it is."""
    keys = (_key(tmp_path / "one"), _key(tmp_path / "other"))
    with agents({"ours": keys}, os.environ) as sockets:
        listed = run("ssh-add", "-l", env={"SSH_AUTH_SOCK": str(sockets["ours"])})
        with agents({"default": (sockets["ours"],)}, os.environ) as given:
            assert given == {"default": sockets["ours"]}

    assert [line.split()[2] for line in listed.splitlines()] == ["one", "other"]
    assert not sockets["ours"].parent.exists()


def test_a_key_that_only_its_owner_can_open_is_refused(tmp_path: Path) -> None:
    """Nobody is asked for a passphrase; the message says what to do instead."""
    key = _key(tmp_path / "locked", "canary")
    with (
        pytest.raises(UsageError, match=f"cannot use --ssh default={key}") as caught,
        agents({"default": (key,)}, os.environ),
    ):
        pass

    assert "ssh-add" in (caught.value.hint or "")
    assert "canary" not in str(caught.value.causes)


def test_what_is_no_key_is_refused_in_opensshs_own_words(tmp_path: Path) -> None:
    """Such as the public half."""
    (tmp_path / "text").write_text("no key")
    (tmp_path / "text").chmod(0o600)
    with (
        pytest.raises(UsageError) as caught,
        agents({"default": (tmp_path / "text",)}, os.environ),
    ):
        pass

    assert caught.value.causes != ()


def test_without_openssh_it_is_told_what_is_missing(tmp_path: Path) -> None:
    """As a key cannot be used without it."""
    key = _key(tmp_path / "key")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "/nowhere")
        with (
            pytest.raises(UsageError) as caught,
            agents({"default": (key,)}, os.environ),
        ):
            pass

    assert caught.value.causes == ("there is no program ssh-agent",)
