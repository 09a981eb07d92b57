"""What a plan says of the commit that the code is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagebuild.cli.preview import plan_document, plan_lines
from imagebuild.commit import Commit
from imagebuild.survey import survey
from tests.unit.values import plan, request, write

if TYPE_CHECKING:
    from pathlib import Path

HASH = "0123456789" * 4


class Checkout:
    """A folder that is of a commit."""

    def __init__(self, root: Path, commit: Commit | None) -> None:
        self.root, self.name, self.commit = root, root.name, commit


@pytest.mark.parametrize(
    ("commit", "line"),
    [
        (Commit(HASH, 0, url="https://host/a.git"), f"{HASH}  https://host/a.git"),
        (Commit(HASH, 0, dirty=True), f"{HASH}, with changes that are not committed"),
        (None, None),
    ],
)
def test_a_plan_tells_the_commit(commit: Commit | None, line: str | None, tmp_path: Path) -> None:
    """Which, of which repository, and whether it is all that there is."""
    root = tmp_path / "app"
    write(root, {"flow.py": ""})
    project = survey(request(root), Checkout(root, commit), lambda _: None)
    document = plan_document(project, plan(), None)
    told = [each for each in plan_lines(document) if each.startswith("commit ")]

    assert told == ([f"{'commit':<17}{line}"] if line else [])
    assert (document["commit"] or {}).get("revision") == (HASH if line else None)
