"""`imagebuild init` with everything around it in memory: what it asks, writes and refuses."""

from __future__ import annotations

import io
import json
import os
from typing import TYPE_CHECKING

import pytest
import yaml

from imagebuild.cli import main
from imagebuild.cli.asking import Prompts
from imagebuild.errors import Unreachable
from imagebuild.state import Pool
from tests.unit.values import write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from imagebuild.testing import FakeBuilder, MemoryRecorder

    Captured = pytest.CaptureFixture[str]
    Typing = Callable[..., None]

OTHER = "from prefect import flow\n\n@flow\ndef other(): ...\n"
DEPLOYMENT = "deployments:\n- name: hello\n  tags: [a]\n"


@pytest.fixture(autouse=True)
def in_memory(asked: object) -> None:
    """Everybody around is in memory."""


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch) -> Typing:
    """Let a person type these lines."""

    def type_lines(*lines: str) -> None:
        monkeypatch.setattr("imagebuild.cli.initial.asker", lambda *_, **__: Prompts())
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))

    return type_lines


def init(*arguments: str) -> int:
    """The exit code of the command."""
    return main(["init", *arguments])


def entry(project: Path) -> dict[str, object]:
    """The last deployment in the project's prefect.yaml."""
    found: dict[str, object] = yaml.safe_load((project / "prefect.yaml").read_text())
    return found["deployments"][-1]  # type: ignore[index,no-any-return]


def test_yes_takes_what_is_found(project: Path, capsys: Captured) -> None:
    """The one flow, the one pool, the project's name, and no push where no registry is known."""
    assert init("--yes") == 0
    out, err = capsys.readouterr()
    made = entry(project)

    assert out == "prefect.yaml\n"
    assert (made["name"], made["entrypoint"]) == ("hello", "flow.py:hello")
    assert "image_name: app\n" in (project / "prefect.yaml").read_text()
    assert "push" not in made
    for line in (
        "note: the flow hello is flow.py:hello",
        "note: requirements.txt is installed",
        "wrote prefect.yaml: flow.py:hello as hello",
        "  next: imagebuild deploy -n hello",
    ):
        assert line in err.splitlines()


def test_a_person_is_asked_for_all_of_it(
    project: Path, recorder: MemoryRecorder, typing: Typing, capsys: Captured
) -> None:
    """With a default for each; what cannot be meant is asked for again."""
    recorder.pools["kube"] = Pool("kube", "kubernetes", {"image": {}})
    recorder.pools["proc"] = Pool("proc", "process", {})
    write(project, {"more.py": OTHER, "Dockerfile": "FROM python\n"})
    typing(
        "2", "n", "a/b", "nightly", "2", "UPPER", "etl:v1", "y", "not a host", "reg.example/team"
    )

    assert init() == 0
    out, err = capsys.readouterr()
    text, made = (project / "prefect.yaml").read_text(), entry(project)

    assert out == "prefect.yaml\n"
    assert (made["name"], made["entrypoint"]) == ("nightly", "more.py:other")
    assert made["work_pool"]["name"] == "kube"  # type: ignore[index]
    assert "image_name: reg.example/team/etl\n" in text
    assert "tag: v1\n" in text
    assert "dockerfile: auto" in text
    for said in (
        "  1  flow.py:hello",
        "  2  more.py:other",
        "Deployment's name [other]:",
        "error: 'a/b' cannot be the name of a deployment",
        "  1  docker",
        "  2  kube",
        "error: 'UPPER' is no image",
        "Push it? [Y/n]:",
        "error: 'not a host' is no registry",
        "note: reg.example takes the credentials",
    ):
        assert said in err
    assert "proc" not in err


def test_return_takes_every_default(project: Path, typing: Typing) -> None:
    """As --yes does."""
    assert init("--yes") == 0
    defaults = (project / "prefect.yaml").read_text()
    (project / "prefect.yaml").unlink()
    typing("", "", "")
    assert init() == 0

    assert (project / "prefect.yaml").read_text() == defaults


def test_every_answer_can_be_an_option(project: Path, typing: Typing) -> None:
    """Then nothing is asked: there is nobody who could type."""
    write(project, {"more.py": OTHER, "Own": "FROM python\n"})
    typing()
    options = "more.py:other --name n --pool docker --image etl --push --registry reg.example/t"

    assert init(*options.split(), "--dockerfile", "Own") == 0
    assert entry(project)["name"] == "n"
    text = (project / "prefect.yaml").read_text()
    assert "image_name: reg.example/t/etl\n" in text
    assert "dockerfile: Own\n" in text


def test_from_a_folder_below_the_file_is_the_projects(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """Its paths begin at the root, whatever was typed; the answer is the way to it from here."""
    write(project, {"prefect.yaml": "name: x\n", "flows/more.py": OTHER, "flows/Own": "FROM a\n"})
    monkeypatch.chdir(project / "flows")

    assert init("more.py:other", "--yes", "--dockerfile", "Own") == 0
    assert capsys.readouterr().out == "../prefect.yaml\n"
    assert entry(project)["entrypoint"] == "flows/more.py:other"
    assert "dockerfile: flows/Own\n" in (project / "prefect.yaml").read_text()


def test_settings_are_what_deploy_reads(
    project: Path, recorder: MemoryRecorder, capsys: Captured
) -> None:
    """The next command, as it is printed, deploys."""
    assert init("--yes", "--settings", "--image", "app:v1", "--name", "prod") == 0
    out, err = capsys.readouterr()

    assert (out, (project / "prefect.yaml").exists()) == ("imagebuild.toml\n", False)
    assert "  next: imagebuild deploy\n" in err
    assert main(["deploy"]) == 0
    assert recorder.deployments["hello/prod"].job_variables["image"] == "app:v1"


def test_the_name_in_a_settings_file_is_not_taken_for_the_new_deployments(project: Path) -> None:
    """There it can be several, to choose by."""
    write(project, {"imagebuild.toml": 'name = ["prod", "night*"]\n'})

    assert init("--yes") == 0
    assert entry(project)["name"] == "hello"


def test_a_flow_that_prefect_takes_no_deployment_of_is_refused(
    project: Path, capsys: Captured
) -> None:
    """Before anything is written, as the deploy after it would."""
    write(project, {"more.py": OTHER.replace("@flow", '@flow(name="a/b")')})

    assert init("more.py:other", "--yes") == 2
    assert "error: 'a/b' cannot be the name of a flow" in capsys.readouterr().err
    assert not (project / "prefect.yaml").exists()


def test_json_says_what_to_type_next(capsys: Captured) -> None:
    """As a list of words."""
    assert init("--yes", "--json", "--name", "a b") == 0
    assert json.loads(capsys.readouterr().out) == {
        "file": "prefect.yaml",
        "deployment": "a b",
        "next": ["imagebuild", "deploy", "-n", "a b"],
    }


@pytest.mark.parametrize(("typed", "code"), [("y", 0), ("n", 2), ("", 2)])
def test_a_deployment_of_the_name_is_shown_and_asked_about(
    project: Path, typing: Typing, capsys: Captured, typed: str, code: int
) -> None:
    """No is the default, and then nothing is written."""
    write(project, {"prefect.yaml": DEPLOYMENT})
    typing("", "", "", typed)

    assert init() == code
    err = capsys.readouterr().err
    assert "  | - name: hello\n  |   tags: [a]\n" in err
    assert ((project / "prefect.yaml").read_text() == DEPLOYMENT) is bool(code)


def test_force_changes_it_without_asking(project: Path) -> None:
    """What is not asked for stays."""
    write(project, {"prefect.yaml": f"# mine\n{DEPLOYMENT}"})

    assert init("--yes", "--force") == 0
    assert (
        (project / "prefect.yaml").read_text().startswith("# mine\ndeployments:\n- name: hello\n")
    )
    assert entry(project)["tags"] == ["a"]


def test_a_push_section_for_all_is_warned_of(project: Path, capsys: Captured) -> None:
    """Prefect runs it for a deployment that has none of its own."""
    write(project, {"prefect.yaml": "push:\n- a.b: {}\n"})

    assert init("--yes", "--no-push") == 0
    assert "has a push section for all" in capsys.readouterr().err


def test_an_engine_that_is_away_is_a_warning(
    project: Path, builder: FakeBuilder, capsys: Captured
) -> None:
    """The file can be written without."""
    builder.registry.reachable = False

    assert init("--yes", "--registry", "reg.example/t") == 0
    assert "warning: whether reg.example takes your credentials was not seen" in (
        capsys.readouterr().err
    )
    assert (project / "prefect.yaml").exists()


def test_credentials_that_docker_does_not_have_are_no_credentials(
    builder: FakeBuilder, capsys: Captured
) -> None:
    """A registry that was shown none cannot have taken them."""
    builder.registry.logged_in = False

    assert init("--yes", "--registry", "reg.example/t") == 0
    err = capsys.readouterr().err
    assert "warning: docker has no credentials for reg.example" in err
    assert "hint: log in, unless it takes pushes from anybody: docker login reg.example" in err
    assert "takes the credentials" not in err


def _no_flow(project: Path, _: object) -> None:
    (project / "flow.py").write_text("x = 1\n")


def _two_flows(project: Path, _: object) -> None:
    write(project, {"more.py": OTHER})


def _no_pool(_: object, recorder: MemoryRecorder) -> None:
    recorder.pools.clear()


def _only_process(_: object, recorder: MemoryRecorder) -> None:
    recorder.pools.clear()
    recorder.pools["proc"] = Pool("proc", "process", {})


def _two_pools(_: object, recorder: MemoryRecorder) -> None:
    recorder.pools["more"] = Pool("more", "docker", {"image": {}})


def _away(_: object, recorder: MemoryRecorder) -> None:
    def fail() -> list[Pool]:
        message = "cannot reach Prefect"
        raise Unreachable(message, hint="start it")

    recorder.every = fail  # type: ignore[method-assign]


def _bad_yaml(project: Path, _: object) -> None:
    write(project, {"prefect.yaml": "deployments: {\n"})


def _not_text(project: Path, _: object) -> None:
    (project / "prefect.yaml").write_bytes(b"a: \xff\n")


def _no_list(project: Path, _: object) -> None:
    write(project, {"prefect.yaml": "deployments: 5\n"})


def _folder(project: Path, _: object) -> None:
    (project / "prefect.yaml").mkdir()


def _there(project: Path, _: object) -> None:
    write(project, {"prefect.yaml": DEPLOYMENT})


def _settings(project: Path, _: object) -> None:
    write(project, {"pyproject.toml": "[tool.imagebuild]\npool = 'docker'\n"})


def _nothing(*_: object) -> None:
    """As it is."""


@pytest.mark.parametrize(
    ("change", "arguments", "code", "words"),
    [
        (_no_flow, "--yes", 2, ("there is no flow",)),
        (_two_flows, "--yes", 2, ("there are 2 flows", "flow.py:hello", "more.py:other")),
        (_nothing, "nope.py:x --yes", 2, ("nope.py",)),
        (_no_pool, "--yes", 2, ("no work pool takes an image", "create one")),
        (_only_process, "--yes", 2, ("no work pool takes an image", "proc is of type process")),
        (_only_process, "--yes --pool proc", 2, ("'proc' takes no image",)),
        (_two_pools, "--yes", 2, ("several work pools", "--pool")),
        (_nothing, "--yes --pool dokcer", 2, ("did you mean 'docker'?",)),
        (_away, "--yes", 3, ("cannot reach Prefect", "start it; or name the work pool: --pool")),
        (_nothing, "--yes --image UPPER", 2, ("cannot use --image", "lower case")),
        (_nothing, "--yes --image a@sha256:" + "0" * 64, 2, ("a digest is known only",)),
        (_nothing, "--yes --push", 2, ("no registry that could be meant", "--registry")),
        (_nothing, "--yes --registry no_host!", 2, ("'no_host!' is no registry",)),
        (_nothing, "--yes --name a/b", 2, ("'a/b' cannot be the name of a deployment",)),
        (_bad_yaml, "--yes", 2, ("prefect.yaml",)),
        (_not_text, "--yes", 2, ("cannot read", "not UTF-8")),
        (_no_list, "--yes", 2, ("cannot add a deployment", "not a list of mappings")),
        (_folder, "--yes", 2, ("cannot write", "it is a folder")),
        (_there, "--yes", 2, ("has a deployment 'hello' already", "--force", "| - name: hello")),
        (_settings, "--yes --settings", 2, ("has settings for imagebuild already",)),
        (_nothing, "", 2, ("nobody can be asked here", "--yes")),
        (_nothing, "--context nowhere --yes", 2, ("nowhere",)),
    ],
)
def test_what_cannot_be_meant_writes_nothing(
    project: Path,
    recorder: MemoryRecorder,
    capsys: Captured,
    change: Callable[[Path, MemoryRecorder], None],
    arguments: str,
    code: int,
    words: tuple[str, ...],
) -> None:
    """The folder is as it was, and the error says so."""
    change(project, recorder)
    before = _contents(project)

    assert init(*arguments.split()) == code
    out, err = capsys.readouterr()

    assert out == ""
    assert err.count("error: ") == 1
    for word in (*words, "nothing was "):
        assert word in err
    assert _contents(project) == before


def test_a_registry_that_refuses_writes_nothing(
    project: Path, builder: FakeBuilder, capsys: Captured
) -> None:
    """Exit code 4, as in a deploy."""
    builder.registry.denied = True

    assert init("--yes", "--registry", "reg.example/t") == 4
    assert "nothing was written" in capsys.readouterr().err
    assert not (project / "prefect.yaml").exists()


def test_a_file_that_is_changed_meanwhile_is_not_written_over(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """Somebody may edit it while the questions are answered."""
    write(project, {"prefect.yaml": "name: x\n"})

    def edit(*_: object, **__: object) -> Prompts:
        (project / "prefect.yaml").write_text("name: theirs\n")
        return Prompts()

    monkeypatch.setattr("imagebuild.setup.asking.survey", _after(edit))
    assert init("--yes") == 1
    assert "was changed meanwhile" in capsys.readouterr().err
    assert (project / "prefect.yaml").read_text() == "name: theirs\n"


def _after(what: Callable[[], object]) -> Callable[..., object]:
    from imagebuild.survey import survey

    def both(*arguments: object) -> object:
        what()
        return survey(*arguments)  # type: ignore[arg-type]

    return both


def test_ctrl_c_at_a_question_writes_nothing(
    project: Path, typing: Typing, capsys: Captured
) -> None:
    """The end of the input is one too."""
    typing("name")

    assert init() == 130
    assert "interrupted" in capsys.readouterr().err
    assert not (project / "prefect.yaml").exists()


def _contents(folder: Path) -> dict[str, bytes | None]:
    return {
        os.path.relpath(path, folder): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }
