"""What CI systems are told: GitHub's files and annotations, GitLab's variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagebuild.cli import main
from imagebuild.cli.ci import github
from imagebuild.cli.ci.dotenv import variables
from imagebuild.outcome import Outcome
from tests.unit.values import DIGEST

if TYPE_CHECKING:
    from pathlib import Path

    Captured = pytest.CaptureFixture[str]

APP = "reg.example/app:v1"
PUSHED = Outcome(f"{APP}@{DIGEST}", (APP, "reg.example/app:v2"), digest=DIGEST, pushed=True)


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a GitHub runner's files; other steps wrote into them before."""
    folder = tmp_path / "runner"
    folder.mkdir()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    for name in (github.OUTPUT, github.SUMMARY):
        (folder / name).write_text("before\n")
        monkeypatch.setenv(name, str(folder / name))
    return folder


def test_github_gets_outputs_and_a_summary_after_what_is_there(
    asked: object, runner: Path, capsys: Captured
) -> None:
    """And stdout has the reference alone, as everywhere."""
    assert main(["deploy", "--image", APP, "--tag", "v2"]) == 0
    reference = capsys.readouterr().out.strip()
    digest = reference.partition("@")[2]
    summary = (runner / github.SUMMARY).read_text()

    assert (runner / github.OUTPUT).read_text().splitlines() == [
        "before",
        f"image={APP}",
        f"digest={digest}",
        f"reference={reference}",
    ]
    assert summary.startswith("before\n### imagebuild: hello/hello\n\n| | |\n|---|---|\n")
    for row in (f"| image | `{APP}`, `reg.example/app:v2` |", f"| reference | `{reference}` |"):
        assert row in summary
    assert "| recorded | yes |" in summary


def test_an_error_is_an_annotation_on_stderr(asked: object, runner: Path, capsys: Captured) -> None:
    """On one line, whatever its text has in it; the files of the step stay as they were."""
    assert main(["deploy", "--image", "app:v1"]) == 2
    out, err = capsys.readouterr()
    [line] = [line for line in err.splitlines() if line.startswith("::")]

    assert out == ""
    assert line.startswith("::error title=cannot push app%3Av1%3A the name says no registry::error")
    assert "%0A  hint: give the full name" in line
    assert (runner / github.OUTPUT).read_text() == "before\n"


def test_a_mistyped_option_is_an_annotation_too(runner: Path, capsys: Captured) -> None:
    """Of click's words."""
    assert main(["deploy", "--imgae", "x"]) == 2
    assert "::error title=No such option" in capsys.readouterr().err


def test_elsewhere_nobody_is_told(asked: object, capsys: Captured, tmp_path: Path) -> None:
    """Without GITHUB_ACTIONS there is neither a file nor an annotation."""
    assert main(["deploy", "--image", "app:v1"]) == 2
    assert "::error" not in capsys.readouterr().err


def test_a_file_of_the_runner_that_is_not_there_is_a_warning(
    asked: object, runner: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """The image is pushed and recorded by then."""
    monkeypatch.setenv(github.OUTPUT, str(runner))
    monkeypatch.delenv(github.SUMMARY)

    assert main(["deploy", "--image", APP]) == 0
    assert "warning: cannot write to GITHUB_OUTPUT: " in capsys.readouterr().err


def test_an_annotation_is_escaped_as_github_reads_it() -> None:
    """A message has three characters to escape, a property five."""
    line = github.annotation("50%: a, b", "50%\r\nx: y, z")

    assert line == "::error title=50%25%3A a%2C b::50%25%0D%0Ax: y, z"


def test_a_summary_shows_names_as_they_are() -> None:
    """A deployment may be called anything; it makes no table, link or tag."""
    named = Outcome(APP, (APP,), recorded=True, deployment="a|b/<b>*x*\n[y](z) @me", pool="p_1")
    summary = github.summary(named)

    assert r"| deployment | a\|b/&lt;b&gt;\*x\* \[y\]\(z\) &#64;me |" in summary
    assert r"| work pool | p\_1 |" in summary
    assert "digest" not in summary


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (PUSHED, f"IMAGE={APP}\nIMAGE_DIGEST={DIGEST}\nIMAGE_REFERENCE={APP}@{DIGEST}\n"),
        (Outcome("app:v1", ("app:v1",)), "IMAGE=app:v1\nIMAGE_REFERENCE=app:v1\n"),
    ],
)
def test_gitlab_gets_variables(outcome: Outcome, expected: str) -> None:
    """No empty value, and no quotes, which it would take for part of one."""
    assert variables(outcome) == expected


def test_the_dotenv_report_is_where_the_job_says(
    asked: object, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an option, or by a variable of the job; it is no part of the image."""
    monkeypatch.setenv("IMAGEBUILD_DOTENV", "image.env")

    assert main(["build", "--image", APP]) == 0
    assert (project / "image.env").read_text() == f"IMAGE={APP}\nIMAGE_REFERENCE={APP}\n"
