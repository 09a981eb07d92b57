"""The command as a whole: exit codes, what goes to stdout, and how it ends when it is stopped."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
import pytest

from imagebuild import __version__, errors
from imagebuild.cli import cli, main
from imagebuild.errors import ImagebuildError, Interrupted
from tests.unit.values import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imagebuild.testing import FakeBuilder


NO_PREFECT = "http://127.0.0.1:1/api"
FLOW = "from prefect import flow\n\n@flow\ndef hello(): ...\n"
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type)]
HEAVY = [
    *("docker", "jinja2", "pydantic", "prefect", "grpclib", "urllib3", "rich", "google.protobuf"),
    *("ruamel", "yaml"),
    *("pathspec", "requests", "httpx", "h2"),
]


@contextmanager
def command(raised: BaseException) -> Iterator[click.Command]:
    """For a while there is a command `fail`, which raises this."""

    @click.command()
    def fail() -> None:
        raise raised

    cli.add_command(fail)
    try:
        yield fail
    finally:
        del cli.commands["fail"]


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if issubclass(kind, ImagebuildError)], ids=lambda k: k.__name__
)
def test_each_error_has_its_exit_code(
    kind: type[ImagebuildError], capsys: pytest.CaptureFixture[str]
) -> None:
    """And is told on stderr alone."""
    with command(kind("it failed", causes=("why",), hint="do it")):
        code = main(["fail"])
    out, err = capsys.readouterr()

    assert code == kind.exit_code
    assert (out, err) == ("", "error: it failed\n  caused by: why\n  hint: do it\n")


@pytest.mark.parametrize(
    ("raised", "code", "told"),
    [
        (ValueError("oops"), 70, "error: imagebuild has a bug: ValueError: oops"),
        (RecursionError(), 70, "error: imagebuild has a bug: RecursionError: "),
        (KeyboardInterrupt(), 130, "interrupted: "),
        (click.Abort(), 130, "interrupted: "),
        (Interrupted(143), 143, "interrupted: "),
        (click.UsageError("no such thing"), 2, "Error: no such thing"),
    ],
)
def test_every_other_end_has_one_too(
    raised: BaseException, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a traceback."""
    with command(raised):
        assert main(["fail"]) == code
    out, err = capsys.readouterr()

    assert out == ""
    assert told in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--nope"], 2, "No such option"),
        (["nope"], 2, "No such command"),
        (["deploy", "--nope"], 2, "No such option"),
        (["deploy", "a", "b"], 2, "unexpected extra argument"),
        (["deploy", "--image", "my image"], 2, "error: cannot use --image"),
        (["deploy", "--image", ""], 2, "error: cannot use --image"),
        (["deploy", "--base", "x:tag\nRUN id"], 2, "error: cannot use --base"),
        (["deploy", "--job-variable", "x"], 2, "error: cannot use --job-variable x"),
        (["render", "--context", "gone"], 2, "error: there is no folder"),
        (["render", "--context", "flow.py"], 2, "is a file"),
        (["render", "--requirements", "gone.txt"], 2, "error: there is no requirements file"),
    ],
)
def test_what_cannot_be_meant_ends_with_2(
    project: Path,
    arguments: list[str],
    code: int,
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Said in one place, with nothing on stdout."""
    assert main(arguments) == code
    out, err = capsys.readouterr()

    assert out == ""
    assert told in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["deploy", "--json", "--nope"], "No such option"),
        (["deploy", "--nope", "--json"], "No such option"),
        (["deploy", "--json", "--concurrency-limit", "0"], "0 is not in the range"),
        (["push", "--json"], "no image is named"),
    ],
)
def test_where_json_is_wanted_a_mistyped_line_is_a_document_too(
    project: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever reads stdout finds one, also where the option that asks for it was not reached."""
    assert main(arguments) == 2
    error = json.loads(capsys.readouterr().out)["error"]

    assert error["exit_code"] == 2
    assert message in error["message"]


@pytest.mark.parametrize(("raised", "code"), [(ValueError("oops"), 70), (KeyboardInterrupt(), 130)])
def test_and_so_is_every_other_end(
    raised: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bug of ours, and an interruption."""
    with command(raised) as fail:
        fail.params.append(click.Option(["--json"], is_flag=True, expose_value=False))
        assert main(["fail", "--json"]) == code

    assert json.loads(capsys.readouterr().out)["error"]["exit_code"] == code


def test_without_a_command_the_help_is_shown_as_an_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing was asked for."""
    assert main([]) == 2
    out, err = capsys.readouterr()

    assert out == ""
    assert err.startswith("Usage: imagebuild [OPTIONS] COMMAND")


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_the_version_is_the_packages(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """On stdout, as everywhere."""
    assert main([option]) == 0
    assert capsys.readouterr().out == f"imagebuild {__version__}\n"


def test_debug_shows_the_traceback(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also of an error in an option that is read after it."""
    assert main(["deploy", "--image", "my image", "--debug"]) == 2
    err = capsys.readouterr().err

    assert "Traceback" in err
    assert err.rstrip().endswith("such as registry.example.com/team/flow:v1")


def test_render_prints_the_dockerfile_alone(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What there is to say of the files goes to stderr."""
    write(project, {".env": "TOKEN=canary"})

    assert main(["render", "--base", "python:3.12"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("FROM python:3.12 AS environment\nWORKDIR /opt/prefect/app\n")
    assert err == "note: left out, as it looks like a secret: .env\n"


def timeless(text: str) -> str:
    """The text with every duration and digest the same, and without the deployment's fields."""
    text = re.sub(r"\d+\.\d s", "T", text)
    text = re.sub(r"(record done in T: ).*", r"\1FIELDS", text)
    return re.sub(r"[0-9a-f]{64}", "D", text)


def test_a_deploy_prints_its_reference_and_tells_the_rest(
    asked: object, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line on stdout, for a script; plain lines on stderr, for a log."""
    assert main(["deploy", "--image", "reg.example/app:v1"]) == 0
    out, err = capsys.readouterr()

    assert timeless(out) == "reg.example/app:v1@sha256:D\n"
    assert timeless(err).splitlines() == [
        "preflight …",
        "preflight done in T: hello/hello on the work pool docker",
        "build …",
        "  [1/1] COPY",
        "  [1/1] done in T",
        "build done in T: reg.example/app:v1, as there is no such image yet",
        "push …",
        "push done in T: reg.example/app:v1, as it is new",
        "record …",
        "record done in T: FIELDS",
        "hello/hello runs reg.example/app:v1@sha256:D",
        "  built, pushed, recorded, in T",
        "  preflight T, build T, push T, record T",
        "  0 of 1 steps from the cache, 0 files sent (0 B)",
        "  start a run:    prefect deployment run 'hello/hello'",
        "  start a worker: prefect worker start --pool 'docker'",
    ]


def test_a_deploy_without_change_says_so(asked: object, capsys: pytest.CaptureFixture[str]) -> None:
    """With the same line on stdout."""
    arguments = ["deploy", "--image", "app:latest", "--no-push"]
    main(arguments)
    first = capsys.readouterr().out
    main(arguments)
    out, err = capsys.readouterr()

    assert out == first == "app:latest\n"
    assert "not built (nothing changed), not recorded (nothing changed)" in err


def test_a_failed_deploy_prints_nothing_on_stdout(
    asked: object, builder: FakeBuilder, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that a script does not go on with half an answer."""
    builder.failures["push"] = errors.Denied("cannot push", hint="docker login")

    assert main(["deploy", "--image", "reg.example/app:v1"]) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(
        "error: cannot push\n  hint: docker login\n  no deployment hello/hello was created\n"
    )


# In a process of its own


def start(*arguments: str, cwd: Path, **env: str) -> subprocess.Popen[str]:
    """Start the command."""
    return subprocess.Popen(
        [sys.executable, "-m", "imagebuild", *arguments],
        cwd=cwd,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_it_with_its_own_code(project: Path, sent: signal.Signals, code: int) -> None:
    """While it waits for an engine that never answers."""
    with (
        tempfile.TemporaryDirectory(prefix="ib-") as folder,
        socket.socket(socket.AF_UNIX) as silent,
    ):
        silent.bind(f"{folder}/d.sock")
        silent.listen()
        silent.settimeout(30)
        env = {
            "DOCKER_HOST": f"unix://{folder}/d.sock",
            "PREFECT_API_URL": "http://127.0.0.1:1/api",
        }
        with start("deploy", "--no-push", cwd=project, **env) as process:
            connection, _ = silent.accept()
            process.send_signal(sent)
            out, err = process.communicate(timeout=30)
            connection.close()

    assert process.returncode == code
    assert out == ""
    assert err.rstrip().endswith("interrupted: what was not finished can be run again")
    assert "Traceback" not in err


def test_an_engine_that_is_down_ends_it_with_3(project: Path) -> None:
    """And nothing was changed."""
    env = {"DOCKER_HOST": "unix:///tmp/gone.sock", "PREFECT_API_URL": NO_PREFECT}
    with start("deploy", "--no-push", cwd=project, **env) as process:
        out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (3, "")
    assert "unix:///tmp/gone.sock" in err
    assert err.endswith("  nothing was changed\n")


def test_a_reader_that_goes_away_is_no_bug(project: Path) -> None:
    """As `imagebuild render | head -1` does."""
    with start("render", cwd=project) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
        process.wait(timeout=30)

    assert process.returncode == 1
    assert err == ""


def test_a_disk_that_is_full_is_no_bug(project: Path) -> None:
    """As that of a file which the answer is sent to."""
    with open("/dev/full", "w") as full:  # noqa: PTH123 - which is a device
        done = subprocess.run(
            [sys.executable, "-m", "imagebuild", "render"],
            cwd=project,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert "error: cannot write\n  caused by: no space left on device\n" in done.stderr


def test_a_closed_stderr_hears_nothing(project: Path) -> None:
    """Whoever started the command may have closed it; the answer stands on stdout all the same."""
    (project / "pyproject.toml").write_text("")
    (project / "requirements.txt").unlink()
    shell = f"exec {shlex.quote(sys.executable)} -m imagebuild render 2>&-"
    done = subprocess.run(
        ["sh", "-c", shell], cwd=project, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0
    assert done.stdout.startswith("FROM ")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["deploy", "--help"]])
def test_help_imports_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    """What is imported takes the time, so the budget is a list and no clock."""
    code = (
        "import json, sys\nfrom imagebuild.cli import main\n"
        f"code = main({arguments!r})\nprint(json.dumps([code, sorted(sys.modules)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    ended, loaded = json.loads(done.stdout.splitlines()[-1])

    assert ended == 0
    assert [name for name in HEAVY if name in loaded] == []


def test_the_package_alone_imports_less_than_its_command(tmp_path: Path) -> None:
    """Whoever wants the version does not want click."""
    code = "import imagebuild, sys; print('click' in sys.modules, imagebuild.__version__)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert done.stdout == f"False {__version__}\n"
