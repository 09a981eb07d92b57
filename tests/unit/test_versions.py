"""Where a flow wants another Python or Prefect than its base has, and where nobody can tell."""

from __future__ import annotations

import pytest

from imagebuild.versions import mismatches, prefect_version

LATEST = "prefecthq/prefect:3-latest"
PYTHON_LABEL = "io.prefect.python-version"


def project(wanted: str) -> str:
    """A pyproject.toml that wants this Python."""
    return f'[project]\nname = "app"\nrequires-python = "{wanted}"\n'


@pytest.mark.parametrize(
    ("line", "base", "excluded"),
    [
        # A part of a version stands for every release of it.
        ("prefect==2.19", LATEST, "3"),
        ("prefect<3", LATEST, "3"),
        ("prefect<=3", LATEST, None),
        ("prefect>=3.2,<3.5", LATEST, None),
        ("prefect>=4", LATEST, "3"),
        ("prefect>3.9999", LATEST, None),
        ("prefect~=2.19", LATEST, "3"),
        ("prefect~=2.0,>=2.5", "prefecthq/prefect:2-latest", None),
        ("prefect!=3.*", LATEST, "3"),
        ("prefect!=3.0.*", LATEST, None),
        ("prefect>2,<3.0", LATEST, "3"),
        ("prefect>3,<3.0.1", LATEST, None),
        ("prefect>=3.2,<3.5", "prefecthq/prefect:3.4-python3.12", None),
        ("prefect>=3.2,<3.4", "prefecthq/prefect:3.4-python3.12", "3.4"),
        ("prefect>=3.2,<=3.4", "prefecthq/prefect:3.4-python3.12", None),
        ("prefect>=3.4.7", "prefecthq/prefect:3.4-python3.12", None),
        ("prefect>3.4", "prefecthq/prefect:3.4-python3.12", None),
        ("prefect==3.4.*,!=3.4.0", "prefecthq/prefect:3.4-python3.12", None),
        ("prefect!=3.4.*", "prefecthq/prefect:3.4-python3.12", "3.4"),
        ("prefect~=3.3.2", "prefecthq/prefect:3.4-python3.12", "3.4"),
        ("prefect~=3.3", "prefecthq/prefect:3.4-python3.12", None),
        ("prefect==3.0.0rc1", "prefecthq/prefect:3-latest", None),
        ("prefect>3.4.0rc1,<3.4.0rc5", "prefecthq/prefect:3.4-python3.12", None),
        ("prefect==2.0.0rc1", "prefecthq/prefect:3-latest", "3"),
        ("prefect==3rc1", "prefecthq/prefect:3.0-python3.12", None),
        ("prefect===3.4.x", "prefecthq/prefect:2-latest", None),
        # A whole one is itself alone.
        ("prefect==3.4.1", "prefecthq/prefect:3.4.1", None),
        ("prefect>3.4.1", "prefecthq/prefect:3.4.1", "3.4.1"),
        ("prefect>=3.4", "prefecthq/prefect:3.4.1-python3.12-conda", None),
        ("prefect<3.4.1", "prefecthq/prefect:3.4.1-python3.12", "3.4.1"),
        ("prefect>=3", "prefecthq/prefect:3.0.0rc2-python3.12", "3.0.0rc2"),
        ("prefect>=3.0.0rc1", "prefecthq/prefect:3.0.0rc2-python3.12", None),
        # Nothing is known of these.
        ("prefect==2.19", "prefecthq/prefect", None),
        ("prefect==2.19", "prefecthq/prefect:latest", None),
        ("prefect==2.19", "prefecthq/prefect:sha-0a1b2c3", None),
        ("prefect==2.19", "team/base:3", None),
        ("prefect==2.19", "team/prefect:3", None),
        ("prefect==2.19", "no image name", None),
        ("prefect", LATEST, None),
        ("prefect @ git+https://example.com/prefect.git@2.19", LATEST, None),
        ("prefect-docker==0.5", LATEST, None),
        ("-r base.txt", LATEST, None),
        ("./prefect==2", LATEST, None),
        ("# prefect==2.19", LATEST, None),
        # However it is written.
        ("Prefect[docker, aws] == 2.19  # old", LATEST, "3"),
        ("prefect==2.19 --hash=sha256:ab \\\n  --hash=sha256:cd", LATEST, "3"),
        ("emoji\n\nprefect \\\n  ==2.19\n", LATEST, "3"),
        ("prefect==2.19", "reg.example:5000/hub/prefecthq/prefect:3-latest", "3"),
        ("prefect==2.19", f"docker.io/{LATEST}@sha256:{'a' * 64}", "3"),
    ],
)
def test_a_requirement_that_no_such_prefect_meets_is_told(
    line: str, base: str, excluded: str | None
) -> None:
    """With both versions, and only where it is certain."""
    said = mismatches(line, None, base, {}, {})
    assert len(said) == (excluded is not None)
    for sentence in said:
        end = f" in the requirements excludes Prefect {excluded}, which the base {base} has"
        assert sentence.lower().startswith("prefect")
        assert sentence.endswith(end)


@pytest.mark.parametrize(
    ("wanted", "base", "excluded"),
    [
        (">=3.10", "prefecthq/prefect:3-python3.12", None),
        (">=3.13", "prefecthq/prefect:3-python3.12", "3.12"),
        (">=3.9,<3.12", "prefecthq/prefect:3.4.1-python3.12-kubernetes", "3.12"),
        ("==3.12.*", "prefecthq/prefect:3-python3.12", None),
        (">=3.12.4", "prefecthq/prefect:3-python3.12", None),
        ("<=3.12", "prefecthq/prefect:3-python3.12", None),
        ("~=3.11", "prefecthq/prefect:3-python3.12", None),
        ("~=3.11.0", "prefecthq/prefect:3-python3.12", "3.12"),
        (">=3.13", "team/base:v1-python3.12", "3.12"),
        (">=3.13", "team/base:cpython3.12", None),
        (">=3.13", LATEST, None),
        (">=3.8.*", "prefecthq/prefect:3-python3.12", None),
        ("", "prefecthq/prefect:3-python3.12", None),
    ],
)
def test_a_python_that_the_project_excludes_is_told(
    wanted: str, base: str, excluded: str | None
) -> None:
    """As its pyproject.toml has it."""
    said = mismatches(None, project(wanted), base, {}, {})
    assert len(said) == (excluded is not None)
    for sentence in said:
        assert sentence.startswith("requires-python = ")
        end = f" in pyproject.toml excludes Python {excluded}, which the base {base} has"
        assert sentence.endswith(end)


@pytest.mark.parametrize(
    "pyproject",
    [
        None,
        "",
        "requires-python = no TOML",
        'requires-python = ">=4"',
        "[project]\nrequires-python = 4",
        'project = "requires-python"',
        '[tool.other]\nrequires-python = ">=4"',
    ],
)
def test_a_project_that_wants_no_python_excludes_none(pyproject: str | None) -> None:
    """Whatever else is wrong with the file is not told here."""
    assert mismatches(None, pyproject, "prefecthq/prefect:3-python3.12", {}, {}) == ()


@pytest.mark.parametrize(
    ("labels", "env", "excluded"),
    [
        ({PYTHON_LABEL: "3.10"}, {"PYTHON_VERSION": "3.11.2"}, "3.10"),
        ({}, {"PYTHON_VERSION": "3.11.2"}, "3.11.2"),
        ({PYTHON_LABEL: "three"}, {"PYTHON_VERSION": ""}, "3.12"),
        ({PYTHON_LABEL: "3.13"}, {"PYTHON_VERSION": "3.11.2"}, None),
    ],
)
def test_a_label_tells_the_python_better_than_a_variable_and_a_tag(
    labels: dict[str, str], env: dict[str, str], excluded: str | None
) -> None:
    """A tag can be moved; what is no version counts for nothing."""
    said = mismatches(None, project(">=3.13"), "prefecthq/prefect:3-python3.12", labels, env)
    assert bool(said) == bool(excluded)
    assert all(f"excludes Python {excluded}, " in sentence for sentence in said)


@pytest.mark.parametrize(
    ("labels", "env", "excluded"),
    [
        ({"io.prefect.version": "3.1.2"}, {"PREFECT_VERSION": "3.1.1"}, "3.1.1"),
        ({"io.prefect.version": "3.1.2"}, {}, "3.1.2"),
        ({"io.prefect.version": "3.5.0"}, {}, None),
        ({}, {"PREFECT_VERSION": "newest"}, "3.4"),
    ],
)
def test_the_image_tells_its_prefect_better_than_its_tag(
    labels: dict[str, str], env: dict[str, str], excluded: str | None
) -> None:
    """A base may have been built on another one."""
    said = mismatches("prefect>=3.5", None, "prefecthq/prefect:3.4", labels, env)
    assert bool(said) == bool(excluded)
    assert all(f"excludes Prefect {excluded}, " in sentence for sentence in said)


@pytest.mark.parametrize(
    ("marker", "counts"),
    [
        ("python_version >= '3.12'", True),
        ("'3.12' <= python_version", True),
        ("python_version < '3.12'", False),
        ("sys_platform == 'linux' and os_name == 'posix'", True),
        ("sys_platform == 'win32'", False),
        ("platform_system != 'Linux'", False),
        ("python_version in '3.11 3.12'", True),
        ("platform_machine == 'x86_64'", False),
        ("python_full_version >= '3.12.1'", False),
        ("extra == 'old'", False),
        ("os_name ~= 'posix'", False),
    ],
)
def test_a_requirement_counts_where_its_marker_certainly_holds(marker: str, counts: bool) -> None:
    """In the image, that is, and not on this machine."""
    line = f"prefect==2.19; {marker}"
    said = mismatches(line, None, "prefecthq/prefect:3-python3.12", {}, {})
    assert bool(said) is counts


def test_a_marker_of_the_whole_python_counts_where_that_is_known() -> None:
    """An official image of Python says its own to the last digit."""
    line = "prefect==2.19; python_full_version >= '3.12.1'"
    env = {"PYTHON_VERSION": "3.12.4"}
    assert mismatches(line, None, LATEST, {}, env)
    assert not mismatches(line, None, LATEST, {}, {"PYTHON_VERSION": "3.12.0"})
    assert not mismatches("prefect==2; python_version<'4'", None, LATEST, {}, {})


def test_each_contradiction_is_told_once() -> None:
    """First the Python, then the requirements in their order."""
    said = mismatches(
        "prefect==2.19\nprefect==2.19\nprefect<3\n",
        project(">=3.13"),
        "prefecthq/prefect:3-python3.12",
        {},
        {},
    )
    assert [sentence.partition(" ")[0] for sentence in said] == [
        "requires-python",
        "prefect==2.19",
        "prefect<3",
    ]


@pytest.mark.parametrize(
    ("requirements", "base", "env", "told"),
    [
        ("prefect==3.4.1", LATEST, {}, "3.4.1"),
        ("prefect[docker]==3.4.1\nprefect<4", LATEST, {"PREFECT_VERSION": "3.8.8"}, "3.4.1"),
        ("prefect==3.4.1\nprefect==3.4.2", LATEST, {}, None),
        ("prefect==3.4.*", LATEST, {"PREFECT_VERSION": "3.8.8"}, None),
        ("prefect==3.4.1; sys_platform == 'win32'", LATEST, {}, None),
        ("emoji", LATEST, {"PREFECT_VERSION": "3.8.8"}, "3.8.8"),
        ("prefect>=3.4", LATEST, {"PREFECT_VERSION": "3.8.8"}, "3.8.8"),
        ("prefect<3.5", LATEST, {"PREFECT_VERSION": "3.8.8"}, None),
        (None, LATEST, {}, None),
        (None, "prefecthq/prefect:3.4.1-python3.12", {}, "3.4.1"),
        (None, "prefecthq/prefect:3.4-python3.12", {}, None),
        (None, "python:3.12.1", {}, None),
    ],
)
def test_the_prefect_of_the_image_is_told_where_it_is_certain(
    requirements: str | None, base: str, env: dict[str, str], told: str | None
) -> None:
    """What is pinned, else the base's own, if nothing installs another."""
    assert prefect_version(requirements, base, {}, env) == told
