"""What the project's files say, and what is told of them on the way."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.errors import UsageError
from imagebuild.events import Event, Note, Warned
from imagebuild.plan import Dependencies
from imagebuild.sources.local import LocalSource
from imagebuild.survey import Project, survey
from tests.unit.values import request, write

if TYPE_CHECKING:
    from pathlib import Path


def surveyed(root: Path, **asked: Any) -> tuple[Project, list[Event]]:
    """The project, and what was told."""
    told: list[Event] = []
    with LocalSource(root, {}).checkout() as checkout:
        return survey(request(root, **asked), checkout, told.append), told


def test_a_project_is_named_like_its_folder(tmp_path: Path) -> None:
    """With its files and its dependencies, and nothing to tell."""
    root = write(tmp_path / "My App", {"flow.py": "", "requirements.txt": "emoji\n"})
    project, told = surveyed(root)

    assert project.name == "My App"
    assert project.context.root == root
    assert project.dependencies == Dependencies(("requirements.txt",), ("requirements.txt",))
    assert told == []


def test_another_requirements_file_is_found_from_the_root(tmp_path: Path) -> None:
    """As it was asked for."""
    write(tmp_path, {"deps/prod.txt": "emoji\n"})
    project, _ = surveyed(tmp_path, requirements="deps/prod.txt")

    assert project.dependencies.requirements == ("deps/prod.txt",)


def test_each_secret_that_stays_behind_is_told(tmp_path: Path) -> None:
    """By its path, and nothing of what is in it."""
    _, told = surveyed(write(tmp_path, {".env": "TOKEN=canary", "certs/a.key": "canary"}))

    assert told == [
        Note("left out, as it looks like a secret: .env"),
        Note("left out, as it looks like a secret: certs/a.key"),
    ]


def test_what_no_image_can_hold_is_a_warning(tmp_path: Path) -> None:
    """The flow might have counted on it."""
    os.mkfifo(tmp_path / "pipe")

    assert surveyed(tmp_path)[1] == [Warned("left out, as no image can hold it: pipe")]


@pytest.mark.parametrize(("path", "warned"), [("lib/a.log", True), ("a.log", False)])
def test_a_line_in_gitignores_manner_is_a_warning_where_it_matters(
    tmp_path: Path, path: str, warned: bool
) -> None:
    """That is, where a file is sent that the line was meant to leave out."""
    _, told = surveyed(write(tmp_path, {".dockerignore": "\n*.log\n", path: ""}))

    assert warned is bool(told)
    for event in told:
        assert isinstance(event, Warned)
        assert event.text.startswith(".dockerignore, line 2 (*.log) applies only in the project's")
        assert event.hint == "write **/*.log"


@pytest.mark.parametrize("root", ["gone", "file"])
def test_a_root_that_is_no_folder_is_refused(tmp_path: Path, root: str) -> None:
    """Before anything is read."""
    write(tmp_path, {"file": ""})
    with pytest.raises(UsageError, match=f"there is no folder {tmp_path}/{root}"):
        surveyed(tmp_path / root)


def test_the_whole_machine_is_no_project(tmp_path: Path) -> None:
    """Not even by way of a link."""
    (tmp_path / "link").symlink_to("/")
    with pytest.raises(UsageError, match="the project root is /, the whole machine"):
        surveyed(tmp_path / "link")


def test_a_root_is_the_folder_that_a_link_leads_to(tmp_path: Path) -> None:
    """So the image does not depend on the way that the user took."""
    write(tmp_path / "app", {"flow.py": ""})
    (tmp_path / "link").symlink_to("app")
    project, _ = surveyed(tmp_path / "link" / "..")

    assert project.context.root == tmp_path
    assert surveyed(tmp_path / "link")[0].name == "app"


def test_a_password_in_a_nested_list_is_a_warning(tmp_path: Path) -> None:
    """It names the place and the way out, and not the password."""
    lists = {
        "requirements.txt": "-r more.txt\n",
        "more.txt": "-i https://me:canary@index.example\n",
    }
    _, told = surveyed(write(tmp_path, lists))

    [warning] = told
    assert isinstance(warning, Warned)
    assert "more.txt, line 1" in warning.text
    assert "--secret id=netrc" in str(warning.hint)
    assert "canary" not in repr(warning)
