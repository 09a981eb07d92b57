"""Images of a prefect.yaml besides the one that a deployment runs."""

from __future__ import annotations

import shlex
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from imagebuild.cli import main
from imagebuild.errors import BuildFailed
from tests.unit.cli.shop import Shop, in_memory
from tests.unit.values import write

if TYPE_CHECKING:
    from pathlib import Path

    from imagebuild.testing import FakeBuilder, MemoryRecorder

    Captured = pytest.CaptureFixture[str]

FLOW = "from prefect import flow\n\n@flow\ndef first(): ...\n"
FILE = """
build:
  - imagebuild.steps.build_docker_image:
      id: build-side
      image_name: reg.example/side
      tag: v1
      additional_tags: [stable]
      path: side
  - prefect_docker.deployments.steps.build_docker_image:
      id: build-main
      image_name: reg.example/main
      tag: v2
      dockerfile: auto
push:
  - prefect_docker.deployments.steps.push_docker_image:
      id: push-main
      image_name: "{{ build-main.image_name }}"
      tag: "{{ build-main.tag }}"
  - imagebuild.steps.push_docker_image:
      id: push-side
      image_name: "{{ build-side.image_name }}"
      tag: "{{ build-side.tag }}"
deployments:
  - name: a
    entrypoint: flows.py:first
    work_pool: &pool
      name: docker
      job_variables:
        image: "{{ build-main.image }}"
        env: {SIDE: "{{ build-side.image }}"}
  - name: b
    entrypoint: flows.py:first
    version: "{{ push-side.digest }}"
    work_pool: *pool
"""
SIDE, MAIN = "reg.example/side:v1", "reg.example/main:v2"


@pytest.fixture
def shop(
    project: Path,
    builder: FakeBuilder,
    recorder: MemoryRecorder,
    monkeypatch: pytest.MonkeyPatch,
) -> Shop:
    """A project with two images, and everything around it in memory."""
    files = {"flows.py": FLOW, "prefect.yaml": FILE, "side/Dockerfile": "FROM scratch\nCOPY . .\n"}
    write(project, files)
    return in_memory(Shop(builder, recorder), monkeypatch)


def _deploy(line: str) -> int:
    return main(["deploy", *shlex.split(line)])


def _file(project: Path, old: str, new: str) -> None:
    assert old in FILE
    write(project, {"prefect.yaml": FILE.replace(old, new)})


def _side(shop: Shop, name: str = "first/a") -> str:
    return str(shop.recorder.deployments[name].job_variables["env"]["SIDE"])


def _names(shop: Shop) -> list[str]:
    """What was built, in its order."""
    return [str(plan.name) for plan in shop.builder.built]


def test_both_are_built_and_pushed_in_the_files_order(shop: Shop) -> None:
    """Each once for all deployments; the placeholders are those of its own."""
    assert _deploy("--all") == 0
    digests = shop.builder.registry.digests
    held = shop.recorder.deployments

    assert _names(shop) == [SIDE, MAIN]
    assert [str(name) for name in shop.builder.registry.pushes] == [MAIN, SIDE]
    assert {one.job_variables["image"] for one in held.values()} == {f"{MAIN}@{digests[MAIN]}"}
    assert _side(shop) == _side(shop, "first/b") == SIDE
    assert held["first/b"].version == digests[SIDE]


def test_what_has_not_changed_is_not_done_again(shop: Shop) -> None:
    """Nor is anything else."""
    _deploy("--all")
    writes, pushes = shop.recorder.writes, list(shop.builder.registry.pushes)
    assert _deploy("--all") == 0

    assert _names(shop) == [SIDE, MAIN]
    assert (shop.recorder.writes, shop.builder.registry.pushes) == (writes, pushes)


@pytest.mark.parametrize(
    ("image", "built", "runs"),
    [
        ("{{ build-main.image }}", [SIDE, MAIN], MAIN),
        ("{{ push-main.reference }}", [SIDE, MAIN], MAIN),
        ("{{ build-main.image_name }}:{{ build-main.tag }}", [SIDE, MAIN], MAIN),
        (MAIN, [SIDE, MAIN], MAIN),
        ("{{ build-side.image }}", [SIDE, MAIN], SIDE),
        ("reg.example/side:stable", [SIDE, MAIN], SIDE),
        ("{{ image }}", [SIDE, MAIN], SIDE),  # that of the last step
        ("reg.example/other:v7", [SIDE, MAIN], "reg.example/other:v7"),
        ("{{ build-main.image_name }}:old", [SIDE], "reg.example/main:old"),
    ],
)
def test_the_job_variables_say_which_one_the_deployment_runs(
    shop: Shop, project: Path, image: str, built: list[str], runs: str
) -> None:
    """By a step's id, or by its name; one that is none of them is there already."""
    text = FILE.replace("path: side", "dockerfile: side/Dockerfile")
    write(project, {"prefect.yaml": text.replace("{{ build-main.image }}", image)})
    assert _deploy("-n a") == 0
    recorded = str(shop.recorder.deployments["first/a"].job_variables["image"])

    assert sorted(_names(shop)) == sorted(built)
    assert recorded.partition("@")[0] == runs
    assert _side(shop) == SIDE


def test_a_lone_image_that_is_used_for_something_else_is_built(shop: Shop, project: Path) -> None:
    """The deployment runs another, and its variable names this one."""
    write(
        project,
        {
            "prefect.yaml": dedent(
                """
                build:
                  - imagebuild.steps.build_docker_image:
                      id: build-side
                      image_name: reg.example/side
                      path: side
                deployments:
                  - name: a
                    entrypoint: flows.py:first
                    work_pool:
                      name: docker
                      job_variables:
                        image: reg.example/ready:v7
                        env: {SIDE: "{{ build-side.image }}"}
                """
            )
        },
    )
    assert _deploy("-n a") == 0

    assert _names(shop) == [_side(shop)]
    assert _side(shop).startswith("reg.example/side:")
    assert shop.recorder.deployments["first/a"].job_variables["image"] == "reg.example/ready:v7"


def test_one_can_be_the_base_of_the_other(shop: Shop, project: Path) -> None:
    """What comes first in the file is there when the next is looked at."""
    new = 'tag: v2\n      base: "{{ build-side.image }}"\n      pull: false'
    _file(project, "tag: v2", new)
    assert _deploy("--all") == 0

    assert _names(shop) == [SIDE, MAIN]
    assert str(shop.builder.built[1].environment.base.name) == SIDE


@pytest.mark.parametrize(
    ("line", "built", "pushed"),
    [("--no-push", [SIDE, MAIN], []), ("--no-build", [], []), ("--dry-run", [], [])],
)
def test_what_is_not_to_be_done_is_not_done_for_any(
    shop: Shop, line: str, built: list[str], pushed: list[str], capsys: Captured
) -> None:
    """Placeholders are filled all the same, as far as it is known."""
    assert _deploy(f"-n a {line}") == 0
    out, told = capsys.readouterr()

    assert _names(shop) == built
    assert [str(name) for name in shop.builder.registry.pushes] == pushed
    assert SIDE in out + told
    if line != "--dry-run":
        assert _side(shop) == SIDE
    assert "known-later" not in f"{shop.recorder.deployments}{out}"


MISTAKES = [
    ("path: side", "path: nowhere", "nowhere"),
    ("path: side", "path: side\n      dockerfile: None.such", "there is no Dockerfile"),
    ("path: side", "path: side\n      squash: true", "squash"),
    ("image_name: reg.example/side", "image_name: 'A B'", "is not an image name"),
    ("flows.py:first", "flows.py:third", "flows.py has no flow third"),
    ("flows.py:first", "nowhere.first", "there is no module nowhere"),
    ('image: "{{ build-main.image }}"', "stream_output: true", "do not say which one runs"),
    ("{{ build-side.image_name }}", "reg.example/none", "no step before it builds that image"),
    ("{{ build-side.image_name }}", "{{ build-main.image_name }}", "the image is pushed already"),
    ("reg.example/main\n      tag: v2", "reg.example/side\n      tag: v1", "of the same name"),
    ('tag: "{{ build-side.tag }}"', "nope: 1", "it takes no nope"),
    ("{{ build-side.tag }}", "{{ build-sid.tag }}", "nothing fills {{ build-sid.tag }}"),
]


@pytest.mark.parametrize(("old", "new", "says"), MISTAKES, ids=[new[:30] for _, new, _ in MISTAKES])
def test_a_mistake_is_told_before_anything_is_built(
    shop: Shop, project: Path, old: str, new: str, says: str, capsys: Captured
) -> None:
    """Also before the image that comes first in the file."""
    _file(project, old, new)
    code = _deploy("--all")

    assert says in capsys.readouterr().err
    assert code == 2
    assert shop.builder.built == []


def test_one_that_fails_leaves_the_deployment_as_it_was(shop: Shop, capsys: Captured) -> None:
    """It is told whose step it was, and nothing else is built."""
    shop.builder.failures["build"] = BuildFailed("the build failed")
    assert _deploy("-n a") == 1
    told = capsys.readouterr().err

    assert "it is a step of the deployment 'a'" in told
    assert _names(shop) == []
    assert shop.recorder.deployments == {}
