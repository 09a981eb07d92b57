"""`imagebuild deploy` of a prefect.yaml whose runs fetch their code, or whose images do."""

from __future__ import annotations

import json
import shlex
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.cli import main
from imagebuild.state import Pool
from tests.unit.cli.shop import Shop, in_memory
from tests.unit.elsewhere import FLOW
from tests.unit.values import write

if TYPE_CHECKING:
    from pathlib import Path

    from imagebuild.request import BuildRequest
    from imagebuild.state import Deployment
    from imagebuild.testing import FakeBuilder, MemoryRecorder

    Asked = list[tuple[BuildRequest, str]]
    Captured = pytest.CaptureFixture[str]

STEPS = "prefect.deployments.steps"
CLONE = {
    f"{STEPS}.git_clone": {
        "id": "pull_code",
        "repository": "https://h/t/app.git",
        "branch": "main",
        "credentials": "{{ prefect.blocks.github-credentials.mine }}",
        "directories": ["flows"],
        "include_submodules": True,
    }
}
INSTALL = {
    f"{STEPS}.pip_install_requirements": {
        "directory": "{{ pull_code.directory }}",
        "requirements_file": "requirements.txt",
    }
}
FETCHING = f"""
pull:
  - {STEPS}.git_clone:
      id: pull_code
      repository: https://h/t/app.git
      branch: main
      credentials: "{{{{ prefect.blocks.github-credentials.mine }}}}"
      directories: [flows]
      include_submodules: true
  - {STEPS}.pip_install_requirements:
      directory: "{{{{ pull_code.directory }}}}"
      requirements_file: requirements.txt
"""


@pytest.fixture
def shop(
    tmp_path: Path,
    project: Path,
    builder: FakeBuilder,
    recorder: MemoryRecorder,
    monkeypatch: pytest.MonkeyPatch,
) -> Shop:
    """A folder with a flow, another flow elsewhere, three pools, and all else in memory."""
    recorder.pools["processes"] = Pool("processes", "process", {"env": {}})
    recorder.pools["managed"] = Pool("managed", "prefect:managed", {"image": {}, "env": {}})
    write(tmp_path / "far", {"etl.py": FLOW, "requirements.txt": "emoji\n"})
    return in_memory(Shop(builder, recorder), monkeypatch)


def deploy(line: str = "-n a") -> int:
    """The exit code of the command."""
    return main(["deploy", *shlex.split(line)])


def file(project: Path, pool: str, rest: str = "", entrypoint: str = "etl.py:far") -> None:
    """Write a file with one deployment."""
    one = f"deployments:\n- name: a\n  entrypoint: {entrypoint}\n  work_pool:\n    name: {pool}\n"
    write(project, {"prefect.yaml": one + dedent(rest)})


def built(source: str) -> str:
    """A build section of that source."""
    return f"""
build:
  - imagebuild.steps.build_docker_image:
      id: build-image
      image_name: etl
      tag: v1
      dockerfile: auto
      source: https://h/t/app.git
{source}"""


def only(shop: Shop) -> Deployment:
    """The one deployment that was recorded."""
    [held] = shop.recorder.deployments.values()
    return held


@pytest.mark.parametrize("pool", ["processes", "managed", "docker"])
@pytest.mark.parametrize("entrypoint", ["etl.py:far", "flow.py:hello"])
def test_without_a_build_the_pull_section_stands_as_it_is(
    shop: Shop, project: Path, capsys: Captured, pool: str, entrypoint: str
) -> None:
    """The flow is read here, or where the section fetches it."""
    file(project, pool, FETCHING, entrypoint)
    assert deploy() == 0
    assert deploy() == 0
    held = only(shop)

    assert list(held.pull_steps) == [CLONE, INSTALL]
    assert (held.entrypoint, held.pool) == (entrypoint, pool)
    assert "image" not in held.job_variables
    assert (shop.builder.built, shop.recorder.writes) == ([], 1)
    read = shop.requests[-1].source
    told = capsys.readouterr().err
    assert ("etl.py is not here, so it is read from" in told) == (read is not None)
    assert (read is None) == (entrypoint == "flow.py:hello")
    if read is not None:
        assert (read.address, read.credentials, read.submodules, read.directories) == (
            "https://h/t/app.git@main",
            "block://github-credentials/mine",
            True,
            ("flows",),
        )


def test_an_image_of_ones_own_goes_with_the_pull_section(shop: Shop, project: Path) -> None:
    """As the job variables name it."""
    file(project, "docker", "    job_variables: {image: 'reg.example/own:v7'}\n" + FETCHING)
    assert deploy() == 0
    held = only(shop)

    assert held.job_variables["image"] == "reg.example/own:v7"
    assert list(held.pull_steps) == [CLONE, INSTALL]
    assert shop.builder.built == []


@pytest.mark.parametrize("line", ["-n a", "-n a --no-build"])
def test_a_build_step_reads_the_flow_from_its_source(shop: Shop, project: Path, line: str) -> None:
    """Which is baked; without a build, only to read it."""
    go = f"pull:\n  - {STEPS}.set_working_directory: {{directory: /opt/prefect/far}}\n"
    file(project, "docker", built("      source_credentials: env:TOKEN\n") + go)
    assert deploy(line) == 0
    held = only(shop)

    assert (held.entrypoint, held.job_variables["image"]) == ("etl.py:far", "etl:v1")
    assert [dict(step) for step in held.pull_steps] == [
        {f"{STEPS}.set_working_directory": {"directory": "/opt/prefect/far"}}
    ]
    assert len(shop.builder.built) == ("--no-build" not in line)
    assert shop.requests[-1].source is not None


def test_a_build_step_of_code_that_is_pulled_bakes_none_of_it(shop: Shop, project: Path) -> None:
    """Its pull section stands; code that changes is recorded, and builds nothing."""
    file(project, "docker", built("      code: pulled\n") + FETCHING)
    assert deploy() == 0
    far = project.parent / "far"
    (far / "etl.py").write_text(FLOW + "# more\n")
    assert deploy() == 0
    [plan] = shop.builder.built

    assert plan.code.tree == ""
    assert list(only(shop).pull_steps) == [CLONE, INSTALL]
    assert shop.recorder.writes == 2


def test_without_a_pull_section_code_is_pulled_as_the_source_says(
    shop: Shop, project: Path
) -> None:
    """Where Prefect would look for it in the image, which has none."""
    file(project, "docker", built("      code: pulled\n"))
    assert deploy() == 0

    assert list(only(shop).pull_steps) == [
        {f"{STEPS}.git_clone": {"id": "pull_code", "repository": "https://h/t/app.git"}}
    ]


@pytest.mark.parametrize("section", ["", "pull: null\n", "build: null\npull: null\n"])
def test_processes_find_code_in_this_folder(shop: Shop, project: Path, section: str) -> None:
    """As Prefect has it, where the file says nothing of it."""
    file(project, "processes", section, "flow.py:hello")
    assert deploy() == 0

    assert list(only(shop).pull_steps) == [
        {f"{STEPS}.set_working_directory": {"directory": str(project.resolve())}}
    ]
    assert shop.builder.built == []


def test_an_image_is_not_built_for_a_pool_that_takes_none(
    shop: Shop, project: Path, capsys: Captured
) -> None:
    """The error says what would work."""
    file(project, "processes", built(""))
    assert deploy() == 2

    assert "takes no image" in (told := capsys.readouterr().err)
    assert "--code pulled" in told
    assert (shop.builder.built, shop.recorder.writes) == ([], 0)


@pytest.mark.parametrize(
    ("inputs", "kept"),
    [
        ({"access_token": "{{ $GIT }}"}, True),
        ({"repository": "https://{{ $GIT_TOKEN }}@h/app"}, True),
        ({"client_kwargs": {"password": "{{ $GIT }}"}}, True),
        ({"branch": "{{ $GIT }}"}, False),
    ],
)
def test_a_secret_in_the_environment_is_not_written_down(
    shop: Shop,
    project: Path,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
    inputs: dict[str, Any],
    kept: bool,
) -> None:
    """A run reads it itself; what is no secret is filled, as Prefect does."""
    monkeypatch.setenv("GIT", "canary")
    monkeypatch.setenv("GIT_TOKEN", "canary")
    step = {"repository": "https://h/app", **inputs}
    file(project, "processes", f"pull:\n- {STEPS}.git_clone: {step!r}\n", "flow.py:hello")
    assert deploy() == 0
    [held] = only(shop).pull_steps

    assert ("canary" in str(held)) is not kept
    assert (held == {f"{STEPS}.git_clone": step}) is kept
    assert ("each run reads that variable itself" in capsys.readouterr().err) is kept


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--all --source https://h/app", ("cannot use --all with --source", "pull steps")),
        ("--prefect-file prefect.yaml --code pulled", ("cannot use --prefect-file with --code",)),
        ("--no-build --source https://h/app", ("cannot use --no-build with --source", "--code pu")),
        ("--no-build flow.py:hello", ("cannot use --no-build", "--code pulled", "record")),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    shop: Shop, project: Path, capsys: Captured, line: str, words: tuple[str, ...]
) -> None:
    """With what would work."""
    file(project, "processes", FETCHING)
    assert deploy(line) == 2

    told = capsys.readouterr().err
    for word in words:
        assert word in told
    assert shop.recorder.writes == 0


@pytest.mark.parametrize("table", ["imagebuild.toml", "pyproject.toml"])
@pytest.mark.parametrize("code", ["baked", "pulled"])
def test_settings_say_where_the_code_is_to_every_command(
    shop: Shop,
    project: Path,
    asked: Asked,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
    table: str,
    code: str,
) -> None:
    """Its flow and its requirements are those of the source; what was typed comes first.

    A path begins where the file is.
    """
    write(project, {"prefect.yaml": "name: app\n", "below/x": ""})
    monkeypatch.chdir(project / "below")
    head = "[tool.imagebuild]\n" if table == "pyproject.toml" else ""
    pool = "docker" if code == "baked" else "processes"
    image = 'image = "etl:v1"\npush = false\n'
    write(project, {table: f'{head}source = "../far"\ncode = "{code}"\n{image}pool = "{pool}"\n'})
    assert [main([command]) for command in ("build", "plan", "render", "deploy")] == [0] * 4
    out = capsys.readouterr().out
    assert main(["plan", "--source", "../../far", "--code", "baked"]) == 0

    *first, last = [request for request, _ in asked]
    assert [(one.source and one.source.address, one.pulled) for one in first] == [
        (f"{project}/../far", code == "pulled")
    ] * 3
    assert (last.source and last.source.address, last.pulled) == ("../../far", False)
    assert out.count("COPY") == (1 if code == "pulled" else 2)  # render
    assert only(shop).entrypoint == "etl.py:far"


def test_a_name_beside_a_source_is_that_of_a_new_deployment(
    shop: Shop, project: Path, asked: Asked, capsys: Captured
) -> None:
    """Which is said, where there is a file that could be meant."""
    file(project, "processes", FETCHING)
    assert deploy("-n a --source https://h/app --code pulled --pool managed") == 0

    assert "prefect.yaml is not read, as --source is given" in capsys.readouterr().err
    assert (only(shop).pool, only(shop).entrypoint) == ("managed", "etl.py:far")


@pytest.mark.parametrize("where", ["--source https://h/app --code pulled --pool managed", "-n a"])
def test_a_deploy_without_an_image_can_be_tried_dry(
    shop: Shop, project: Path, asked: Asked, capsys: Captured, where: str
) -> None:
    """For a person and for a program, of a file's deployment and of one of its own."""
    file(project, "processes", FETCHING)
    assert deploy(f"{where} --dry-run") == 0
    assert "create the deployment far/" in capsys.readouterr().out
    assert deploy(f"{where} --dry-run --json") == 0
    document = json.loads(capsys.readouterr().out)
    deployment = document.get("deployment") or document["images"][0]["deployments"][0]

    assert f"{STEPS}.git_clone" in deployment["writes"]["pull_steps"][0]
    assert (shop.builder.built, shop.recorder.writes) == ([], 0)


def test_a_folder_that_is_mounted_is_what_the_file_says(shop: Shop, project: Path) -> None:
    """Its pull section stands, whatever this machine's folder is called."""
    go = f"{STEPS}.set_working_directory"
    text = built("      code: pulled\n").replace("source: https://h/t/app.git", "path: .")
    file(project, "docker", f"{text}pull: [{{{go}: {{directory: /code}}}}]\n", "flow.py:hello")
    assert deploy() == 0

    assert [dict(step) for step in only(shop).pull_steps] == [{go: {"directory": "/code"}}]


def test_the_settings_source_is_below_a_file_that_is_chosen(
    shop: Shop, project: Path, recorder: MemoryRecorder, asked: object
) -> None:
    """And is meant where none is."""
    file(project, "processes", FETCHING, "flow.py:hello")
    write(
        project,
        {"imagebuild.toml": 'source = "https://h/s"\ncode = "pulled"\npool = "managed"\n'},
    )
    assert deploy("--all") == 0
    assert list(recorder.deployments["hello/a"].pull_steps) == [CLONE, INSTALL]
    assert deploy("") == 0
    assert [dict(step) for step in recorder.deployments["far/far"].pull_steps] == [
        {f"{STEPS}.git_clone": {"id": "pull_code", "repository": "https://h/s"}}
    ]
