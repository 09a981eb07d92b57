"""An engine that has no BuildKit: a real one, of which a proxy answers as such engines do."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import imagebuild
from tests.support.proxies import Fault, status_answer

if TYPE_CHECKING:
    from docker import DockerClient

    from tests.support.proxies import RecordingProxy

HELLO = Path(__file__).parents[2] / "examples" / "hello"
NAME = "imagebuild-tests/no-buildkit:v1"
WARNING = "warning: the engine has no BuildKit: it builds with the classic builder\n"
# What an engine of before 18.09 says, and one that does not know the way to switch protocols.
ANSWERS = {
    "not found": status_answer("404 Not Found", body='{"message":"page not found"}'),
    "not switched": status_answer("200 OK", body=""),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a copy of the example, in a folder of the same name."""
    return Path(shutil.copytree(HELLO, tmp_path / "hello"))


def _without_buildkit(engine: RecordingProxy, answer: bytes) -> None:
    for path in ("session", "grpc"):
        engine.faults.append(Fault("POST", rf"/v[0-9.]+/{path}", 99, answer))


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_it_builds_with_the_builder_that_it_has(
    answer: bytes,
    project: Path,
    base_image: str,
    engine: DockerClient,
    recorded_engine: RecordingProxy,
) -> None:
    """The same image as that builder makes when it is asked for, and a line that says so."""
    _without_buildkit(recorded_engine, answer)
    arguments = ("build", "--image", NAME)

    ran = imagebuild(*arguments, cwd=project, env=os.environ)
    made = engine.images.get(NAME)
    engine.images.get(NAME).tag("imagebuild-tests/no-buildkit", "kept")
    engine.images.remove(NAME)
    asked_for = imagebuild(*arguments, "--builder", "classic", cwd=project, env=os.environ)
    same = engine.images.get(NAME)
    for name in (NAME, "imagebuild-tests/no-buildkit:kept"):
        engine.images.remove(name, force=True)

    assert ran.reference == asked_for.reference == NAME
    assert ran.told.count(WARNING) == 1
    assert "hint: use Docker Engine 18.09 or newer" in ran.told
    assert "has no cache mounts" in ran.told
    assert WARNING not in asked_for.told
    assert same.id == made.id


def test_it_has_no_platform_but_its_own_and_no_secrets(
    project: Path, base_image: str, recorded_engine: RecordingProxy
) -> None:
    """Both are refused before anything is built, with the reason."""
    _without_buildkit(recorded_engine, ANSWERS["not found"])
    env = {**os.environ, "TOKEN": "x"}

    platform = imagebuild("build", "--platform", "linux/s390x", cwd=project, env=env)
    secret = imagebuild("build", "--secret", "id=t,env=TOKEN", cwd=project, env=env)

    assert (platform.code, platform.answer) == (2, []), platform.told
    assert "linux/s390x" in platform.told
    assert (secret.code, secret.answer) == (2, []), secret.told
    assert "secrets and ssh agents need BuildKit" in secret.told
    assert recorded_engine.asked("POST", ".*/grpc")
    assert recorded_engine.asked("POST", ".*/session")
    assert recorded_engine.asked("POST", ".*/build.*") == []
