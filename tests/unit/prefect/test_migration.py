"""The example of a migration: only the names change, and its page says so word for word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

MIGRATION = Path(__file__).parents[3] / "examples" / "migration"
NAMES = {
    "prefect.yaml": {"prefect_docker.deployments.steps": "imagebuild.steps"},
    "deploy.py": {
        "from prefect.docker import DockerImage": "from imagebuild import FlowImage",
        "DockerImage(": "FlowImage(",
    },
}


@pytest.mark.parametrize("file", NAMES)
def test_only_the_names_change(file: str) -> None:
    """Whatever else the file says stays as it was."""
    text = before = (MIGRATION / "before" / file).read_text()
    for old, new in NAMES[file].items():
        assert old in text
        text = text.replace(old, new)

    assert (MIGRATION / file).read_text() == text != before


@pytest.mark.parametrize("file", NAMES)
def test_the_page_shows_the_lines_that_change(file: str) -> None:
    """Those that go and those that come, in their order."""
    page = (MIGRATION / "README.md").read_text()
    before = (MIGRATION / "before" / file).read_text().splitlines()
    after = (MIGRATION / file).read_text().splitlines()
    changed = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    shown = re.findall(r"^-(.*)\n\+(.*)$", page, re.MULTILINE)

    assert changed
    assert [pair for pair in shown if pair in changed] == changed
