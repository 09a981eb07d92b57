"""Jobs that hand one file on: build, push and record, each where nothing of the others is."""

from __future__ import annotations

import dataclasses
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.cli import main
from imagebuild.errors import Unreachable
from imagebuild.state import Deployment
from tests.unit.values import DIGEST, write

if TYPE_CHECKING:
    from pathlib import Path

    from imagebuild.testing import FakeBuilder, MemoryRecorder

    Captured = pytest.CaptureFixture[str]

APP = "reg.example/app:v1"


@pytest.fixture(autouse=True)
def in_memory(asked: object) -> None:
    """Everybody around is in memory."""


def ran(*arguments: str) -> int:
    """The exit code of a command."""
    return main(list(arguments))


def read(path: str) -> dict[str, Any]:
    """The document in a file."""
    with open(path) as file:  # noqa: PTH123 - relative to where the test stands
        found: dict[str, Any] = json.load(file)
    return found


def test_three_jobs_hand_one_file_on(
    builder: FakeBuilder,
    recorder: MemoryRecorder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    """The last has no project and no engine, and records what deploy would."""
    built, pushed, recorded = (str(tmp_path / name) for name in ("b.json", "p.json", "r.json"))

    assert ran("build", "--image", APP, "--tag", "v2", "--json-file", built) == 0
    assert ran("push", "--from", built, "--json-file", pushed) == 0
    away = tmp_path / "away"
    away.mkdir()
    monkeypatch.chdir(away)
    monkeypatch.setattr(builder.registry, "reachable", False)
    capsys.readouterr()
    assert ran("record", "--from", pushed, "--json-file", recorded) == 0
    out, err = capsys.readouterr()

    held, document = recorder.deployments["hello/hello"], read(recorded)
    assert held.job_variables["image"] == read(pushed)["reference"] == out.strip()
    assert held.pull_steps == (
        {"prefect.deployments.steps.set_working_directory": {"directory": "/opt/prefect/app"}},
    )
    assert (held.entrypoint, held.version) == ("flow.py:hello", document["version"])
    assert [str(name) for name in builder.registry.pushes] == [APP, "reg.example/app:v2"]
    assert len(builder.built) == 1
    assert (document["deployment"], document["recorded"]) == ("hello/hello", True)
    assert (document["names"], document["built"]) == ([APP, "reg.example/app:v2"], None)
    assert "note: whether reg.example has" in err
    assert "warning" not in err


def test_the_file_is_the_document_of_json_and_no_part_of_the_image(
    project: Path, builder: FakeBuilder, capsys: Captured
) -> None:
    """A second build with it in the folder finds nothing changed."""
    assert ran("build", "--image", APP, "--json", "--json-file", "image.json") == 0
    assert json.loads(capsys.readouterr().out) == read("image.json")
    assert ran("build", "--image", APP, "--json-file", "image.json") == 0

    assert len(builder.built) == 1
    assert read("image.json")["built"] is False


def test_an_error_is_handed_on_too_and_ends_the_next_job(capsys: Captured) -> None:
    """So that a file from before does not stand for what failed."""
    assert ran("build", "--image", APP, "--json-file", "image.json") == 0
    assert ran("build", "--image", "a", "--push", "--json-file", "image.json") == 2
    capsys.readouterr()

    assert ran("push", "--from", "image.json") == 2
    err = capsys.readouterr().err
    assert "error: cannot go on from image.json" in err
    assert "caused by: the command that wrote it failed: cannot push a: the name says no" in err


def test_a_flow_that_is_named_is_handed_on(project: Path, recorder: MemoryRecorder) -> None:
    """Of several in the project; without one, the record has to be told its deployment."""
    other = "from prefect import flow\n\n@flow(name='Other one')\ndef other(): ...\n"
    write(project, {"more.py": other})

    assert ran("build", "--image", APP, "--push", "--json-file", "../any.json") == 0
    assert (
        ran("build", "more.py:other", "--image", APP, "--push", "--json-file", "../one.json") == 0
    )
    assert read("../any.json")["entrypoint"] is None
    assert ran("record", "--from", "../any.json") == 2
    assert ran("record", "--from", "../one.json") == 0
    assert ran("record", "--from", "../any.json", "flow.py:hello", "--deployment", "hello/x") == 0
    assert ran("record", "--from", "../one.json", "--deployment", "hello/y") == 0

    entrypoints = {name: held.entrypoint for name, held in recorder.deployments.items()}
    assert entrypoints == {
        "Other one/other": "more.py:other",
        "hello/x": "flow.py:hello",
        "hello/y": "flow.py:hello",
    }


def test_settings_do_not_name_another_image(project: Path, recorder: MemoryRecorder) -> None:
    """What the file says comes first, as what is typed does."""
    write(project, {"imagebuild.toml": "image = 'reg.example/other:v9'\n"})

    assert ran("build", "--image", APP, "--push", "--json-file", "../i.json") == 0
    assert ran("record", "--from", "../i.json") == 0
    image = recorder.deployments["hello/hello"].job_variables["image"]
    assert str(image).startswith(f"{APP}@sha256:")


def test_a_local_image_is_recorded_as_one(recorder: MemoryRecorder) -> None:
    """It keeps its name, and the worker is told not to pull it."""
    assert ran("build", "--image", "app:latest", "--json-file", "image.json") == 0
    assert ran("record", "--from", "image.json") == 0

    variables = recorder.deployments["hello/hello"].job_variables
    assert variables == {"image": "app:latest", "image_pull_policy": "IfNotPresent"}


def test_a_local_image_that_the_engine_lacks_is_recorded_with_a_warning(
    recorder: MemoryRecorder, capsys: Captured
) -> None:
    """It may be a slip of the pen, and may be built later."""
    assert ran("build", "--image", "app:here") == 0
    capsys.readouterr()
    assert ran("record", "app:here", "--deployment", "hello/hello", "--no-push") == 0
    assert "warning" not in capsys.readouterr().err
    assert ran("record", "app:gone", "--deployment", "hello/hello", "--no-push") == 0

    assert "warning: the engine has no image app:gone" in capsys.readouterr().err
    assert recorder.deployments["hello/hello"].job_variables["image"] == "app:gone"


def test_without_pin_the_tag_alone_is_recorded(recorder: MemoryRecorder) -> None:
    """As everywhere."""
    assert ran("build", "--image", APP, "--push", "--json-file", "image.json") == 0
    assert ran("record", "--from", "image.json", "--no-pin") == 0

    assert recorder.deployments["hello/hello"].job_variables["image"] == APP


def test_no_other_image_of_the_name_is_pushed(
    project: Path, builder: FakeBuilder, capsys: Captured
) -> None:
    """On an engine that several jobs share, a name may mean another one's by now."""
    assert ran("build", "--image", APP, "--json-file", "mine.json") == 0
    shutil.copy("mine.json", project.parent / "mine.json")
    write(project, {"flow.py": (project / "flow.py").read_text() + "# changed\n"})
    assert ran("build", "--image", APP) == 0
    capsys.readouterr()

    assert ran("push", "--from", "mine.json") == 2
    assert "another image than the one that was built" in capsys.readouterr().err
    assert builder.registry.pushes == []


def test_the_same_image_under_another_id_is_pushed(builder: FakeBuilder) -> None:
    """Another engine may have loaded it; its content keys are the same."""
    assert ran("build", "--image", APP, "--json-file", "image.json") == 0
    document = read("image.json") | {"image_id": "sha256:elsewhere"}
    with open("image.json", "w") as file:  # noqa: PTH123
        json.dump(document, file)

    assert ran("push", "--from", "image.json") == 0
    assert [str(name) for name in builder.registry.pushes] == [APP]


def test_a_digest_that_the_registry_has_no_more_is_not_recorded(
    builder: FakeBuilder, recorder: MemoryRecorder, capsys: Captured
) -> None:
    """Where it can be asked."""
    assert ran("build", "--image", APP, "--push", "--json-file", "image.json") == 0
    builder.registry.digests.clear()

    assert ran("record", "--from", "image.json") == 1
    assert "reg.example has no image" in capsys.readouterr().err
    assert recorder.writes == 0


def test_a_push_after_a_deploy_does_not_say_that_it_recorded(capsys: Captured) -> None:
    """The deployment is handed on, for a record; it is not what this command did."""
    assert ran("deploy", "--image", APP, "--name", "prod", "--json-file", "d.json") == 0
    capsys.readouterr()
    assert ran("push", "--from", "d.json", "--json-file", "p.json") == 0
    err = capsys.readouterr().err

    assert "hello/prod" not in err
    assert "recorded" not in err
    assert (read("p.json")["recorded"], read("p.json")["deployment"]) == (None, "hello/prod")


def test_a_deployment_is_taken_from_a_deploy(recorder: MemoryRecorder) -> None:
    """`deploy` writes the file too; recorded again, nothing changes."""
    assert ran("deploy", "--image", APP, "--name", "prod", "--json-file", "d.json") == 0
    held = recorder.deployments["hello/prod"]
    assert ran("record", "--from", "d.json") == 0

    assert recorder.writes == 1
    assert isinstance(held, Deployment)
    assert dataclasses.asdict(held)["job_variables"]["image"] == read("d.json")["reference"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["push"], ("no image is named", "--from FILE")),
        (["push", APP, "--from", "built.json"], ("cannot use both", "leave one out")),
        (["push", "--from", "none.json"], ("cannot read none.json", "no such file", "keep it")),
        (["push", "--from", "."], ("cannot read .", "is a directory")),
        (["push", "--from", "flow.py"], ("cannot go on from flow.py", "no JSON")),
        (["push", "--from", "filed.json"], ("of deployments of a prefect.yaml", "build")),
        (["push", "--from", "binary"], ("cannot go on from binary", "no text")),
        (["record", "--from", "built.json"], ("not in its registry yet", "--no-push")),
        (["record", APP, "f.py:f", "--from", "built.json"], ("cannot use both",)),
        (["record", APP, "--from", "built.json"], ("cannot use both", "names the image")),
        (["record"], ("no image is named",)),
        (["record", APP], ("no deployment is named", "flow/name")),
        (["build", "--json-file", "no/x.json"], ("cannot write no/x.json", "no such file")),
        (["build", "--json-file", "."], ("cannot write .", "a folder")),
        (["build", "--dotenv", "flow.py/x"], ("cannot write flow.py/x", "not a directory")),
        (["deploy", "--dry-run", "--json-file", "x.json"], ("--json-file with --dry-run",)),
        (["build", "no.py:no"], ("no.py",)),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_done(
    project: Path,
    builder: FakeBuilder,
    recorder: MemoryRecorder,
    capsys: Captured,
    arguments: list[str],
    words: tuple[str, ...],
) -> None:
    """In prose; nothing is built, pushed, recorded or written."""
    (project / "binary").write_bytes(b"\xff\xfe\x00")
    (project / "filed.json").write_text('{"deployments": [], "build": {}}')
    assert ran("build", "--image", APP, "--json-file", "built.json") == 0
    before = (len(builder.built), sorted(path.name for path in project.iterdir()))
    capsys.readouterr()

    assert ran(*arguments) == 2
    out, err = capsys.readouterr()

    assert out == ""
    for word in words:
        assert word in err
    assert (builder.registry.pushes, recorder.writes) == ([], 0)
    assert before[0] == len(builder.built)
    assert before[1] == sorted({path.name for path in project.iterdir()} - {"x.json"})


def test_a_disk_that_is_full_at_the_end_says_what_is_done(
    monkeypatch: pytest.MonkeyPatch, recorder: MemoryRecorder, capsys: Captured
) -> None:
    """The deployment runs the image; only the file is not there."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("imagebuild.writing.write_whole", full)
    assert ran("deploy", "--image", APP, "--json-file", "image.json") == 1
    err = capsys.readouterr().err

    assert recorder.writes == 1
    assert "error: cannot write image.json" in err
    assert "all else is done: reg.example/app:v1@sha256:" in err
    assert "warning: cannot write image.json" in err


def test_where_nobody_answers_a_digest_that_was_typed_is_still_warned_of(
    builder: FakeBuilder, capsys: Captured
) -> None:
    """Only what a job before saw is taken without a warning."""
    builder.registry.reachable = False
    name = f"{APP}@{DIGEST}"

    assert ran("record", name, "flow.py:hello", "--deployment", "hello/x") == 0
    assert f"warning: whether reg.example has {name} was not seen" in capsys.readouterr().err
    assert Unreachable.exit_code == 3
