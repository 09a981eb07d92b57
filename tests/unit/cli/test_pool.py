"""`imagebuild pool set-image` in memory: what it asks for, and what it says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from imagebuild.cli import main
from imagebuild.state import Pool

if TYPE_CHECKING:
    from imagebuild.testing import MemoryRecorder

    Captured = pytest.CaptureFixture[str]

V1 = "reg.example/base:v1"


def ran(*arguments: str) -> int:
    """The exit code of a command of the group."""
    return main(["pool", "set-image", *arguments])


def test_it_says_what_was_there_and_how_to_set_it_back(
    asked: object, recorder: MemoryRecorder, capsys: Captured
) -> None:
    """Typed as it stands, the hint does that."""
    assert ran("docker", V1) == 0
    out, err = capsys.readouterr()
    assert out == f"{V1}\n"
    assert f"note: the default image of the work pool docker is {V1}; it was none" in err
    assert "note: to set it back: imagebuild pool set-image docker --unset" in err
    assert recorder.pools["docker"].variables["image"] == {"type": "string", "default": V1}

    assert ran("docker", V1) == 0
    assert "note: nothing changed" in capsys.readouterr().err
    assert recorder.writes == 1

    assert ran("docker", "--unset") == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert f"note: to set it back: imagebuild pool set-image docker {V1}" in err
    assert recorder.pools["docker"].variables["image"] == {"type": "string"}


def test_a_local_image_is_used_as_it_is(
    asked: object, recorder: MemoryRecorder, capsys: Captured
) -> None:
    """As one that a deployment records; the policy goes with it."""
    assert ran("docker", "base:latest") == 0
    assert "default image_pull_policy is IfNotPresent; it was none" in capsys.readouterr().err
    assert recorder.pools["docker"].variables["image_pull_policy"] == {"default": "IfNotPresent"}

    assert ran("docker", "base:v2", "--push") == 0
    assert recorder.pools["docker"].variables["image_pull_policy"] == {}


def test_json_tells_both(asked: object, capsys: Captured) -> None:
    """As one document."""
    assert ran("docker", V1, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["image"], answer["before"], answer["changed"]) == (V1, None, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["docker"], ("give one of IMAGE and --unset",)),
        (["docker", V1, "--unset"], ("give one of IMAGE and --unset",)),
        (["docker", "UPPER"], ("cannot use IMAGE", "lower case")),
        (["dokcer", V1], ("no work pool 'dokcer'", "did you mean 'docker'?")),
        (["proc", V1], ("'proc' takes no image", "pools that take an image: docker")),
        ([], ("Missing argument 'POOL'",)),
    ],
)
def test_what_cannot_be_meant_is_refused(
    asked: object,
    recorder: MemoryRecorder,
    capsys: Captured,
    arguments: list[str],
    words: tuple[str, ...],
) -> None:
    """Nothing is written."""
    recorder.pools["proc"] = Pool("proc", "process", {"env": {}})

    assert ran(*arguments) == 2
    out, err = capsys.readouterr()
    assert (out, recorder.writes) == ("", 0)
    for word in words:
        assert word in err
