"""Whose credentials they are, and who is asked for them.

What the engine's tests say of the same files holds as well: `tests/unit/test_engine.py`.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.errors import Denied, UsageError
from imagebuild.names import ImageName
from imagebuild.oci import login_helpers
from imagebuild.oci.credentials import Logins

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "canary-secret"
LOGIN = {"username": "me", "password": SECRET}


def encoded(text: str) -> str:
    """As docker writes `username:password`."""
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def logins(tmp_path: Path) -> Callable[[object], Logins]:
    """Give what makes the credentials of a configuration of docker's."""

    def make(config: object) -> Logins:
        (tmp_path / "config.json").write_text(json.dumps(config))
        return Logins({"DOCKER_CONFIG": str(tmp_path)})

    return make


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Write the script of `docker-credential-tests` onto the PATH."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)

    def write(script: str) -> Path:
        path = tmp_path / "bin" / "docker-credential-tests"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.mark.parametrize(
    ("key", "image", "known"),
    [
        ("ghcr.io", "ghcr.io/a/b", True),
        ("https://ghcr.io", "ghcr.io/a/b", True),
        ("http://ghcr.io/v2/", "ghcr.io/a/b", True),
        ("ghcr.io/a", "ghcr.io/a/b", True),
        ("ghcr.io/a", "ghcr.io/other/b", False),
        ("evil.com/ghcr.io", "ghcr.io/a/b", False),
        ("ghcr.io", "ghcr.io.evil.com/a/b", False),
        ("ghcr.io.evil.com", "ghcr.io/a/b", False),
        ("ghcr.io", "evil.ghcr.io/a/b", False),
        ("https://evil.com/ghcr.io", "ghcr.io/a/b", False),
        ("https://evil.com#ghcr.io", "ghcr.io/a/b", False),
        ("ghcr.io@evil.com", "evil.com/a/b", False),
        ("ghcr.io", "ghcr.io:443/a/b", False),
        ("GHCR.io", "ghcr.io/a/b", False),
        ("docker.io/team", "team/app", True),
        ("https://index.docker.io/v1/", "docker.io/team/app", True),
        ("index.docker.io", "app", True),
        ("docker.io.evil.com", "app", False),
    ],
)
def test_a_key_means_its_registry_or_a_part_of_it(
    logins: Callable[[object], Logins], key: str, image: str, known: bool
) -> None:
    """Never another whose name begins, or ends, in the same way."""
    found = logins({"auths": {key: {"auth": encoded(f"me:{SECRET}")}}})

    login = found.find_for(ImageName.parse(image))

    assert (login.get("password") == SECRET) is known
    assert bool(login) is known


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"auth": encoded("me:a:b")}, {"username": "me", "password": "a:b"}),
        ({"auth": encoded("me:")}, {"username": "me", "password": ""}),
        ({"auth": encoded("mé:pß\0\0")}, {"username": "mé", "password": "pß"}),
        ({"username": "me", "password": "x"}, {"username": "me", "password": "x"}),
        ({"auth": "", "username": "me"}, {"username": "me", "password": ""}),
        ({"identitytoken": "T", "auth": encoded("me:x")}, {"identitytoken": "T"}),
        ({"registrytoken": "R"}, {"registrytoken": "R"}),
        ({"email": "me@example"}, {}),
    ],
)
def test_an_entry_can_be_written_in_many_ways(
    logins: Callable[[object], Logins], entry: dict[str, str], expected: dict[str, str]
) -> None:
    """As the versions of docker and podman have written it."""
    login = logins({"auths": {"reg.example": entry}}).find("reg.example")
    server = {"serveraddress": "reg.example"} if "username" in expected else {}

    assert login == expected | server


def test_the_file_of_the_first_dockers_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no other."""
    (Path.home() / ".dockercfg").write_text(
        json.dumps({"https://reg.example/v1/": {"auth": encoded("me:x")}})
    )
    assert Logins({}).find("reg.example")["username"] == "me"
    (Path.home() / ".docker").mkdir()
    (Path.home() / ".docker" / "config.json").write_text("{}")
    assert Logins({}).find("reg.example") == {}


@pytest.mark.parametrize("name", ["../../x", "a b", "", "x;y", "x\n", "-", "é", "/bin/sh"])
def test_a_helper_has_a_name_that_is_no_path(
    logins: Callable[[object], Logins], helper: Callable[[str], Path], name: str
) -> None:
    """What has none is told; nothing is run."""
    config = {
        "credHelpers": {"reg.example": name},
        "auths": {"reg.example": {"auth": encoded("me:x")}},
    }
    if not name:
        assert logins(config).find("reg.example")["username"] == "me"
        return
    with pytest.raises(Denied, match=r"cannot get the credentials for reg\.example"):
        logins(config).find("reg.example")


@pytest.mark.parametrize("how", ["named", "dot", "empty", "linked"])
def test_a_helper_in_the_folder_that_we_work_on_is_not_run(
    tmp_path: Path,
    logins: Callable[[object], Logins],
    helper: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    """Whoever wrote the project would be asked for the user's password."""
    path = helper(f"touch {tmp_path}/ran")
    project = path.parent
    if how == "linked":
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / path.name).symlink_to(path)
    folders = {"named": project, "dot": ".", "empty": "", "linked": tmp_path / "elsewhere"}
    monkeypatch.setenv("PATH", f"{folders[how]}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(project)

    with pytest.raises(Denied):
        logins({"credsStore": "tests"}).find("reg.example")

    assert not (tmp_path / "ran").exists()


def test_a_helper_below_the_home_is_run_from_the_home(
    logins: Callable[[object], Logins],
    helper: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Which is no project, though much is installed in it."""
    path = helper("""printf '{"Username": "me", "Secret": "S"}'""")
    monkeypatch.setenv("HOME", str(path.parent.parent))
    monkeypatch.chdir(path.parent.parent)

    assert logins({"credsStore": "tests"}).find("reg.example")["password"] == "S"


def test_a_helper_that_hangs_is_not_waited_for(
    logins: Callable[[object], Logins],
    helper: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may wait for somebody who is not there."""
    helper("exec sleep 60")
    monkeypatch.setattr(login_helpers, "_SECONDS", 0.2)
    with pytest.raises(Denied) as caught:
        logins({"credsStore": "tests"}).find("reg.example")

    assert "did not answer within" in caught.value.causes[0]


@pytest.mark.parametrize(
    "script",
    [f"echo {SECRET}; exit 2", f"echo {SECRET}", f"echo {SECRET} >&2; exit 1", "printf '\\377'"],
)
def test_what_a_helper_says_is_in_no_message(
    logins: Callable[[object], Logins],
    helper: Callable[[str], Path],
    capfd: pytest.CaptureFixture[str],
    script: str,
) -> None:
    """It can be the password itself."""
    helper(script)
    with pytest.raises(Denied) as caught:
        logins({"credsStore": "tests"}).find("reg.example")

    assert SECRET not in repr((str(caught.value), caught.value.__cause__))
    assert SECRET not in "".join(capfd.readouterr())


def test_a_helper_is_asked_by_its_input_alone(
    tmp_path: Path, logins: Callable[[object], Logins], helper: Callable[[str], Path]
) -> None:
    """Other users of the machine see the arguments of every program."""
    helper(
        f"""echo "$@" > {tmp_path}/arguments; cat > {tmp_path}/input
        printf '{{"Username": "me", "Secret": "S"}}'"""
    )
    assert logins({"credHelpers": {"reg.example:5000": "tests"}}).find("reg.example:5000")
    assert (tmp_path / "arguments").read_text() == "get\n"
    assert (tmp_path / "input").read_text() == "reg.example:5000"


def test_a_helper_for_one_registry_comes_before_the_one_for_all(
    logins: Callable[[object], Logins], helper: Callable[[str], Path]
) -> None:
    """Of which the second is not installed here."""
    helper("""printf '{"Username": "me", "Secret": "S"}'""")
    config = {"credsStore": "gone", "credHelpers": {"reg.example": "tests", "docker.io": "tests"}}
    found = logins(config)

    assert found.find("reg.example")["username"] == "me"
    assert found.find("index.docker.io")["username"] == "me"
    with pytest.raises(Denied, match=r"for other\.example"):
        found.find("other.example")


@pytest.mark.parametrize("config", [{"credHelpers": [1]}, {"credHelpers": "x"}, {"auths": [1]}])
def test_a_file_that_makes_no_sense_is_told(
    logins: Callable[[object], Logins], config: dict[str, Any]
) -> None:
    """As one of the user's own that has to be mended."""
    with pytest.raises(UsageError, match="cannot read docker's configuration"):
        logins(config).find("reg.example")
