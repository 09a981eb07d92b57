"""The commands with their options: what they ask for, what they print, and where defaults are."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.cli import cli, main
from imagebuild.cli.command import Option, every_command, options_of
from imagebuild.cli.saved import kinds
from imagebuild.errors import NotRecorded
from imagebuild.settings import Kind
from tests.unit.values import write

if TYPE_CHECKING:
    from pathlib import Path

    from imagebuild.record import Change
    from imagebuild.request import BuildRequest, DeploymentRequest
    from imagebuild.testing import FakeBuilder, MemoryRecorder

    Asked = list[tuple[BuildRequest, str]]
    Captured = pytest.CaptureFixture[str]

APP = "reg.example/app:v1"
AWAY = NotRecorded("Prefect is away", hint="start it")


def test_options_reach_the_build(asked: Asked, project: Path) -> None:
    """Each as it was meant; none is dropped on the way."""
    write(
        project, {"token": "t", "reqs.txt": "", "own.Dockerfile.jinja": '{% extends "default" %}'}
    )
    main(
        shlex.split(
            "deploy flow.py:hello --image r.example/app:v1 --push --tag v2 --tag v3 --no-pin"
            " --base python:3.12 --directory nightly --requirements reqs.txt"
            " --system-package git --template own.Dockerfile.jinja --env A=1 --label team=data"
            " --build-arg B=2 --secret id=token,src=token --platform linux/amd64 --no-pull"
            " --no-cache --builder classic"
        )
    )
    [(request, builder)] = asked

    assert builder == "classic"
    assert request.entrypoint == "flow.py:hello"
    assert (str(request.image), request.tags) == ("r.example/app:v1", ("v2", "v3"))
    assert (request.push, request.pin, request.pull, request.cache) == (True, False, False, False)
    assert (str(request.base), request.directory) == ("python:3.12", "nightly")
    assert (request.requirements, request.packages) == ("reqs.txt", ("git",))
    assert (request.template, request.platform) == ("own.Dockerfile.jinja", "linux/amd64")
    assert (request.env, request.labels, request.build_args) == (
        {"A": "1"},
        {"team": "data"},
        {"B": "2"},
    )
    assert [(secret.id, secret.file) for secret in request.secrets] == [
        ("token", project / "token")
    ]


def test_options_reach_the_deployment(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one request, which holds everything that was said of it."""
    seen: list[DeploymentRequest] = []

    def deploy(_: object, wanted: DeploymentRequest, *__: object, **___: object) -> None:
        seen.append(wanted)
        raise AWAY

    monkeypatch.setattr("imagebuild.pipeline.deploy", deploy)
    main(
        shlex.split(
            "deploy --no-push --name prod --pool docker --queue fast --job-variable cpu=2"
            " --param day=today --param n=1 --description 'each day' --deployment-tag a"
            " --deployment-tag b --cron '0 6 * * *' --interval 1h --rrule FREQ=DAILY"
            " --timezone Europe/Berlin --version 1.2 --concurrency-limit 3"
        )
    )
    [wanted] = seen

    assert (wanted.name, wanted.pool, wanted.queue) == ("prod", "docker", "fast")
    assert wanted.job_variables == {"cpu": 2}
    assert wanted.parameters == {"day": "today", "n": 1}
    assert (wanted.description, wanted.tags) == ("each day", ("a", "b"))
    assert [(each.kind, each.value) for each in wanted.schedules] == [
        ("cron", "0 6 * * *"),
        ("interval", 3600),
        ("rrule", "FREQ=DAILY"),
    ]
    assert (wanted.version, wanted.concurrency_limit) == ("1.2", 3)


@pytest.mark.parametrize(
    ("flags", "env", "file", "expected"),
    [
        ([], {}, None, "app"),
        ([], {}, 'image = "file:v1"', "file:v1"),
        ([], {"IMAGEBUILD_IMAGE": "env:v1"}, 'image = "file:v1"', "env:v1"),
        (["--image", "flag:v1"], {"IMAGEBUILD_IMAGE": "env:v1"}, 'image = "file:v1"', "flag:v1"),
    ],
)
def test_a_flag_beats_the_environment_which_beats_the_file(
    asked: Asked,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
    flags: list[str],
    env: dict[str, str],
    file: str | None,
    expected: str,
) -> None:
    """And the file the default."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    if file:
        write(project, {"imagebuild.toml": file + "\n"})

    assert main(["build", *flags]) == 0
    assert capsys.readouterr().out.startswith(f"{expected}:" if expected == "app" else expected)


def test_a_file_may_set_every_kind_of_option(asked: Asked, project: Path) -> None:
    """Also in pyproject.toml, and for the command in another folder of the project."""
    write(
        project,
        {
            "pyproject.toml": (
                "[tool.imagebuild]\npush = false\ntag = ['v1', 'v2']\nsystem-package = ['git']\n"
                "concurrency-limit = 2\nno-such = 1\n".replace("no-such = 1\n", "")
                + "[tool.imagebuild.env]\nA = '1'\n[tool.imagebuild.job-variable]\ncpu = 2\n"
            )
        },
    )

    assert main(["deploy"]) == 0
    [(request, _)] = asked
    assert (request.push, request.tags, request.packages) == (False, ("v1", "v2"), ("git",))
    assert request.env == {"A": "1"}


def test_an_unknown_key_is_refused_with_what_may_be_meant(
    asked: Asked, project: Path, capsys: Captured
) -> None:
    """Before anything is asked."""
    write(project, {"imagebuild.toml": 'imag = "app:v1"\n'})

    assert main(["deploy", "--no-push"]) == 2
    assert asked == []
    assert "did you mean image?" in capsys.readouterr().err


def test_an_unknown_variable_is_a_warning(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """It may be somebody else's."""
    monkeypatch.setenv("IMAGEBUILD_IMAG", "x")

    assert main(["build"]) == 0
    err = capsys.readouterr().err
    assert "warning: IMAGEBUILD_IMAG is not a setting" in err
    assert "did you mean IMAGEBUILD_IMAGE" in err


def test_the_project_is_found_from_below(
    asked: Asked, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its prefect.yaml, whose name is the image's and the folder's in it."""
    write(project, {"prefect.yaml": "name: nightly\n", "flows/more.py": ""})
    monkeypatch.chdir(project / "flows")

    assert main(["build"]) == 0
    [(request, _)] = asked
    assert request.root == project


@pytest.mark.parametrize(
    "option", ["--base", "--requirements", "--template", "--env", "--system-package", "--directory"]
)
def test_what_is_rendered_has_no_place_beside_a_dockerfile(
    asked: Asked, project: Path, option: str, capsys: Captured
) -> None:
    """Refused, rather than taken and ignored."""
    write(project, {"Dockerfile": "FROM python\n"})

    assert main(["build", "--dockerfile", "Dockerfile", option, "A=1"]) == 2
    assert f"cannot use {option} with --dockerfile" in capsys.readouterr().err


def test_json_is_one_document(asked: Asked, capsys: Captured) -> None:
    """With what was done, and how much of it."""
    assert main(["deploy", "--image", APP, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)

    assert answer["reference"].startswith(f"{APP}@sha256:")
    assert answer["digest"] == answer["reference"].partition("@")[2]
    assert answer["names"] == [APP]
    assert (answer["built"], answer["pushed"], answer["recorded"]) == (True, True, True)
    assert (answer["deployment"], answer["pool"]) == ("hello/hello", "docker")
    assert set(answer["seconds"]) == {"preflight", "build", "push", "record"}
    assert answer["build"] == {"steps": 1, "cached_steps": 0, "sent_files": 0, "sent_bytes": 0}


def test_an_error_in_json_is_a_document_too(asked: Asked, capsys: Captured) -> None:
    """With the exit code that the command ends with."""
    assert main(["deploy", "--image", "app:v1", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]

    assert (error["exit_code"], error["unchanged"]) == (2, "nothing was changed")
    assert "--no-push" in error["hint"]


def test_a_dry_run_says_everything_and_does_nothing(
    asked: Asked, builder: FakeBuilder, recorder: MemoryRecorder, capsys: Captured
) -> None:
    """For a person, and as a document."""
    assert main(["deploy", "--image", APP, "--dry-run"]) == 0
    text = capsys.readouterr().out
    assert main(["deploy", "--image", APP, "--dry-run", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)

    assert (builder.built, builder.registry.pushes, recorder.writes) == ([], [], 0)
    assert f"push {APP}, as it is new" in text
    assert "create the deployment hello/hello (" in text
    assert document["deployment"]["exists"] is False
    assert document["deployment"]["writes"]["entrypoint"] == "flow.py:hello"
    assert document["steps"] == [
        "build, as there is no such image yet",
        f"push {APP}, as it is new",
    ]


def test_a_plan_tells_what_it_is_made_from(asked: Asked, project: Path, capsys: Captured) -> None:
    """The base, the files, what is left out and by which line, the keys."""
    write(project, {".dockerignore": "*.log\n", "a.log": "", "big.bin": "x" * 5000})

    assert main(["plan", "--image", APP, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)

    environment, code = document["environment"], document["code"]
    assert environment["base"]["digest"].startswith("sha256:")
    assert environment["dependency_files"] == [{"path": "requirements.txt", "installed": True}]
    assert code["largest"][0] == {"path": "big.bin", "bytes": 5000}
    assert [item["path"] for item in code["contents"]] == sorted(
        [".dockerignore", "big.bin", "flow.py", "requirements.txt"][-code["files"] :]
    )
    assert code["files"] == 3
    assert [left["path"] for left in document["left_out"] if "log" in left["path"]] == ["a.log"]
    assert (environment["key"], code["key"], document["version"]) != (None, None, None)
    assert document["names"] == [APP]


@pytest.mark.parametrize("command", ["deploy --no-push", "build", "plan"])
def test_versions_that_cannot_match_are_a_warning(
    command: str, asked: Asked, project: Path, capsys: Captured
) -> None:
    """Told once, with the requirement and the base; the command goes on."""
    write(project, {"requirements.txt": "emoji\nprefect<3\n"})

    code = main(shlex.split(command))
    told = capsys.readouterr().err

    assert code == 0
    warning = "warning: prefect<3 in the requirements excludes Prefect 3, which the base"
    assert told.count(warning) == 1


def test_build_push_and_record_hand_on_their_references(
    asked: Asked, recorder: MemoryRecorder, capsys: Captured
) -> None:
    """As three jobs of a pipeline do."""

    def answer(*arguments: str) -> str:
        assert main(list(arguments)) == 0
        return capsys.readouterr().out.strip()

    built = answer("build", "--image", APP)
    pushed = answer("push", built)
    recorded = answer("record", pushed, "--deployment", "hello/prod", "--pool", "docker")

    assert built == APP
    assert pushed == recorded
    assert recorder.deployments["hello/prod"].job_variables["image"] == pushed


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--image", APP], ["--pool", "docker"]),
        (["--image", "app:v1", "--no-push"], ["--no-push"]),
        (["--image", APP, "--no-pin"], ["--no-pin"]),
        (["--image", APP, "--param", "day=it's"], ["--param", "day=it's"]),
        (["--image", APP, "--cron", "0 6 * * *"], ["--cron", "0 6 * * *"]),
    ],
)
def test_a_record_that_failed_is_finished_by_the_command_that_is_named(
    asked: Asked,
    recorder: MemoryRecorder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
    arguments: list[str],
    expected: list[str],
) -> None:
    """To the letter: typed as it stands, it does what was left."""
    apply = recorder.apply

    def fail(change: Change, emit: Any) -> str:
        raise AWAY

    monkeypatch.setattr(recorder, "apply", fail)
    assert main(["deploy", *arguments]) == 5
    hint = capsys.readouterr().err.partition("finish with: ")[2].splitlines()[0]
    program, command, *typed = shlex.split(hint)
    monkeypatch.setattr(recorder, "apply", apply)

    assert (program, command) == ("imagebuild", "record")
    assert set(expected) <= set(typed)
    assert main([command, *typed]) == 0
    held = recorder.deployments["hello/hello"]
    assert held.entrypoint == "flow.py:hello"
    assert str(held.job_variables["image"]).startswith(arguments[1])
    assert main(["deploy", *arguments]) == 0
    assert "not recorded (nothing changed)" in capsys.readouterr().err


def test_every_option_says_what_it_does_and_can_come_from_the_environment() -> None:
    """In a section, with a line that helps, under its own name."""
    options = options_of(every_command(cli).values())

    for key, option in options.items():
        assert isinstance(option, Option)
        assert option.section, key
        assert option.help, key
        assert len(option.help) > 15, key
        assert option.envvar == f"IMAGEBUILD_{key.upper().replace('-', '_')}"


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("image", Kind.TEXT),
        ("push", Kind.FLAG),
        ("cache", Kind.FLAG),
        ("tag", Kind.MANY),
        ("env", Kind.PAIRS),
        ("build-arg", Kind.PAIRS),
        ("param", Kind.VALUES),
        ("job-variable", Kind.VALUES),
        ("concurrency-limit", Kind.NUMBER),
    ],
)
def test_a_settings_file_takes_each_option_as_its_kind(key: str, kind: Kind) -> None:
    """Derived from the options themselves."""
    assert kinds(options_of(every_command(cli).values()).values())[key] is kind


@pytest.mark.parametrize("key", ["yes", "json", "debug", "dry-run", "verbose", "context"])
def test_what_is_about_one_command_alone_is_in_no_file(key: str) -> None:
    """Nobody wants to have said yes last month."""
    assert key not in kinds(options_of(every_command(cli).values()).values())


def test_a_variable_holds_one_value_a_line(
    asked: Asked, recorder: MemoryRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a value may have blanks in it."""
    monkeypatch.setenv("IMAGEBUILD_ENV", "A=1 2\n\nB=3\n")
    monkeypatch.setenv("IMAGEBUILD_TAG", "v2")

    assert main(["build", "--image", "app:v1"]) == 0
    [(request, _)] = asked
    assert request.env == {"A": "1 2", "B": "3"}
    assert request.tags == ("v2",)


def test_a_push_is_of_the_image_in_the_settings(
    asked: Asked, project: Path, builder: FakeBuilder, capsys: Captured
) -> None:
    """With its further tags, as the build gave it them; one that is typed comes before it."""
    write(project, {"imagebuild.toml": f'image = "{APP}"\ntag = ["v2"]\n'})
    other = "reg.example/team/other:v1"

    assert main(["build"]) == 0
    assert main(["push"]) == 0
    assert main(["build", "--image", other]) == 0
    assert main(["push", other]) == 0

    pushed = [str(each) for each in builder.registry.pushes]
    assert pushed == [APP, APP.replace(":v1", ":v2"), other, other.replace(":v1", ":v2")]
