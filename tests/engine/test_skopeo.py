"""Another tool reads what was pushed: skopeo, as Debian has it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.command import imagebuild
from tests.support.processes import apt_install, run
from tests.support.small_image import import_small

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer
    from tests.support.registry import Registry

HELLO = Path(__file__).parents[2] / "examples" / "hello"
# Each label that an image has, and what its value looks like.
LABELS = {
    "io.imagebuild.code-key": r"[0-9a-f]{64}",
    "io.imagebuild.environment-key": r"[0-9a-f]{64}",
}


@pytest.fixture(scope="module")
def inspected(
    engine: DockerClient,
    registry: Registry,
    prefect_server: PrefectServer,
    docker_pool: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Any]]:
    """Deploy a copy of the example, and give what skopeo then tells of the image.

    https://github.com/containers/skopeo/blob/main/docs/skopeo-inspect.1.md
    """
    if shutil.which("skopeo") is None:
        apt_install("skopeo")
    base = import_small(engine)
    project = Path(shutil.copytree(HELLO, tmp_path_factory.mktemp("skopeo") / "hello"))
    (project / "requirements.txt").unlink()
    name = f"{registry.address}/team/skopeo:v1"
    env = prefect_server.environment()
    arguments = ("deploy", "--image", name, "--name", "skopeo", "--base", base)
    ran = imagebuild(*arguments, cwd=project, env=env)
    assert ran.code == 0, ran.told
    told = run("skopeo", "inspect", "--tls-verify=false", f"docker://{name}")
    yield {"reference": ran.reference, **json.loads(told)}
    for made in (name, base):
        engine.images.remove(made, force=True)


def test_skopeo_finds_the_digest_that_was_recorded(inspected: dict[str, Any]) -> None:
    """The reference that deploy prints names the manifest that skopeo reads."""
    assert inspected["reference"].endswith(f"/team/skopeo:v1@{inspected['Digest']}")
    assert (inspected["Os"], inspected["RepoTags"]) == ("linux", ["v1"])


@pytest.mark.parametrize(("label", "value"), LABELS.items(), ids=LABELS)
def test_skopeo_reads_the_labels(inspected: dict[str, Any], label: str, value: str) -> None:
    """What says of an image what it is made of can be read without pulling it."""
    assert re.fullmatch(value, inspected["Labels"][label])
