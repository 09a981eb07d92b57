"""What is said of the deployments in an example's prefect.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagebuild.cli import main
from imagebuild.record import Described
from imagebuild.state import Pool
from imagebuild.testing import DOCKER, FakeBuilder, FakeRegistry, MemoryRecorder
from tests.golden.agreed import NO_GIT, agreed, example, names
from tests.unit.cli.shop import Shop, in_memory
from tests.unit.values import DIGEST

if TYPE_CHECKING:
    from collections.abc import Mapping

MANY = example("many-deployments")
SAID: Mapping[str, list[str]] = {
    "choose": ["deploy", "--context", MANY],
    "dry-run": ["deploy", "--all", "--dry-run", "--context", MANY],
    "near": ["deploy", "-n", "daly", "--context", MANY],
}


@pytest.fixture(autouse=True)
def shop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example's pool, its base, and nothing else, in memory."""
    registry = FakeRegistry()
    registry.digests["docker.io/prefecthq/prefect:3-latest"] = DIGEST
    takes = {"day": {"type": "string"}, "keep": {"type": "integer"}}
    flows = Described({"type": "object", "properties": takes})
    pool = Pool("my-docker-pool", "docker", DOCKER.variables)
    recorder = MemoryRecorder([pool], parameters=flows)
    in_memory(Shop(FakeBuilder(registry), recorder), monkeypatch)
    for variable, value in NO_GIT.items():
        monkeypatch.setenv(variable, value)


@pytest.mark.parametrize("name", SAID)
def test_what_is_said_is_what_was_agreed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer, or the error."""
    main(SAID[name])
    out, told = capsys.readouterr()
    shown = out or told

    assert shown == agreed("prefect-file", f"{name}.txt", shown)


def test_there_is_no_golden_file_that_is_not_said() -> None:
    """What is no longer printed is no longer agreed."""
    assert names("prefect-file") == sorted(SAID)
