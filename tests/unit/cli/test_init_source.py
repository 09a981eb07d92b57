"""`imagebuild init --source`: code from elsewhere, baked or pulled, in a pool of any type."""

from __future__ import annotations

import io
import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from imagebuild.cli import main
from imagebuild.cli.asking import Prompts
from imagebuild.prefect.file_reading import read_file
from imagebuild.settings import parse_toml
from imagebuild.state import Pool
from tests.unit.cli.shop import Shop, in_memory
from tests.unit.elsewhere import FLOW
from tests.unit.values import write

if TYPE_CHECKING:
    from pathlib import Path

    from imagebuild.testing import FakeBuilder, MemoryRecorder

    Captured = pytest.CaptureFixture[str]

BUILD = "imagebuild.steps.build_docker_image"
PUSH = "imagebuild.steps.push_docker_image"
STEPS = "prefect.deployments.steps"
CLONE, INSTALL = f"{STEPS}.git_clone", f"{STEPS}.pip_install_requirements"
FLOWS = "https://h/t/flows"


@pytest.fixture(autouse=True)
def folder(
    asked: object, tmp_path: Path, recorder: MemoryRecorder, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Give an empty folder to stand in, and three pools; the code lies beside it."""
    recorder.pools["processes"] = Pool("processes", "process", {"env": {}})
    recorder.pools["managed"] = Pool("managed", "prefect:managed", {"image": {}, "env": {}})
    write(tmp_path / "far", {"etl.py": FLOW, "requirements.txt": "emoji\n"})
    made = tmp_path / "empty"
    made.mkdir()
    monkeypatch.chdir(made)
    return made


def init(line: str) -> int:
    """The exit code of the command."""
    return main(["init", *shlex.split(line)])


def entry(folder: Path) -> dict[str, Any]:
    """The last deployment of the file, which has to be one that is understood."""
    read_file(folder / "prefect.yaml")
    found: dict[str, Any] = yaml.safe_load((folder / "prefect.yaml").read_text())
    last: dict[str, Any] = found["deployments"][-1]
    return last


def test_code_that_is_baked_is_named_in_the_build_step(folder: Path, capsys: Captured) -> None:
    """Its runs go to the image's folder; the flow is one of the source."""
    assert init(f"--yes --source {FLOWS}@v2 --pool docker --image etl:v1") == 0
    made = entry(folder)

    assert capsys.readouterr().out == "prefect.yaml\n"
    assert (made["name"], made["entrypoint"]) == ("far", "etl.py:far")
    assert made["build"] == [
        {
            BUILD: {
                "id": "build-image",
                "image_name": "etl",
                "dockerfile": "auto",
                "tag": "v1",
                "source": f"{FLOWS}@v2",
            }
        }
    ]
    assert made["pull"] == [
        {f"{STEPS}.set_working_directory": {"directory": "{{ build-image.directory }}"}}
    ]
    assert "push" not in made


def test_code_that_is_pulled_has_the_steps_of_each_run(folder: Path) -> None:
    """With a reference to the secret; what the code depends on is baked and pushed."""
    options = "--source-credentials block://secret/git --source-submodules --source-directory a"
    image = "--image reg.example/t/etl --push"
    assert init(f"--yes --source {FLOWS}@v2 --code pulled --pool docker {options} {image}") == 0
    made = entry(folder)
    [build], [push] = made["build"][0].values(), made["push"][0].values()

    assert {key: build[key] for key in build if key.startswith(("source", "code"))} == {
        "source": f"{FLOWS}@v2",
        "source_credentials": "block://secret/git",
        "source_submodules": True,
        "source_directories": ["a"],
        "code": "pulled",
    }
    assert push["id"] == "push-image"
    assert made["pull"] == [
        {
            CLONE: {
                "id": "pull_code",
                "repository": FLOWS,
                "branch": "v2",
                "include_submodules": True,
                "directories": ["a"],
                "access_token": "{{ prefect.blocks.secret.git }}",
            }
        }
    ]


REMOTE, WHERE = f"{STEPS}.pull_from_remote_storage", "{{ pull_code.directory }}"
S3 = "prefect_aws.deployments.steps.pull_from_s3"
BLOCK = f"{STEPS}.pull_with_block"


@pytest.mark.parametrize(
    ("source", "pool", "fetches", "env"),
    [
        (FLOWS, "processes", [CLONE], None),
        (FLOWS, "managed", [CLONE], None),
        (f"{FLOWS}#sub", "processes", [CLONE, f"{STEPS}.set_working_directory"], None),
        ("s3://bucket/etl", "processes", [REMOTE], None),
        ("s3://bucket/etl", "managed", [REMOTE], "s3fs"),
        (
            "s3://bucket/etl --source-credentials block://aws-credentials/mine",
            "managed",
            [S3],
            "prefect-aws>=0.5",
        ),
        ("block://s3-bucket/code", "processes", [BLOCK], None),
    ],
)
def test_where_there_is_no_image_runs_install_what_the_code_needs(
    folder: Path, source: str, pool: str, fetches: list[str], env: str | None
) -> None:
    """In the folder that the code was fetched to, or that a step went to already."""
    assert init(f"--yes --source {source} --code pulled --pool {pool}") == 0
    made = entry(folder)
    *first, install = made["pull"]
    variables = made["work_pool"].get("job_variables")

    assert [name for step in first for name in step] == fetches
    goes_there = fetches[-1].endswith("set_working_directory")
    where = {} if goes_there else {"directory": WHERE}
    assert install == {INSTALL: {**where, "requirements_file": "requirements.txt"}}
    assert variables == ({"env": {"EXTRA_PIP_PACKAGES": env}} if env else None)
    assert {"build", "push"}.isdisjoint(made)


def test_without_requirements_nothing_is_installed(folder: Path) -> None:
    """The pull section only fetches."""
    (folder.parent / "far" / "requirements.txt").unlink()
    assert init(f"--yes --source {FLOWS} --code pulled --pool processes") == 0

    assert [name for step in entry(folder)["pull"] for name in step] == [CLONE]


def test_a_folder_of_ones_own_is_left_to_processes(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any source, it is this one."""
    monkeypatch.chdir(project)
    assert init("--yes --code pulled --pool processes") == 0

    assert entry(project)["pull"] == [
        {f"{STEPS}.set_working_directory": {"directory": str(project)}},
        {INSTALL: {"requirements_file": "requirements.txt"}},
    ]


def test_what_a_file_builds_for_all_is_not_built_for_it(folder: Path) -> None:
    """And what an image of its own said before, is gone."""
    other = "name: other\n  entrypoint: a.py:b\n"
    image = "work_pool: {name: docker, job_variables: {image: x, env: {A: b}}}"
    write(
        folder,
        {
            "prefect.yaml": f"build:\n- a.b: {{}}\npush: null\ndeployments:\n- {other}"
            f"- name: far\n  entrypoint: old.py:far\n  {image}\n  tags: [kept]\n"
        },
    )
    assert init(f"--yes --force --source {FLOWS} --code pulled --pool processes") == 0
    made = entry(folder)

    assert made["build"] == []
    assert "push" not in made
    assert made["work_pool"] == {"name": "processes", "job_variables": {"env": {"A": "b"}}}
    assert (made["entrypoint"], made["tags"]) == ("etl.py:far", ["kept"])


PULLED_WITH = (
    "--code pulled --source-credentials env:TOKEN --source-directory a --source-submodules"
)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--pool docker --image etl:v1 --no-push", {"image": "etl:v1", "push": False}),
        ("--pool processes --code pulled", {"code": "pulled"}),
        (
            f"--pool processes {PULLED_WITH}",
            {
                "code": "pulled",
                "source-credentials": "env:TOKEN",
                "source-directory": ["a"],
                "source-submodules": True,
            },
        ),
    ],
)
def test_settings_say_where_the_code_is(
    folder: Path,
    recorder: MemoryRecorder,
    capsys: Captured,
    options: str,
    expected: dict[str, object],
) -> None:
    """And are all that the next command needs."""
    assert init(f"--yes --settings --source {FLOWS} {options}") == 0
    saved = parse_toml((folder / "imagebuild.toml").read_text())
    pool = saved.pop("pool")

    assert saved == {"name": "far", "source": FLOWS, **expected}
    assert "next: imagebuild deploy\n" in capsys.readouterr().err
    assert main(["deploy"]) == 0
    held = recorder.deployments["far/far"]
    assert (held.pool, held.entrypoint) == (pool, "etl.py:far")
    assert (CLONE in held.pull_steps[0]) == (expected.get("code") == "pulled")


def test_a_person_is_asked_whether_the_code_is_baked(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """Then every pool can be chosen."""
    monkeypatch.setattr("imagebuild.cli.initial.asker", lambda *_, **__: Prompts())
    monkeypatch.setattr("sys.stdin", io.StringIO("n\nnightly\n3\n"))

    assert init(f"--source {FLOWS}") == 0
    told, made = capsys.readouterr().err, entry(folder)
    assert "Bake the code into the image?" in told
    assert "  3  processes\n" in told
    assert (made["name"], made["work_pool"]) == ("nightly", {"name": "processes"})


def test_a_secret_that_prefect_deploy_would_write_down_is_warned_of(capsys: Captured) -> None:
    """A variable is filled in by that command, a block is not."""
    options = f"--yes --source {FLOWS} --code pulled --pool processes --source-credentials"
    assert init(f"{options} env:TOKEN --name a") == 0
    assert "prefect deploy writes the value of TOKEN" in capsys.readouterr().err
    assert init(f"{options} block://secret/git --name b") == 0
    assert "prefect deploy writes" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (f"--source {FLOWS} --pool processes", ("takes no image", "--code pulled")),
        (f"--source {FLOWS} --pool managed", ("takes no image", "--source URL --code pulled")),
        ("--source ../far --code pulled --pool docker", ("do not see the folder", "--code baked")),
        ("--source ../far --code pulled --pool managed", ("do not see the folder", "--source URL")),
        ("--source http://h/app --source-credentials env:T --code pulled", ("over https alone",)),
        (f"--source {FLOWS} --context .", ("cannot use --source with --context",)),
        ("--source-submodules", ("without --source",)),
        (f"--source {FLOWS} nope.py:far", ("nope.py",)),
    ],
)
def test_what_cannot_be_meant_writes_nothing(
    folder: Path, capsys: Captured, options: str, words: tuple[str, ...]
) -> None:
    """The error says what would work."""
    assert init(f"--yes {options}") == 2
    told = capsys.readouterr().err

    for word in (*words, "nothing was written"):
        assert word in told
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("code", "pool"),
    [("baked", "docker"), ("pulled", "docker"), ("pulled", "processes"), ("pulled", "managed")],
)
def test_what_is_written_can_be_deployed(
    folder: Path,
    code: str,
    pool: str,
    builder: FakeBuilder,
    recorder: MemoryRecorder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    """As the answer says; the flow is read from the source, and nothing is done twice."""
    in_memory(Shop(builder, recorder), monkeypatch)
    assert init(f"--yes --json --source {FLOWS} --code {code} --pool {pool}") == 0
    following = json.loads(capsys.readouterr().out)["next"]
    assert main(following[1:]) == 0
    held = recorder.deployments["far/far"]
    assert main(following[1:]) == 0

    assert (held.pool, held.entrypoint) == (pool, "etl.py:far")
    assert len(builder.built) == (pool == "docker")
    assert ("image" in held.job_variables) == (pool == "docker")
    if code == "pulled":
        assert list(held.pull_steps) == entry(folder)["pull"]
    assert recorder.writes == 1
