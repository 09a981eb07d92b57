"""`imagebuild deploy --all` of a prefect.yaml, on real parts and beside Prefect's own command."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import imagebuild, listing
from tests.support.engine import forget_with_runs
from tests.support.held import held, prefect_deploys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer, Worker
    from tests.support.proxies import RecordingProxy
    from tests.support.registry import Registry

EXAMPLE = Path(__file__).parents[2] / "examples" / "many-deployments"
DEPLOYMENTS = ("report/daily", "report/on-demand", "cleanup/nightly")
BUILDS = ".*/build\\?.*"


@pytest.fixture
def project(tmp_path: Path, docker_pool: str) -> Path:
    """Give a copy of the example, for the pool of the tests and with an image of its own name."""
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "many"))
    _edit(folder, "my-docker-pool", docker_pool)
    _edit(folder, "image_name: reports", "image_name: many-reports")
    return folder


@pytest.fixture(autouse=True)
def image(engine: DockerClient) -> Iterator[str]:
    """Give the name of the example's image, and take away all that was made of it."""
    yield "many-reports:1.4"
    for image in engine.images.list():
        names = [*image.tags, *image.attrs["RepoDigests"]]
        if any("many-reports" in name or "/many/reports" in name for name in names):
            forget_with_runs(engine, str(image.id))


def _edit(folder: Path, old: str, new: str, file: str = "prefect.yaml") -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))


def _renamed(folder: Path, end: str) -> None:
    """Let the file's deployments have other names."""
    text = (folder / "prefect.yaml").read_text()
    (folder / "prefect.yaml").write_text(re.sub(r"(?m)^(  - name: .*)$", rf"\1{end}", text))


def test_three_deployments_are_one_build_and_run_to_completed(
    project: Path,
    env: dict[str, str],
    prefect_server: PrefectServer,
    worker: Worker,
    recorded_engine: RecordingProxy,
    image: str,
) -> None:
    """Each run says what only its own deployment has; a second deploy has nothing to do."""
    env["DOCKER_HOST"] = os.environ["DOCKER_HOST"]
    before = listing(project)
    ran = imagebuild("deploy", "--all", cwd=project, env=env)
    built = len(recorded_engine.asked("POST", BUILDS))
    again = imagebuild("deploy", "--all", "--json", cwd=project, env=env)
    api = prefect_server.api
    runs = {name: api.start_run(api.deployment(name)["id"]) for name in DEPLOYMENTS}
    ended = {name: api.wait_for_run(run) for name, run in runs.items()}

    assert (ran.code, ran.answer) == (0, [image]), ran.told
    assert built == 1
    assert len(recorded_engine.asked("POST", BUILDS)) == 1
    done = json.loads("\n".join(again.answer))["deployments"]
    assert [(one["deployment"], one["built"], one["recorded"]) for one in done] == [
        (name, False, False) for name in DEPLOYMENTS
    ]
    assert {name: run.state for name, run in ended.items()} == dict.fromkeys(
        DEPLOYMENTS, "Completed"
    )
    says = ("the report of yesterday, told at level info", "told at level debug", "kept 7 days")
    for (name, run), text in zip(runs.items(), says, strict=True):
        lines = api.logs(run, awaited=text)
        assert any(text in line for line in lines), (name, lines)
    assert listing(project) == before


def test_prefects_own_command_leaves_the_same(
    project: Path, env: dict[str, str], prefect_server: PrefectServer
) -> None:
    """Field by field, triggers too; but for the version that we make, and our pull policy."""
    _renamed(project, "-ours")
    ours = imagebuild("deploy", "--all", cwd=project, env=env)
    _edit(project, "-ours", "-theirs")
    theirs = prefect_deploys(project, env)
    assert (ours.code, theirs.returncode) == (0, 0), ours.told + theirs.stdout + theirs.stderr
    for name in DEPLOYMENTS:
        mine = held(prefect_server, f"{name}-ours")
        other = held(prefect_server, f"{name}-theirs")
        assert mine["job_variables"].pop("image_pull_policy") == "IfNotPresent"
        if name != "report/daily":  # whose version the file states
            assert re.fullmatch("[0-9a-f]{12}", mine.pop("version"))
            assert re.fullmatch("[0-9a-f]{32}", other.pop("version"))
        assert mine == other


def test_a_changed_line_is_one_build_and_one_push_for_all(
    project: Path,
    env: dict[str, str],
    prefect_server: PrefectServer,
    registry: Registry,
    recorded_engine: RecordingProxy,
) -> None:
    """All name the new digest then; options hold for all of them."""
    env["DOCKER_HOST"] = os.environ["DOCKER_HOST"]
    _renamed(project, "-pushed")
    _edit(project, "image_name: many-reports", f"image_name: {registry.address}/many/reports")
    _edit(
        project,
        "\npull:",
        "\npush:\n  - imagebuild.steps.push_docker_image:\n"
        '      image_name: "{{ build-image.image_name }}"\n'
        '      tag: "{{ build-image.tag }}"\n\npull:',
    )
    first = imagebuild("deploy", "--all", cwd=project, env=env)
    _edit(project, "kept {keep} days", "kept just {keep} days", "flows/cleanup.py")
    ran = imagebuild("deploy", "--all", "--deployment-tag", "typed", cwd=project, env=env)
    builds = len(recorded_engine.asked("POST", BUILDS))
    pushes = len(recorded_engine.asked("POST", ".*/push.*"))
    held = [prefect_server.api.deployment(f"{name}-pushed") for name in DEPLOYMENTS]

    assert (first.code, ran.code) == (0, 0), first.told + ran.told
    assert (builds, pushes) == (2, 2)
    pinned = f"{registry.address}/many/reports:1.4@{registry.digest('many/reports', '1.4')}"
    assert ran.answer == [pinned]
    assert first.answer != ran.answer
    assert {one["job_variables"]["image"] for one in held} == {pinned}
    assert all("typed" in one["tags"] for one in held)


def test_a_bad_pool_among_them_does_not_stop_the_others(
    project: Path, env: dict[str, str], prefect_server: PrefectServer, image: str
) -> None:
    """It is exit 5, with a table; the one that failed is named with why and what to do."""
    _renamed(project, "-beside")
    _edit(
        project,
        "    paused: false\n    parameters:\n      keep: 7\n    work_pool: *in-docker\n",
        "    work_pool:\n      name: no-such-pool\n",
    )
    ran = imagebuild("deploy", "--all", cwd=project, env=env)
    names = {one["name"] for one in prefect_server.api.deployments()}

    assert ran.code == 5, ran.told
    assert ran.answer == [image]
    assert {"daily-beside", "on-demand-beside"} <= names
    assert "nightly-beside" not in names
    assert re.search(r"report/daily-beside +(not )?built.*, recorded", ran.told)
    assert "cleanup/nightly-beside" in ran.told
    assert "there is no work pool 'no-such-pool'" in ran.told
    assert "1 of 3 deployments were not recorded" in ran.told


def test_a_mistake_in_the_file_leaves_everything_as_it_was(
    project: Path,
    env: dict[str, str],
    prefect_server: PrefectServer,
    recorded_engine: RecordingProxy,
) -> None:
    """Several are told at once, each by its line; no step is run and no engine is asked."""
    env["DOCKER_HOST"] = os.environ["DOCKER_HOST"]
    _renamed(project, "-wrong")
    _edit(project, "cat VERSION", "touch ran")
    _edit(project, '"v{{ version.stdout }}"', '"{{ versoin.stdout }}", "{{ $NO_SUCH_VARIABLE }}"')
    _edit(project, "      keep: 7", '      keep: "{{ prefect.variables.no_such }}"')
    ran = imagebuild("deploy", "--all", cwd=project, env=env)

    assert (ran.code, ran.answer) == (2, []), ran.told
    assert (
        "nothing fills {{ versoin.stdout }}: no step gives it; did you mean version.std" in ran.told
    )
    assert "the environment has no variable NO_SUCH_VARIABLE" in ran.told
    assert "Prefect has no variable 'no_such'" in ran.told
    assert "line 33: deployment 'daily-wrong': tags.1" in ran.told
    assert not (project / "ran").exists()
    assert recorded_engine.asked(path=".*(images|build).*") == []
    assert not any(one["name"].endswith("-wrong") for one in prefect_server.api.deployments())


def test_variables_and_blocks_are_filled_in(
    project: Path, env: dict[str, str], prefect_server: PrefectServer
) -> None:
    """As Prefect fills them: now in the job variables, and by the run in a pull step."""
    api = prefect_server.api
    api.request("POST", "/variables/", {"name": "level", "value": "warning"})
    api.create_block("secret", "token", {"value": "hush"})
    _renamed(project, "-filled")
    _edit(project, "LEVEL: info", 'LEVEL: "{{ prefect.variables.level }}"')
    _edit(project, "LEVEL: debug", 'LEVEL: "{{ prefect.blocks.secret.token }}"')
    _edit(
        project,
        "\ndeployments:",
        "  - prefect.deployments.steps.run_shell_script:\n"
        '      script: "echo {{ prefect.blocks.secret.token }}"\n\ndeployments:',
    )
    ran = imagebuild("deploy", "-n", "report/*", cwd=project, env=env)
    held = [api.deployment(f"{name}-filled") for name in DEPLOYMENTS[:2]]

    assert ran.code == 0, ran.told
    assert [one["job_variables"]["env"]["LEVEL"] for one in held] == ["warning", "hush"]
    for one in held:
        [_, step] = one["pull_steps"]
        [inputs] = step.values()
        assert inputs == {"script": "echo {{ prefect.blocks.secret.token }}"}


def test_images_that_are_there_are_only_recorded(
    project: Path,
    env: dict[str, str],
    prefect_server: PrefectServer,
    recorded_engine: RecordingProxy,
) -> None:
    """One that the file names, and the pool's own; each is said."""
    env["DOCKER_HOST"] = os.environ["DOCKER_HOST"]
    _renamed(project, "-ready")
    _edit(
        project,
        "    work_pool: *in-docker\n\n  - name: on-demand",
        "    work_pool:\n      <<: *in-docker\n      job_variables: {image: 'many-reports:other'}\n"
        "\n  - name: on-demand",
    )
    _edit(
        project,
        "    paused: false\n    parameters:\n      keep: 7\n    work_pool: *in-docker\n",
        "    build: null\n    pull: []\n    work_pool: {name: docker-pool}\n",
    )
    ran = imagebuild(
        *("deploy", "-n", "daily-ready", "-n", "nightly-ready", "--json"), cwd=project, env=env
    )
    api = prefect_server.api

    assert ran.code == 0, ran.told
    named, default = json.loads("\n".join(ran.answer))["deployments"]
    assert (named["reference"], named["built"]) == ("many-reports:other", None)
    assert (default["reference"], default["built"]) == (None, None)
    assert recorded_engine.asked("POST", BUILDS) == []
    assert "image" not in api.deployment("cleanup/nightly-ready")["job_variables"]
    assert api.deployment("cleanup/nightly-ready")["pull_steps"] == []


def test_a_step_of_the_projects_own_is_run_by_prefects_code(
    project: Path, env: dict[str, str], prefect_server: PrefectServer
) -> None:
    """What it prints goes nowhere near our answer; what it gives is in the deployment."""
    (project / "own_steps.py").write_text(
        "def stamp(text):\n    print('noise')\n    return {'stamp': text.upper(), 'n': 3}\n"
    )
    _renamed(project, "-own")
    _edit(
        project,
        "build:\n",
        "build:\n  - own_steps.stamp:\n      id: own\n      text: by {{ $USER_OF_STEP }}\n",
    )
    _edit(project, "    paused: false\n", '    version: "{{ own.stamp }} {{ n }}"\n')
    env["USER_OF_STEP"] = "me"
    ran = imagebuild("deploy", "-n", "nightly-own", cwd=project, env=env)
    _edit(project, "text.upper()", "text.uper()", "own_steps.py")
    broken = imagebuild("deploy", "-n", "nightly-own", cwd=project, env=env)

    assert (ran.code, ran.answer) == (0, ["many-reports:1.4"]), ran.told
    assert prefect_server.api.deployment("cleanup/nightly-own")["version"] == "BY ME 3"
    assert broken.code == 2, broken.told
    assert "the step own_steps.stamp failed" in broken.told
    assert "AttributeError: 'str' object has no attribute 'uper'" in broken.told


def test_an_image_that_fails_takes_only_its_own_deployments_along(
    project: Path, env: dict[str, str], prefect_server: PrefectServer, image: str
) -> None:
    """Two different images are built side by side; the failed step's own words are shown."""
    (project / "Dockerfile").write_text(
        "FROM prefecthq/prefect:3-latest\nRUN echo so it is && exit 7\n"
    )
    _renamed(project, "-two")
    _edit(
        project,
        "    paused: false\n",
        "    build:\n      - imagebuild.steps.build_docker_image:\n"
        "          id: build-image\n          image_name: many-broken\n",
    )
    ran = imagebuild("deploy", "--all", cwd=project, env=env)
    names = {one["name"] for one in prefect_server.api.deployments()}

    assert (ran.code, ran.answer) == (5, [image]), ran.told
    assert {"daily-two", "on-demand-two"} <= names
    assert "nightly-two" not in names
    assert "3 deployments, 2 images" in ran.told
    assert "so it is" in ran.told
    assert "no deployment cleanup/nightly-two was created" in ran.told
