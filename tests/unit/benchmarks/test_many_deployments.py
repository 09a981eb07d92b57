"""What the race of ten deployments says of its figures, and what both commands read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagebuild.prefect.file_reading import read_file
from tests.benchmarks.many_deployments import DEPLOYMENTS, ImagebuildAll, PrefectAll, sentence
from tests.benchmarks.ways import Project
from tests.benchmarks.world import Cost

if TYPE_CHECKING:
    from pathlib import Path


def test_both_read_the_same_file(tmp_path: Path) -> None:
    """Of ten deployments with one image."""
    ImagebuildAll().write(Project(tmp_path, "reg.example/team/many"))
    ours = (tmp_path / "prefect.yaml").read_text()
    PrefectAll().write(Project(tmp_path, "reg.example/team/many"))

    assert (tmp_path / "prefect.yaml").read_text() == ours
    assert len(read_file(tmp_path / "prefect.yaml").deployments) == DEPLOYMENTS


def test_the_sentence_tells_the_ratio() -> None:
    """From both times."""
    costs = {
        ImagebuildAll.name: Cost(2.0, 0, 0, 0, 0, 0, 0),
        PrefectAll.name: Cost(5.0, 0, 0, 0, 0, 0, 0),
    }

    assert "takes 5.00 s, 2.5 times as long as imagebuild deploy --all (2.00 s)" in sentence(costs)
