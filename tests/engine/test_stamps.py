"""Labels that tell where an image comes from never make a step run again."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.checkout import check_in
from tests.support.command import imagebuild

if TYPE_CHECKING:
    from docker import DockerClient

HELLO = Path(__file__).parents[2] / "examples" / "hello"
REVISION = "org.opencontainers.image.revision"


@pytest.mark.parametrize("builder", ["docker", "classic"])
def test_a_new_commit_of_the_same_files_runs_no_step_again(
    builder: str, base_image: str, engine: DockerClient, tmp_path: Path
) -> None:
    """An image that is there stands; one that is gone is put together from the cache."""
    project = Path(shutil.copytree(HELLO, tmp_path / "hello"))
    name = f"imagebuild-tests/stamps:{builder}"

    def build() -> tuple[dict[str, Any], str]:
        ran = imagebuild(
            *("build", "--image", name, "--builder", builder, "--json"),
            cwd=project,
            env=os.environ,
        )
        assert ran.code == 0, ran.told
        return json.loads("\n".join(ran.answer)), ran.told

    def revision() -> str:
        return str(engine.images.get(name).labels[REVISION])

    one = check_in(project, "one")
    first, _ = build()
    assert revision() == one
    two = check_in(project, "two")
    second, _ = build()
    stood = revision()
    # A name of its own keeps the layers, as they may be all that the cache has.
    engine.images.get(name).tag("imagebuild-tests/stamps", f"{builder}-kept")
    engine.images.remove(name)
    third, told = build()
    anew = revision()
    for made in (name, f"imagebuild-tests/stamps:{builder}-kept"):
        engine.images.remove(made, force=True)

    assert (first["built"], second["built"], third["built"]) == (True, False, True)
    assert second["image_id"] == first["image_id"]
    assert (stood, anew) == (one, two)
    ended = [line for line in told.splitlines() if re.search(r"\] (WORKDIR|COPY|RUN) ", line)]
    ran = [line for line in ended if not line.endswith("  cached")]
    assert len(ended) >= 4  # by the classic builder each begins first
    assert [line for line in ran if f"{line}  cached" not in ended] == []
