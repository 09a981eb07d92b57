"""Another tool reads what was pushed: skopeo, as Debian has it."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.checkout import ORIGIN, check_in
from tests.support.command import imagebuild
from tests.support.processes import apt_install, run
from tests.support.small_image import import_small

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.support.command import Ran
    from tests.support.registry import Registry

HELLO = Path(__file__).parents[2] / "examples" / "hello"
OCI = "org.opencontainers.image."


@dataclass(frozen=True)
class Pushed:
    """What was built and pushed, from which commit, on which base, and what the command said."""

    name: str
    commit: str
    base: str
    base_digest: str
    ran: Ran

    @property
    def digest(self) -> str:
        """The digest that the command printed."""
        return self.ran.reference.partition("@")[2]


@pytest.fixture(scope="module")
def pushed(
    engine: DockerClient, registry: Registry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pushed]:
    """Build a checkout of the example on a base of a registry, and push it under three tags."""
    if shutil.which("skopeo") is None:
        apt_install("skopeo")
    small = import_small(engine)
    base, name = (f"{registry.address}/{each}" for each in ("bases/small:1", "team/skopeo:v1"))
    engine.images.get(small).tag(base)
    engine.api.push(base)
    digest = registry.digest("bases/small", "1")
    project = Path(shutil.copytree(HELLO, tmp_path_factory.mktemp("skopeo") / "hello"))
    (project / "requirements.txt").unlink()
    commit = check_in(project, "first")
    tags = ("--tag", "v2", "--tag", "stable")
    there = ("--builder", "docker")  # so that the engine has something for `push`
    arguments = ("build", "--push", "--image", name, *tags, "--base", base, *there)
    ran = imagebuild(*arguments, cwd=project, env=os.environ)
    assert ran.code == 0, ran.told
    yield Pushed(name, commit, base, str(digest), ran)
    engine.images.remove(str(engine.images.get(name).id), force=True)
    for made in (base, small):
        engine.images.remove(made, force=True)


@pytest.fixture(scope="module")
def inspected(pushed: Pushed) -> dict[str, Any]:
    """Give what skopeo tells of the image.

    https://github.com/containers/skopeo/blob/main/docs/skopeo-inspect.1.md
    """
    told: dict[str, Any] = json.loads(
        run("skopeo", "inspect", "--tls-verify=false", f"docker://{pushed.name}")
    )
    return told


def test_skopeo_finds_the_digest_that_was_printed_under_every_tag(
    pushed: Pushed, inspected: dict[str, Any], registry: Registry
) -> None:
    """The reference names the manifest that skopeo reads; each tag of the build means it."""
    assert pushed.ran.reference == f"{pushed.name}@{inspected['Digest']}"
    assert inspected["Os"] == "linux"
    assert {"v1", "v2", "stable"} <= set(inspected["RepoTags"])
    digests = {registry.digest("team/skopeo", tag) for tag in ("v1", "v2", "stable")}
    assert digests == {inspected["Digest"]}


def test_push_gives_the_same_image_further_tags(
    pushed: Pushed, registry: Registry, tmp_path: Path
) -> None:
    """Both by one command, which prints the reference of the first."""
    arguments = ("push", pushed.name, "--tag", "v3", "--tag", "v4")
    ran = imagebuild(*arguments, cwd=tmp_path, env=os.environ)

    assert ran.reference == pushed.ran.reference
    assert {registry.digest("team/skopeo", tag) for tag in ("v1", "v3", "v4")} == {pushed.digest}


def test_skopeo_reads_the_labels(pushed: Pushed, inspected: dict[str, Any]) -> None:
    """What an image is made of and where it comes from can be read without pulling it."""
    labels = inspected["Labels"]

    for kind in ("code", "environment"):
        assert re.fullmatch("[0-9a-f]{64}", labels[f"io.imagebuild.{kind}-key"])
    told = {key.removeprefix(OCI): value for key, value in labels.items() if key.startswith(OCI)}
    assert re.fullmatch("[0-9a-f]{12}", told.pop("version"))
    assert told == {
        "created": "2023-11-14T22:13:20Z",
        "revision": pushed.commit,
        "source": f"{ORIGIN}.git",
        "base.name": pushed.base,
        "base.digest": pushed.base_digest,
    }
