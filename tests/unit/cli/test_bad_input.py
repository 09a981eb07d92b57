"""Wrong input that needs no engine to be seen as wrong: told, and nothing done."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.cli import main
from tests.support.command import listing
from tests.unit.values import OTHER_DIGEST, write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from imagebuild.testing import FakeBuilder, MemoryRecorder

    Captured = pytest.CaptureFixture[str]

IMAGE = "reg.example/app:v1"
OTHER = "from prefect import flow\n\n@flow\ndef other(): ...\n"
RECORD = ("--deployment", "hello/prod")


@dataclass(frozen=True)
class Bad:
    """What was typed, the exit code, and what has to be said; `files` change the project."""

    arguments: tuple[str, ...]
    code: int
    says: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)


def deploy(*arguments: str, says: tuple[str, ...], code: int = 2, **more: Any) -> Bad:
    """A deploy that stays on this machine."""
    return Bad(("deploy", "--no-push", *arguments), code, says, **more)


def each(option: str, *values: str, says: tuple[str, ...], hint: str) -> dict[str, Bad]:
    """A row for every value of an option of `deploy`."""
    return {
        f"{option} {value!r:.40}": deploy(option, value, says=(*says, f"hint: {hint}"))
        for value in values
    }


def names(*texts: str) -> dict[str, Bad]:
    """A row for every command that takes such an image name."""
    commands = {
        "--image": ("deploy", "build", "plan"),
        "--base": ("deploy", "build", "plan", "render"),
    }
    rows = {
        f"{command} {option} {text!r:.40}": Bad((command, option, text), 2, (f"use {option}",))
        for text in texts
        for option, those in commands.items()
        for command in those
    }
    for text in texts:
        rows[f"push {text!r:.40}"] = Bad(("push", text), 2, ("cannot use IMAGE", "hint: write"))
        rows[f"record {text!r:.40}"] = Bad(
            ("record", text, *RECORD), 2, ("cannot use IMAGE", "hint: write")
        )
    return rows


NAMES = names("my image", "UPPER/x", "a:b:c", "x:tag\nRUN id", "a" * 300, "")
FLOWS = {
    "no flow": deploy(says=("there is no flow in", "hint:"), files={"flow.py": "x = 1\n"}),
    "two flows": deploy(
        says=("there are 2 flows", "more.py:other", "hint: say which"), files={"more.py": OTHER}
    ),
    "a file that is not there": deploy("gone.py:f", says=("no file gone.py", "hint:")),
    "a function that is not there": deploy("flow.py:f", says=("has no flow f", "flow.py:hello")),
    "a flow outside the root": deploy("../out.py:f", says=("outside the project root", "hint:")),
    "a file alone": deploy("flow.py", says=("is not an entrypoint", "path/to/file.py:function")),
    "a name that is computed": deploy(
        says=("cannot tell the name of the flow", "line 3", "hint:"),
        files={"flow.py": "from prefect import flow\n@flow(name='a' + 'b')\ndef f(): ...\n"},
    ),
    "a name that Prefect refuses": deploy(
        says=("'a/b' cannot be the name of a flow",),
        files={"flow.py": "from prefect import flow\n@flow(name='a/b')\ndef f(): ...\n"},
    ),
}
FILES = {
    "no such requirements": deploy("--requirements", "no.txt", says=("file no.txt", "hint:")),
    "requirements outside": deploy("--requirements", "../out.py", says=("outside", "hint:")),
    "requirements of a list that is not there": deploy(
        says=("line 2 refers to no.txt", "hint:"), files={"requirements.txt": "emoji\n-r no.txt\n"}
    ),
    "requirements that are left out": deploy(
        says=("left out of the image by .dockerignore, line 1", "hint: add the line"),
        files={".dockerignore": "*.txt\n"},
    ),
    "requirements that are no text": deploy(
        says=("cannot read requirements.txt", "not UTF-8"), files={"requirements.txt": "\udcff"}
    ),
    "no such template": deploy("--template", "defalt", says=("template 'defalt'", "mean default?")),
    "a template with an undefined variable": deploy(
        *("--template", "t"),
        says=("the template t, line 2", "'nope' is undefined"),
        files={"t": "FROM x\n{{ nope }}\n"},
    ),
    "a template that is broken": deploy(
        *("--template", "t"),
        says=("cannot read the template t, line 2", "Expected an expression"),
        files={"t": "FROM x\n{% if %}\n"},
    ),
    "a block that is broken": deploy(
        *("--template", "t"),
        says=("the template t, line 3", "'nope' is undefined"),
        files={"t": "{% extends 'default' %}\n{% block system %}\n{{ nope }}\n{% endblock %}\n"},
    ),
    "a template that extends nothing": deploy(
        *("--template", "t"),
        says=("t, line 1", "refers to 'gone'", "hint:"),
        files={"t": "{% extends 'gone' %}\n"},
    ),
    "no such Dockerfile": deploy("--dockerfile", "D", says=("no Dockerfile D", "hint:")),
    "a Dockerfile without FROM": deploy(
        "--dockerfile", "D", says=("cannot build with D", "FROM"), files={"D": "# nothing\n"}
    ),
    "a Dockerfile that begins otherwise": deploy(
        "--dockerfile", "D", says=("D, line 2", "before the first FROM"), files={"D": "\nRUN x\n"}
    ),
    "a Dockerfile on no image name": deploy(
        "--dockerfile", "D", says=("D, line 1", "lower case"), files={"D": "FROM UPPER/x\n"}
    ),
    "an ignore file that is broken": deploy(
        says=("cannot use .dockerignore", "line 2"), files={".dockerignore": "a\n[b\n"}
    ),
    "a name that is not UTF-8": deploy(says=("not UTF-8", "hint:"), files={"n\udcff": ""}),
    "a prefect.yaml that is broken": deploy(
        says=("prefect.yaml", "line 2"), files={"prefect.yaml": "name: [\n"}
    ),
}
SETTINGS = {
    "a setting of another type": deploy(
        says=("cannot use tag in imagebuild.toml", "a number", "hint: write tag ="),
        files={"imagebuild.toml": "tag = 1\n"},
    ),
    "a setting that is not there": deploy(
        says=("unknown key imag", "did you mean image?"), files={"imagebuild.toml": "imag = 'x'\n"}
    ),
    "settings that are no TOML": deploy(
        says=("cannot read imagebuild.toml", "line 1", "hint:"),
        files={"imagebuild.toml": "image =\n"},
    ),
    "settings in both files": deploy(
        says=("both pyproject.toml and imagebuild.toml", "hint: keep one"),
        files={
            "imagebuild.toml": "pool = 'a'\n",
            "pyproject.toml": "[tool.imagebuild]\npool = 'b'\n",
        },
    ),
    "a section that is no table": deploy(
        says=("not a table", "hint:"), files={"pyproject.toml": "[tool]\nimagebuild = 1\n"}
    ),
    "a bad value in a file": deploy(
        says=("cannot use --image",), files={"imagebuild.toml": "image = 'my image'\n"}
    ),
    "an empty value in a file": deploy(
        says=("cannot use --pool ''",), files={"imagebuild.toml": "pool = ''\n"}
    ),
    "a bad value in the environment": deploy(
        says=("cannot use --image",), env={"IMAGEBUILD_IMAGE": "my image"}
    ),
    "no boolean in the environment": deploy(
        says=("'--pull'", "'maybe'"), env={"IMAGEBUILD_PULL": "maybe"}
    ),
    "a time that is none": deploy(
        says=("SOURCE_DATE_EPOCH=now", "hint:"), env={"SOURCE_DATE_EPOCH": "now"}
    ),
}
VALUES = {
    **each("--env", "A", "=1", says=("cannot use --env",), hint="write key=value"),
    **each("--env", "A B=1", "1A=1", "A$=1", "é=1", says=("no name of a variable",), hint="l"),
    **each("--env", "A=1\nRUN id", says=("variable A", "not one line"), hint="write it in one"),
    **each("--label", "A", "=1", says=("cannot use --label",), hint="write key=value"),
    **each("--build-arg", "NOPE", "=1", says=("cannot use --build-arg",), hint=""),
    **each("--build-arg", "A\nRUN id=1", says=("no name of a variable",), hint="letters"),
    **each(
        *("--secret", "a", "id=", "src=flow.py", "id=a,type=x", "id=a,what=x"),
        says=("cannot use --secret",),
        hint="write id=ID,src=FILE",
    ),
    **each("--secret", "id=a", says=("no variable a for the secret a",), hint="set it"),
    **each("--secret", "id=a,src=gone", says=("no file gone for the secret a",), hint="give"),
    **each("--secret", "id=a,env=GONE", says=("no variable GONE",), hint="set it, or name a file"),
    **each("--secret", "id=../a,src=flow.py", says=("no id of a secret",), hint="letters"),
    **each("--ssh", "default", says=("there is no SSH agent", "SSH_AUTH_SOCK"), hint="start one"),
    **each("--ssh", "a=gone", "a=flow.py,gone", says=("neither an agent's",), hint="give the"),
    "--no-pin of what is not pushed": deploy(
        "--no-pin", says=("cannot use --no-pin with --no-push", "a digest once it is pushed")
    ),
    **each("--tag", "a b", "a:b", "a/b", "x" * 129, says=("a tag is up to 128",), hint="the dep"),
    **each(
        "--directory", ".", "..", "/", "//x", says=("the code cannot lie at",), hint="give a name"
    ),
    **each("--directory", "a\nb", says=("cannot be written",), hint="rename"),
    **each("--system-package", "a b", "-y", "$(id)", says=("no system package",), hint="write"),
    **each("--interval", "0", "-1", "x", "1w", "nan", says=("use --interval",), hint="write"),
    **each("--cron", "x", "60 * * * *", says=("no cron expression",), hint="five fields"),
    **each("--rrule", "x", "FREQ=NEVER", says=("no recurrence rule",), hint="a rule looks like"),
    **each("--timezone", "Europe/Berlin", says=("of no schedule",), hint="give --cron"),
    **each("--param", "day", "=1", says=("cannot use --param",), hint="write key=value"),
    **each("--job-variable", "a", "=1", says=("cannot use --job-variable",), hint="write key="),
    **each("--job-variable", "image=x", says=("what this deploy sets",), hint="name the image"),
    **each("--pool", "dokcer", says=("no work pool 'dokcer'",), hint="did you mean 'docker'?"),
    **each("--context", "gone", says=("there is no folder", "gone"), hint="see whether the path"),
    **each("--context", "/", says=("the whole machine",), hint="change to the folder"),
    "--context is a file": deploy("--context", "flow.py", says=("'flow.py' is a file",)),
    "--platform of another machine": deploy("--platform", "no/such", says=("no/such",)),
    "--concurrency-limit 0": deploy("--concurrency-limit", "0", says=("'--concurrency-limit'",)),
    "a template of Prefect's": deploy("--job-variable", "a={{ x }}", says=("'{{'", "'a'")),
    "a time zone that is none": deploy(
        *("--cron", "0 6 * * *", "--timezone", "Mars/North"), says=("no time zone", "hint:")
    ),
}
EMPTY = {
    f"{option} is empty": deploy(option, "", says=(f"cannot use {option} ''", "hint: give it"))
    for option in (
        *("--base", "--builder", "--context", "--cron", "--deployment-tag", "--description"),
        *("--directory", "--dockerfile", "--env", "--image", "--name", "--param", "--platform"),
        *("--pool", "--queue", "--requirements", "--tag", "--template", "--timezone", "--version"),
    )
}
PARTS = {
    "a push of what the engine lacks": Bad(("push", IMAGE), 2, ("has no image", "hint: build")),
    "two who contradict each other": deploy("-q", "-v", says=("--verbose with --quiet", "hint:")),
    "a push to no registry": Bad(("deploy", "--image", "a"), 2, ("says no registry", "hint:")),
    "a build for nowhere": Bad(("build", "--image", "a", "--push"), 2, ("says no registry",)),
    "a record without a deployment": Bad(("record", IMAGE), 2, ("no deployment is named",)),
    **{
        f"a record of {text!r}": Bad(("record", IMAGE, "--deployment", text), 2, says)
        for text, says in {
            "hello": ("cannot use --deployment hello", "hint: write flow/name"),
            "a/b/c": ("cannot use --deployment", "hint: write flow/name"),
            "/b": ("cannot use --deployment", "hint: write flow/name"),
            "hello/a%b": ("'a%b' cannot be the name of a deployment",),
        }.items()
    },
    "a record of another flow": Bad(
        ("record", "app:v1", "--deployment", "nobody/prod"),
        2,
        ("no flow named 'nobody'", "flow.py:hello", "hint:", "no deployment nobody/prod"),
    ),
    "a record of a tag that is nowhere": Bad(
        ("record", IMAGE, *RECORD), 1, ("has no image", "hint: push it first")
    ),
    "a record of a digest that is nowhere": Bad(
        ("record", f"{IMAGE}@{OTHER_DIGEST}", *RECORD), 1, ("has no image", "hint: push it first")
    ),
    "a deploy where there is nothing": deploy(
        "--context", "void", says=("there is no flow in", "hint:"), files={"void/.keep": ""}
    ),
}
CASES = NAMES | FLOWS | FILES | SETTINGS | VALUES | EMPTY | PARTS


@pytest.mark.parametrize("bad", CASES.values(), ids=CASES)
def test_it_is_told_and_nothing_is_done(
    bad: Bad,
    asked: object,
    project: Path,
    builder: FakeBuilder,
    recorder: MemoryRecorder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    """What, why and what to do on stderr; nothing on stdout, in the folder, or anywhere else."""
    write(project, dict(bad.files))
    write(project.parent, {"out.py": OTHER})
    for name, value in bad.env.items():
        monkeypatch.setenv(name, value)
    files = listing(project)

    code = main(list(bad.arguments))
    out, err = capsys.readouterr()

    assert (code, out) == (bad.code, ""), err
    assert err.count("rror: ") == 1
    for words in (*bad.says, "error: " if "Usage: " not in err else "Error: "):
        assert words in err
    assert "Traceback" not in err
    assert (builder.built, builder.registry.pushes, recorder.writes) == ([], [], 0)
    assert listing(project) == files


def _link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path.name)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (os.mkfifo, "warning: left out, as no image can hold it: odd\n"),
        (_socket, "warning: left out, as no image can hold it: odd\n"),
        (_link("nowhere"), ""),
        (_link("odd"), ""),
        (_link("flow.py"), ""),
    ],
    ids=["FIFO", "socket", "dangling link", "link to itself", "link"],
)
@pytest.mark.parametrize("command", ["render", "plan", "build"])
def test_an_odd_entry_stops_nothing(
    command: str,
    make: Callable[[Path], None],
    told: str,
    asked: object,
    project: Path,
    capsys: Captured,
) -> None:
    """It is sent as it is, or left out with a warning; nobody waits for it to be written."""
    make(project / "odd")

    assert main([command]) == 0
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("target", ["/etc/passwd", "../../secret", "/"])
@pytest.mark.parametrize("command", ["render", "plan", "build", "deploy"])
def test_a_link_out_of_the_project_is_refused(
    command: str, target: str, asked: object, project: Path, capsys: Captured
) -> None:
    """With its name, where it leads, and how to leave it out."""
    (project / "link").symlink_to(target)

    assert main([command, *(["--no-push"] if command == "deploy" else [])]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"error: cannot send link: it is a link to {target}, outside the project" in err
    assert "hint: " in err


@pytest.mark.parametrize("command", ["render", "plan", "build", "deploy"])
def test_a_file_that_cannot_be_read_is_named(
    command: str, asked: object, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """With the reason; root may read everything, so the refusal is played."""
    read = os.open

    def refuse(path: Any, *arguments: Any, **more: Any) -> int:
        if path == "secret.bin":
            raise PermissionError(13, os.strerror(13), path)
        return read(path, *arguments, **more)

    (project / "secret.bin").touch()
    monkeypatch.setattr(os, "open", refuse)

    assert main([command, *(["--no-push"] if command == "deploy" else [])]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "error: cannot read secret.bin\n  caused by: permission denied\n  hint: make it" in err


@pytest.mark.parametrize("text", ["", "# nothing yet\n\n"])
def test_requirements_that_ask_for_nothing_are_installed_as_nothing(
    text: str, asked: object, project: Path, capsys: Captured
) -> None:
    """And that is said: the file may have lost its lines."""
    write(project, {"requirements.txt": text})

    assert main(["deploy", "--no-push"]) == 0
    assert "note: nothing is installed: requirements.txt names no package" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("command", ["render", "plan", "build"])
def test_an_empty_folder_is_a_project_without_code(
    command: str, asked: object, project: Path, capsys: Captured
) -> None:
    """Only what runs a flow needs one."""
    (project / "void").mkdir()

    assert main([command, "--context", "void"]) == 0
    assert "void" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["render", "plan", "build", "deploy", "record x:v1 -d"])
def test_a_folder_that_is_gone_is_told(
    command: str,
    asked: object,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    """As it is after a checkout of another branch."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    assert main(command.replace("-d", "--deployment hello/prod").split()) == 2
    assert "error: the current folder does not exist any more\n  hint: " in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("option", ["--param", "--param nope=1 --param"])
def test_a_parameter_that_the_flow_does_not_take_is_refused(
    option: str, asked: object, recorder: MemoryRecorder, capsys: Captured
) -> None:
    """Nothing is recorded; the image may be built, for the flow is read while it is."""
    assert main(["deploy", "--no-push", *option.split(), "what=1"]) == 2
    out, err = capsys.readouterr()

    assert (out, recorder.writes) == ("", 0)
    assert "error: the flow takes no parameter" in err
    assert "caused by: it takes day" in err


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        ((), 2, "error: reg.example/app@sha256:"),
        (("--tag", "v2"), 0, "pushed, in"),
    ],
)
def test_a_digest_is_pushed_under_no_tag_but_those_given(
    more: tuple[str, ...],
    code: int,
    told: str,
    asked: object,
    builder: FakeBuilder,
    capsys: Captured,
) -> None:
    """Least of all as latest."""
    main(["build", "--image", IMAGE, "--push"])
    pushed = capsys.readouterr().out.strip().replace(":v1@", "@")
    builder.registry.pushes.clear()

    assert main(["push", pushed, *more]) == code
    assert told in capsys.readouterr().err
    assert [name.tag for name in builder.registry.pushes] == [*more[1:]]
