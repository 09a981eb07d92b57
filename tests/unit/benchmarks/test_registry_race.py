"""What the race to the registry makes of its runs, and what it prepares."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import TYPE_CHECKING

from rich.console import Console

from tests.benchmarks.chains import longest_chain
from tests.benchmarks.oci_layout import add_layer, layer_of
from tests.benchmarks.race_figures import Push, Result, ratio, sentence, table
from tests.support.proxies import Request

if TYPE_CHECKING:
    from pathlib import Path

OURS = Result("ours", [Push(1.0, 5, 100, 3), Push(3.0, 7, 300, 4), Push(2.0, 6, 200, 3)])
SLOW = Result("slow", [Push(8.0, 20, 10**6, stopped=True)])
NOT_HERE = Result("other", why="there is none here")


def _asked(*times: tuple[float, float]) -> list[Request]:
    return [Request("GET", "/v2/", began=began, answered=ended) for began, ended in times]


def test_what_runs_at_the_same_time_is_one_round_trip() -> None:
    """Two by two, and one that was never answered."""
    assert longest_chain(_asked((0, 2), (1, 3), (3, 5), (4, 6), (9, 0))) == 2
    assert longest_chain([]) == 0


def test_the_longest_chain_passes_by_what_takes_long() -> None:
    """Three short ones beside a long one are three."""
    assert longest_chain(_asked((0, 9), (0, 1), (1, 2), (2, 3))) == 3


def test_each_figure_has_a_median_of_its_own() -> None:
    """Numbers of requests stay whole."""
    assert OURS.median == Push(2.0, 6, 200, 3)
    assert SLOW.median == Push(8.0, 20, 10**6, None, stopped=True)


def test_only_what_ran_is_compared() -> None:
    """And not the first with itself."""
    assert ratio(SLOW, OURS) == 4.0
    assert ratio(OURS, OURS) is None
    assert ratio(NOT_HERE, OURS) is None
    assert sentence("a case", [OURS, SLOW, NOT_HERE]) == (
        "a case: slow more than 4.0 times as long as ours."
    )
    assert sentence("a case", [OURS, NOT_HERE]) == "a case: nothing to compare with ours."


def test_who_did_not_run_stands_in_the_table_with_the_reason() -> None:
    """Nobody is left out."""
    console = Console(width=120, file=io.StringIO(), record=True)
    console.print(table("a case", [OURS, SLOW, NOT_HERE], "a caption"))
    text = console.export_text()

    assert "> 8.00" in text
    assert "> 4.0" in text
    assert "1.0 MB" in text
    assert "not run, other: there is none here" in text
    assert "a caption" in text
    assert "round trips" in text
    assert len(table("without", [SLOW]).columns) == 5


def test_a_layer_is_added_to_a_layout(tmp_path: Path) -> None:
    """Upon the image that is there, again and again; config and manifest name it."""
    layout, project = tmp_path / "layout", tmp_path / "project"
    _empty_layout(layout)
    project.mkdir()
    for content in ("old", "new"):
        (project / "flow.py").write_text(content)
        add_layer(layout, "base", "changed", layer_of(project, "/opt/code"))
    index = json.loads((layout / "index.json").read_text())
    [_, entry] = index["manifests"]
    manifest = json.loads(_blob(layout, entry["digest"]))
    config = json.loads(_blob(layout, manifest["config"]["digest"]))
    [layer] = manifest["layers"]
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(_blob(layout, layer["digest"])))) as tar:
        file = tar.extractfile("opt/code/flow.py")
        assert file is not None
        assert file.read() == b"new"

    assert len(config["rootfs"]["diff_ids"]) == 1
    assert entry["annotations"] == {"org.opencontainers.image.ref.name": "changed"}


def _empty_layout(layout: Path) -> None:
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    (blobs / "config").write_text('{"rootfs": {"type": "layers", "diff_ids": []}}')
    (blobs / "manifest").write_text('{"config": {"digest": "sha256:config"}, "layers": []}')
    name = {"org.opencontainers.image.ref.name": "base"}
    entry = {"digest": "sha256:manifest", "size": 1, "annotations": name}
    (layout / "index.json").write_text(json.dumps({"manifests": [entry]}))


def _blob(layout: Path, digest: str) -> bytes:
    return (layout / "blobs" / digest.replace(":", "/")).read_bytes()
