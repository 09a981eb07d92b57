"""Where a newer Debian's packages come from is derived from where this machine gets its own."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import pytest

from tests.support import SetupError, debian

if TYPE_CHECKING:
    from pathlib import Path

DEB822 = """\
Types: deb
URIs: http://security.example.org/
Suites: old-security
Components: main

# Types: deb
Types: deb deb-src
# http://snapshot.example.org/old
URIs: http://mirror.example.org/debian
Suites: old old-updates
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----
"""
DERIVED = """\
Types: deb
URIs: http://mirror.example.org/debian
Suites: new
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----
"""


def test_the_stanza_of_the_release_is_taken_with_its_key() -> None:
    """Not the one of its security updates, and without sources."""
    assert debian.from_deb822(DEB822, "old", "new") == DERIVED


@pytest.mark.parametrize(
    "stanza",
    [
        "",
        "Enabled: no\nTypes: deb\nURIs: http://a/\nSuites: old\nComponents: main\n",
        "Types: deb-src\nURIs: http://a/\nSuites: old\nComponents: main\n",
        "Types: deb\nURIs: http://a/\nSuites: older\nComponents: main\n",
        "Types: deb\nURIs: http://a/\nSuites: old\nComponents: stable\n",
    ],
)
def test_a_stanza_for_something_else_is_left(stanza: str) -> None:
    """Disabled, sources, another release, another component."""
    assert debian.from_deb822(stanza, "old", "new") is None


@pytest.mark.parametrize(
    ("line", "derived"),
    [
        ("deb http://a/debian old main", "deb http://a/debian new main\n"),
        ("deb\thttp://a/debian  old  contrib main", "deb http://a/debian new main\n"),
        ("deb [signed-by=/k arch=amd64] http://a/ old main", "deb [signed-by=/k arch=amd64] "),
        ("deb http://a/debian old-updates main", None),
        ("deb http://a/debian old stable", None),
        ("# deb http://a/debian old main", None),
        ("deb-src http://a/debian old main", None),
    ],
)
def test_a_line_of_the_release_is_taken_with_its_options(line: str, derived: str | None) -> None:
    """The older form of apt's sources."""
    found = debian.from_list(f"# comment\n{line}\n", "old", "new")

    assert (found or "").startswith(derived or "")
    assert (found is None) == (derived is None)


def test_a_package_that_is_there_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not fetched again, even where it could not be."""
    monkeypatch.setattr(debian, "is_debian", lambda: True)
    monkeypatch.setattr(debian, "CACHE", tmp_path)
    monkeypatch.setattr(debian, "run", None)
    (tmp_path / debian.SUITE / "containerd").mkdir(parents=True)

    assert debian.unpacked("containerd") == tmp_path / debian.SUITE / "containerd"


def test_docker_is_led_to_buildx_by_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can be asked for twice, and a link that leads nowhere is made anew."""
    monkeypatch.setattr(debian, "is_debian", lambda: True)
    monkeypatch.setattr(debian, "CACHE", tmp_path)
    program = tmp_path / debian.SUITE / "docker-buildx/usr/libexec/docker/cli-plugins/docker-buildx"
    program.parent.mkdir(parents=True)
    program.touch()
    plugin = tmp_path / "docker-with-buildx" / "cli-plugins" / "docker-buildx"
    plugin.parent.mkdir(parents=True)
    plugin.symlink_to("nowhere")

    configs = [debian.buildx_plugin(), debian.buildx_plugin()]

    assert configs == [tmp_path / "docker-with-buildx"] * 2
    assert plugin.resolve() == program


@pytest.mark.parametrize("system", [{"ID": "ubuntu"}, OSError("no os-release")])
def test_elsewhere_there_is_no_package_and_it_is_said(
    system: dict[str, str] | OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another distribution, another system."""

    def told() -> dict[str, str]:
        if isinstance(system, OSError):
            raise system
        return system

    monkeypatch.setattr(platform, "freedesktop_os_release", told)

    assert not debian.is_debian()
    assert debian.buildx_plugin() is None
    with pytest.raises(SetupError, match="package containerd cannot be had"):
        debian.unpacked("containerd")
