"""What changes what Prefect reads of a flow changes its key, or leaves none."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.flow_keys import Doubt
from tests.support.flow_edits import EDITS, PROJECT, Edit, key
from tests.support.scripts import python
from tests.unit.values import write

if TYPE_CHECKING:
    from pathlib import Path

# The job that reads a flow for a deploy, in each folder, as if nothing was imported before.
DESCRIBE = """
import json, os, sys
import prefect.flows, pydantic
from imagebuild.recorders.prefect_jobs import describe

before, told = set(sys.modules), []
for folder in sys.argv[1:]:
    os.chdir(folder)
    told += describe({"flows": [("flow.py:hello", "flow.py:hello")]})
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "") or folder).startswith(folder):
            del sys.modules[name]
    sys.path_importer_cache.clear()
print("\\n" + json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Prefect tells of the flow of the project as it is (under ""), and after each edit."""
    top = tmp_path_factory.mktemp("edits")
    projects = {"": PROJECT, **{edit.what: edit.applied() for edit in EDITS}}
    folders: list[Path] = []
    for number, files in enumerate(projects.values()):
        folder = top / str(number)
        folder.mkdir()
        folders.append(write(folder, dict(files)))
    env = {**os.environ, "PREFECT_HOME": str(top), "DO_NOT_TRACK": "1", "NAME": "n", "SIZE": "1"}
    printed = python("-W", "ignore", "-c", DESCRIBE, *folders, cwd=top, env=env)
    return dict(zip(projects, json.loads(printed.splitlines()[-1]), strict=True))


def test_prefect_reads_the_project(told: dict[str, Any]) -> None:
    """Everything that has a default has the one that the code gives it."""
    assert told[""]["description"] == "It greets."
    properties = told[""]["parameters"]["properties"]
    assert {name: one["default"] for name, one in properties.items() if "default" in one} == {
        "name": "world",
        "n": 7,
        "limit": 10,
        "mode": "fast",
        "colour": "red",
        "options": None,
        "size": 1,
        "width": 2,
        "start": "2024-01-01",
        "several": [1, 2],
    }


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.what)
def test_a_key_stays_only_where_prefect_reads_the_same(edit: Edit, told: dict[str, Any]) -> None:
    """The other way round, a key may change where nothing else does."""
    try:
        is_same = key(edit.applied()) == key(PROJECT)
    except Doubt:
        is_same = False
    assert not is_same or told[edit.what] == told[""]


def test_the_edits_are_worth_the_name(told: dict[str, Any]) -> None:
    """Most of those that change the key change what Prefect reads."""
    wanted = [edit for edit in EDITS if edit.key == "other"]
    changing = [edit.what for edit in wanted if told[edit.what] != told[""]]
    assert len(changing) >= len(wanted) * 2 / 3
