"""A repository behind a password, served by git's own server on loopback."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.errors import Denied, ImagebuildError, Unreachable, UsageError
from tests.support.git_http import git_server
from tests.support.processes import free_port
from tests.unit.sources.repositories import FILES, add, checked_out, files, made
from tests.unit.test_git import git

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.git_http import GitServer

CANARY = "canary+s3cret/token"
TOKEN = {"TOKEN": CANARY}
LATEST = FILES | {"flow.py": "two\n"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    """Give a server of `team/flows`, which asks for a password."""
    (tmp_path / "served" / "team").mkdir(parents=True)
    made(tmp_path / "served" / "team" / "flows")
    with git_server(tmp_path / "served", "git", CANARY) as serving:
        yield serving


@pytest.fixture
def wrapped(tmp_path: Path) -> dict[str, str]:
    """Give an environment in which every program's arguments are written down, as git sees them."""
    tools, log = tmp_path / "tools", tmp_path / "arguments"
    tools.mkdir()
    program = f'#!/bin/sh\nprintf "%s\\n" "$*" >> {log}\nexec {shutil.which("git")} "$@"\n'
    (tools / "git").write_text(program)
    (tools / "git").chmod(0o755)
    return {"PATH": f"{tools}:{os.environ['PATH']}", "GIT_TRACE2_EVENT": str(tmp_path / "trace")}


@pytest.mark.parametrize(
    ("credentials", "block"),
    [
        ("env:TOKEN", {}),
        ("block://secret/mine", {"value": CANARY}),
        ("block://secret/mine", {"value": f"git:{CANARY}"}),
        ("block://bitbucket-credentials/mine", {"username": "git", "password": CANARY}),
        ("block://gitlab-credentials/mine", {"username": "git", "token": CANARY}),
    ],
)
def test_the_token_is_found_where_the_reference_says(
    server: GitServer, credentials: str, block: dict[str, Any]
) -> None:
    """In the environment or in a block of Prefect's."""
    blocks = {credentials.removeprefix("block://"): block}
    address = server.url("team/flows")
    with checked_out(address, env=TOKEN, blocks=blocks, credentials=credentials) as checkout:
        assert files(checkout.root) == LATEST
        assert checkout.commit is not None
        assert checkout.commit.url == address


@pytest.mark.parametrize(
    ("kind", "user"),
    [
        ("github", "x-access-token"),
        ("gitlab", "oauth2"),
        ("bitbucket", "x-token-auth"),
    ],
)
def test_a_token_alone_goes_with_the_hosts_own_user(tmp_path: Path, kind: str, user: str) -> None:
    """Each of the three has another one."""
    made(tmp_path / "flows")
    blocks = {f"{kind}-credentials/mine": {"token": CANARY, "username": None}}
    with (
        git_server(tmp_path, user, CANARY) as server,
        checked_out(
            server.url("flows"), blocks=blocks, credentials=f"block://{kind}-credentials/mine"
        ) as checkout,
    ):
        assert files(checkout.root) == LATEST


@pytest.mark.parametrize("part", ["#jobs/etl", "@v1.0", "@{short}"])
def test_a_part_of_it_is_fetched_with_the_token_too(server: GitServer, part: str) -> None:
    """Also what git fetches later than the rest."""
    short = git(server.folder / "team" / "flows", "rev-parse", "HEAD")[:8]
    address = server.url("team/flows") + part.format(short=short)
    with checked_out(address, env=TOKEN, credentials="env:TOKEN") as checkout:
        assert (checkout.root / "flow.py").is_file()


def test_a_private_submodule_of_the_same_host_is_fetched(server: GitServer) -> None:
    """By the same token."""
    add_module(server, "../module")
    asked: dict[str, Any] = {"env": TOKEN, "credentials": "env:TOKEN", "submodules": True}
    with checked_out(server.url("team/flows"), **asked) as checkout:
        assert files(checkout.root)["shared/flow.py"] == "two\n"


def test_a_submodule_of_another_host_is_not_told_the_token(
    server: GitServer, tmp_path: Path
) -> None:
    """It may ask for a password as it likes."""
    asked: dict[str, Any] = {"env": TOKEN, "credentials": "env:TOKEN", "submodules": True}
    with git_server(server.folder, "git", CANARY) as other:
        add_module(server, other.url("team/module"))
        with pytest.raises(Denied) as caught, checked_out(server.url("team/flows"), **asked):
            pass
        assert set(other.logins) == {None}
        assert CANARY not in str(caught.value)
    assert set(server.logins) > {None}


def add_module(server: GitServer, url: str) -> None:
    """Let `team/flows` have a submodule `shared`, whose repository is `team/module`."""
    flows, module = server.folder / "team" / "flows", made(server.folder / "team" / "module")
    allowed = ("-c", "protocol.file.allow=always")
    git(flows, *allowed, "submodule", "--quiet", "add", f"file://{module}", "shared")
    git(flows, "config", "--file", ".gitmodules", "submodule.shared.url", url)
    add(flows, {})


@pytest.mark.parametrize("credentials", ["env:TOKEN", "block://secret/mine", None])
def test_a_wrong_token_is_told_by_its_reference(server: GitServer, credentials: str | None) -> None:
    """And not by itself; without one, git's own helpers were asked."""
    wrong = f"{CANARY}-wrong"
    asked: dict[str, Any] = {"env": {"TOKEN": wrong}, "blocks": {"secret/mine": {"value": wrong}}}
    with (
        pytest.raises(Denied, match=credentials or "git's own") as caught,
        checked_out(server.url("team/flows"), credentials=credentials, **asked),
    ):
        pass
    assert CANARY not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    "credentials", ["env:OTHER", "block://secret/other", "block://secret/mine"]
)
def test_a_reference_to_nothing_asks_nobody(server: GitServer, credentials: str) -> None:
    """It is told before the host is called; a token on two lines is none."""
    blocks = {"secret/mine": {"value": f"{CANARY}\nusername=x"}}
    with (
        pytest.raises(Denied) as caught,
        checked_out(server.url("team/flows"), blocks=blocks, credentials=credentials),
    ):
        pass
    assert server.asked == []
    assert CANARY not in str(caught.value)


def test_the_users_own_helper_is_asked_where_no_credentials_are_given(
    server: GitServer, tmp_path: Path
) -> None:
    """And not where they are."""
    helper = f'"!f() {{ touch {tmp_path}/asked; echo username=git; echo password={CANARY}; }}; f"'
    (tmp_path / "config").write_text(f"[credential]\n\thelper = {helper}\n")
    own, address = {"GIT_CONFIG_GLOBAL": str(tmp_path / "config")}, server.url("team/flows")
    with checked_out(address, env=own | TOKEN, credentials="env:TOKEN"):
        assert not (tmp_path / "asked").exists()
    with checked_out(address, env=own) as checkout:
        assert files(checkout.root) == LATEST


def test_no_argument_no_error_and_no_file_has_the_token(
    server: GitServer, tmp_path: Path, wrapped: dict[str, str]
) -> None:
    """Git's own record of what it starts has none either."""
    kept, address = tmp_path / "kept", server.url("team/flows")
    asked: dict[str, Any] = {"env": wrapped | TOKEN, "credentials": "env:TOKEN"}
    with checked_out(f"{address}#jobs/etl", kept, **asked) as checkout:
        assert checkout.commit is not None
    with pytest.raises(ImagebuildError) as caught, checked_out(f"{address}@gone", kept, **asked):
        pass
    told = (tmp_path / "arguments").read_text() + (tmp_path / "trace").read_text()
    assert "ls-remote" in told
    assert "child_start" in told
    assert CANARY not in told + str(caught.value)
    contents = [path.read_bytes() for path in kept.rglob("*") if path.is_file()]
    assert any(address.encode() in content for content in contents)
    assert not any(CANARY.encode() in content for content in contents)


def test_what_git_traces_is_no_reason(server: GitServer) -> None:
    """Nor is the token in it, where the user asks git to tell all."""
    env = TOKEN | {"GIT_TRACE": "1", "GIT_TRACE_CURL": "1", "GIT_TRACE_REDACT": "0"}
    asked: dict[str, Any] = {"env": env, "credentials": "env:TOKEN"}
    with pytest.raises(UsageError) as caught, checked_out(server.url("team/gone"), **asked):
        pass
    assert [cause for cause in caught.value.causes if "trace" in cause or "http.c" in cause] == []
    with checked_out(server.url("team/flows"), **asked) as checkout:
        assert files(checkout.root) == LATEST


def test_what_git_prints_is_told_without_the_token(server: GitServer, tmp_path: Path) -> None:
    """Whoever it is that repeats it."""
    says = "fatal: $IMAGEBUILD_GIT_PASSWORD at https://me:x@h/ is odd"
    (tmp_path / "git").write_text(f'#!/bin/sh\necho "{says}" >&2\nexit 128\n')
    (tmp_path / "git").chmod(0o755)
    env = TOKEN | {"PATH": str(tmp_path)}
    with (
        pytest.raises(ImagebuildError, match=r"\*\*\* at https://h/ is odd") as caught,
        checked_out(server.url("team/flows"), env=env, credentials="env:TOKEN"),
    ):
        pass
    assert CANARY not in str(caught.value)


def test_a_host_that_does_not_answer_is_unreachable(tmp_path: Path) -> None:
    """The same may work later."""
    with (
        pytest.raises(Unreachable, match=r"127\.0\.0\.1"),
        checked_out(f"http://127.0.0.1:{free_port()}/team/flows"),
    ):
        pass


def test_a_host_that_says_nothing_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than a while."""
    monkeypatch.setattr("imagebuild.sources.git_command.ASKING", 0.05)
    (tmp_path / "git").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    (tmp_path / "git").chmod(0o755)
    env = {"PATH": str(tmp_path)}
    with pytest.raises(Unreachable, match="does not answer"), checked_out("https://h/app", env=env):
        pass


def test_a_repository_that_is_not_there_is_told(server: GitServer) -> None:
    """By the host, to whom may ask."""
    with (
        pytest.raises(UsageError, match="team/gone"),
        checked_out(server.url("team/gone"), env=TOKEN, credentials="env:TOKEN"),
    ):
        pass
