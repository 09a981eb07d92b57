"""`imagebuild deploy` of a prefect.yaml: what is chosen, what is asked for, what is told."""

from __future__ import annotations

import json
import shlex
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.cli import main
from imagebuild.errors import BuildFailed, ImagebuildError, PushFailed, Unreachable
from imagebuild.handing import parse
from imagebuild.state import Pool
from tests.unit.cli.shop import Shop, in_memory
from tests.unit.values import write

if TYPE_CHECKING:
    from pathlib import Path

    from imagebuild.testing import FakeBuilder, MemoryRecorder

    Captured = pytest.CaptureFixture[str]

FLOWS = """
from prefect import flow

@flow
def first(day: str = "today"): ...

@flow
def second(day: str = "today"): ...
"""
FILE = """
build:
  - prefect_docker.deployments.steps.build_docker_image:
      id: build-image
      image_name: reg.example/team/app
      tag: v1
      dockerfile: auto
push:
  - prefect_docker.deployments.steps.push_docker_image:
      image_name: "{{ build-image.image_name }}"
      tag: "{{ build-image.tag }}"
deployments:
  - name: a
    entrypoint: flows.py:first
    tags: [filed]
    work_pool: &pool
      name: docker
      job_variables:
        image: "{{ build-image.image }}"
        env: {LEVEL: info}
  - name: b
    entrypoint: flows.py:second
    parameters: {day: monday}
    work_pool: *pool
"""
IMAGE = "reg.example/team/app:v1"


@pytest.fixture
def shop(
    project: Path,
    builder: FakeBuilder,
    recorder: MemoryRecorder,
    monkeypatch: pytest.MonkeyPatch,
) -> Shop:
    """A project with the file above, and everything around it in memory."""
    write(project, {"flows.py": FLOWS, "prefect.yaml": FILE})
    return in_memory(Shop(builder, recorder), monkeypatch)


def _deploy(line: str) -> int:
    return main(["deploy", *shlex.split(line)])


def _file(project: Path, text: str) -> None:
    write(project, {"prefect.yaml": dedent(text)})


def _image(shop: Shop, name: str) -> str:
    return str(shop.recorder.deployments[name].job_variables["image"])


def test_all_are_one_build_and_one_push(shop: Shop, capsys: Captured) -> None:
    """Their image is pinned, and printed once."""
    assert _deploy("--all") == 0
    out, told = capsys.readouterr()
    digest = shop.builder.registry.digests[IMAGE]

    assert len(shop.builder.built) == 1
    assert [str(name) for name in shop.builder.registry.pushes] == [IMAGE]
    assert out == f"{IMAGE}@{digest}\n"
    assert {_image(shop, "first/a"), _image(shop, "second/b")} == {f"{IMAGE}@{digest}"}
    assert "first/a   built, pushed, recorded" in told
    assert ": 2 deployments, 1 image\n" in told


def test_what_has_not_changed_is_not_done_again(shop: Shop, capsys: Captured) -> None:
    """And a changed line is one build for all."""
    _deploy("--all")
    assert _deploy("--all --json") == 0
    document = json.loads(capsys.readouterr().out.partition("\n")[2])
    writes = shop.recorder.writes
    write(shop.requests[-1].root, {"flows.py": FLOWS + "\n# changed\n"})
    _deploy("--all")

    assert [(one["built"], one["pushed"], one["recorded"]) for one in document["deployments"]] == [
        (False, False, False)
    ] * 2
    assert (len(shop.builder.built), shop.recorder.writes) == (2, writes + 2)


@pytest.mark.parametrize(
    ("line", "deployed"),
    [
        ("-n a", ["first/a"]),
        ("--name b", ["second/b"]),
        ("-n first/a -n b", ["first/a", "second/b"]),
        ("-n '*'", ["first/a", "second/b"]),
        ("--all --prefect-file prefect.yaml", ["first/a", "second/b"]),
        ("flows.py:second -n a", ["second/a"]),
    ],
)
def test_names_choose(shop: Shop, line: str, deployed: list[str]) -> None:
    """An ENTRYPOINT beside a name of the file takes the place of that one's."""
    assert _deploy(line) == 0
    assert sorted(shop.recorder.deployments) == deployed


@pytest.mark.parametrize(
    ("line", "stood"),
    [("-n first/a", "."), ("-n a", "pkg"), ("pkg.flows.first -n a", "pkg"), ("-n 'fir*/a'", ".")],
)
def test_a_flow_can_be_named_by_its_module(
    shop: Shop, project: Path, line: str, stood: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is recorded as Prefect records it, wherever the user stands."""
    write(project, {"pkg/__init__.py": "", "pkg/flows.py": FLOWS})
    _file(project, FILE.replace("flows.py:first", "pkg.flows.first"))
    monkeypatch.chdir(project / stood)
    assert _deploy(line) == 0

    assert shop.recorder.deployments["first/a"].entrypoint == "pkg.flows.first"


def test_the_only_deployment_needs_no_name(shop: Shop, project: Path, capsys: Captured) -> None:
    """As with Prefect; its summary is that of any deploy."""
    _file(project, FILE[: FILE.index("  - name: b")])
    assert _deploy("") == 0
    assert "first/a runs reg.example/team/app:v1@sha256:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("", 2, "prefect.yaml has 2 deployments"),
        ("-n c", 2, "prefect.yaml has no deployment 'c'"),
        ("--all -n a", 2, "cannot use --all with -n"),
        ("--all flows.py:first", 2, "cannot use --all with ENTRYPOINT"),
        ("flows.py:first --prefect-file prefect.yaml", 2, "say which deployment of the file"),
        ("--all --prefect-file nowhere.yaml", 2, "there is no file"),
        ("--all --image other:v1", 2, "prefect.yaml names the image of a, b itself"),
        ("-n a --system-package 'git;rm'", 2, "git;rm"),
        ("flows.py:first -n c -n d", 2, "no prefect.yaml is read"),
        ("--all --param nope=1", 5, "nope"),
        ("--all --pool nope", 2, "there is no work pool 'nope'"),
        ("flow.py:hello --no-build", 2, "cannot use --no-build"),
    ],
)
def test_what_cannot_be_meant_is_told(
    shop: Shop, line: str, code: int, says: str, capsys: Captured
) -> None:
    """And nothing is built."""
    got = _deploy(line)
    told = capsys.readouterr().err

    assert says in told
    assert got == code or code == 5
    assert shop.builder.built == []
    assert shop.recorder.deployments == {}


MISTAKES = [
    ("image_name: reg.example/team/app\n", "image_name: 'A B'\n", "is not an image name"),
    ("app\n      tag: v1", "app:v0\n      tag: v1", "cannot use two tags for one image"),
    ("app\n      tag: v1", f"app@sha256:{'0' * 64}", "a digest is known only after the push"),
    ("dockerfile: auto", "dockrfile: auto", "did you mean 'dockerfile'"),
    ("dockerfile: auto", "dockerfile: None.such", "there is no Dockerfile None.such"),
    ("dockerfile: auto", "squash: true", "squash"),
    ("{{ build-image.tag }}", "{{ build-imag.tag }}", "nothing fills {{ build-imag.tag }}"),
    ("{{ build-image.image_name }}", "reg.example/other", "and pushes reg.example/other"),
    ("flows.py:second", "flow.py:third", "flow.py has no flow third"),
    ("flows.py:second", "nowhere.py:second", "there is no file"),
    ("entrypoint: flows.py:second", "description: x", "entrypoint: it is missing"),
    ("flows.py:second", "flows:second", "is not an entrypoint"),
    ("flows.py:second", "flow.second", "flow.py has no flow second"),
    ("flows.py:second", "nowhere.second", "there is no module nowhere"),
    ("day: monday", "day: '{{ $NO_SUCH }}'", "the environment has no variable NO_SUCH"),
    ("name: b", "name: a/b", "cannot be the name of a deployment"),
    ("tags: [filed]", "schedules: [{cron: '0 25 * * *'}]", "line 15: deployment 'a': schedules: "),
    (
        'image: "{{ build-image.image }}"',
        "image: App v1",
        "line 19: deployment 'a': work_pool.job_variables.image: 'App v1' is not an image name",
    ),
    ("tags: [filed]", "concurrency_limit: 0", "concurrency_limit: the concurrency limit cannot"),
    (
        "tags: [filed]",
        "concurrency_limit: {limit: 1, collision_strategy: WAIT}",
        "'a': concurrency_limit: the field 'collision_strategy'",
    ),
    ("tags: [filed]", "tags: ['{{ nope }}']", "line 15: deployment 'a': tags.0: nothing fills"),
]


@pytest.mark.parametrize(("old", "new", "says"), MISTAKES, ids=[new[:30] for _, new, _ in MISTAKES])
def test_a_mistake_in_the_file_leaves_everything_as_it_was(
    shop: Shop, project: Path, old: str, new: str, says: str, capsys: Captured
) -> None:
    """Also what is wrong with one deployment alone: nothing is built for the other."""
    assert old in FILE
    _file(project, FILE.replace(old, new, 1))
    code = _deploy("--all")
    told = capsys.readouterr().err

    assert says in told
    assert code == 2
    assert shop.builder.built == []


def test_a_deployment_that_fails_does_not_stop_the_others(
    shop: Shop, project: Path, capsys: Captured
) -> None:
    """It is exit 5; the document has its error, and is the only one."""
    _file(project, FILE.replace("work_pool: *pool", "work_pool: {name: other}"))
    assert _deploy("--all --json") == 5
    out, told = capsys.readouterr()
    good, bad = json.loads(out)["deployments"]

    assert (good["deployment"], good["recorded"]) == ("first/a", True)
    assert (bad["deployment"], bad["error"]["exit_code"]) == ("second/b", 2)
    assert list(shop.recorder.deployments) == ["first/a"]
    assert "1 of 2 deployments were not recorded" in told


@pytest.mark.parametrize(
    ("stage", "error", "code"),
    [
        ("build", BuildFailed("the build failed"), 1),
        ("push", PushFailed("the push failed"), 1),
        ("platform", Unreachable("the engine is away"), 3),
    ],
)
def test_where_all_fail_alike_the_exit_code_is_theirs(
    shop: Shop, stage: Any, error: ImagebuildError, code: int, capsys: Captured
) -> None:
    """A script can tell that it should come again; the error is told once, with what stands."""
    shop.builder.failures[stage] = error
    assert _deploy("--all") == code
    told = capsys.readouterr().err

    assert told.count(f"error: {error.message}") == 1
    assert "all 2 deployments were not recorded" in told
    assert shop.recorder.deployments == {}


def test_different_images_are_built_each(shop: Shop, project: Path) -> None:
    """And a deployment can leave the file's push out, which Prefect does not let it."""
    own = FILE + (
        "    build:\n      - imagebuild.steps.build_docker_image:\n"
        "          id: build-image\n          image_name: reg.example/team/other\n"
        "          dockerfile: auto\n"
    )
    _file(project, own + "    push: null\n")
    assert _deploy("--all") == 0

    assert len(shop.builder.built) == 2
    assert _image(shop, "first/a").startswith(f"{IMAGE}@")
    assert _image(shop, "second/b").startswith("reg.example/team/other:")
    assert [str(name) for name in shop.builder.registry.pushes] == [IMAGE]


def test_two_images_of_one_name_are_refused(shop: Shop, project: Path, capsys: Captured) -> None:
    """The second would take the first one's name away."""
    _file(
        project,
        FILE + "    build:\n      - imagebuild.steps.build_docker_image:\n"
        "          id: build-image\n          image_name: reg.example/team/app\n"
        "          tag: v1\n          dockerfile: auto\n          env: {A: '1'}\n",
    )
    assert _deploy("--all") == 2
    assert f"two different images would be called {IMAGE}: those of a and b" in (
        capsys.readouterr().err
    )
    assert shop.builder.built == []


def test_options_hold_for_all_and_take_nothing_away(shop: Shop) -> None:
    """Prefect ignores them where there are several, and forgets the file's job variables."""
    assert (
        _deploy(
            "--all --deployment-tag typed --job-variable env.MORE=1 --param day=friday"
            " --description typed --version 9 --cron '0 6 * * *' --no-push"
        )
        == 0
    )
    first, second = shop.recorder.deployments["first/a"], shop.recorder.deployments["second/b"]

    assert first.tags == ("filed", "typed")
    assert first.job_variables["env"] == {"LEVEL": "info", "MORE": "1"}
    assert (second.parameters, second.description, second.version) == (
        {"day": "friday"},
        "typed",
        "9",
    )
    assert len(second.schedules) == 1
    assert shop.builder.registry.pushes == []
    assert _image(shop, "second/b") == IMAGE


def test_settings_fill_only_what_the_file_does_not_say(shop: Shop, project: Path) -> None:
    """A project's settings hold for all its deployments, and a deployment's own come first."""
    shop.recorder.pools["other"] = Pool("other", "docker", shop.recorder.pools["docker"].variables)
    write(
        project,
        {
            "imagebuild.toml": 'pool = "other"\ndescription = "saved"\n'
            'deployment-tag = ["saved"]\nsystem-package = ["git"]\n'
        },
    )
    assert _deploy("--all") == 0
    first, second = shop.recorder.deployments["first/a"], shop.recorder.deployments["second/b"]

    assert (first.pool, first.description, first.tags) == ("docker", "saved", ("filed",))
    assert second.tags == ("saved",)
    assert shop.builder.built[0].environment.packages == ("git",)


READY = """
deployments:
  - name: a
    entrypoint: flows.py:first
    work_pool: {name: docker, job_variables: {image: "reg.example/ready:v7"}}
  - name: b
    entrypoint: flows.py:second
    pull: []
    work_pool: {name: docker}
"""


def test_images_that_are_there_are_only_recorded(
    shop: Shop, project: Path, capsys: Captured
) -> None:
    """One that names none runs its pool's, and that is said."""
    _file(project, READY)
    assert _deploy("--all") == 0
    told = capsys.readouterr().err

    assert shop.builder.built == []
    assert _image(shop, "first/a") == "reg.example/ready:v7"
    assert "image" not in shop.recorder.deployments["second/b"].job_variables
    assert "Prefect's own image, of its worker's version" in told


def test_without_a_build_the_images_are_there(shop: Shop, capsys: Captured) -> None:
    """As their build step names them."""
    assert _deploy("--all --no-build --tag x --verbose") == 0
    assert shop.builder.built == []
    assert _image(shop, "first/a") == IMAGE


def test_a_file_that_says_nothing_of_an_image_gets_one(shop: Shop, project: Path) -> None:
    """Else its runs would have no code; the options say what it is, as without a file."""
    _file(project, READY.replace(', job_variables: {image: "reg.example/ready:v7"}', ""))
    assert _deploy("-n a --image mine:v1 --no-push") == 0
    held = shop.recorder.deployments["first/a"]

    assert held.job_variables["image"] == "mine:v1"
    assert held.pull_steps == (
        {"prefect.deployments.steps.set_working_directory": {"directory": "/opt/prefect/app"}},
    )


def test_the_file_that_prefect_init_writes_gets_an_image(shop: Shop, project: Path) -> None:
    """Its pull step names this machine's folder, and its build says null."""
    step = "prefect.deployments.steps.set_working_directory"
    _file(
        project,
        f"build: null\npush: null\npull: [{{{step}: {{directory: {project.resolve()}}}}}]\n"
        + READY.replace(', job_variables: {image: "reg.example/ready:v7"}', ""),
    )
    assert _deploy("-n a --image mine:v1 --no-push") == 0
    held = shop.recorder.deployments["first/a"]

    assert held.job_variables["image"] == "mine:v1"
    assert held.pull_steps == ({step: {"directory": "/opt/prefect/app"}},)


@pytest.mark.parametrize(
    "image",
    [
        "{{ build-image.image_id }}",
        "{{ image_name }}",
        "{{ build-image.image_name }}@{{ digest }}",
        "{{ build-image.image_name }}:{{ build-image.tag }}@{{ digest }}",
        "{{ build-image.image_name }}:latest",
        "{{ reference }}",
        "reg.example/team/app:latest",
    ],
)
def test_an_image_is_built_by_whichever_of_its_names_it_is_called(
    shop: Shop, project: Path, image: str
) -> None:
    """And the deployment names it as any other."""
    text = FILE.replace("tag: v1", "tag: v1\n      additional_tags: [latest]")
    _file(project, text.replace("{{ build-image.image }}", image))
    assert _deploy("--all") == 0

    assert len(shop.builder.built) == 1
    assert _image(shop, "first/a") == f"{IMAGE}@{shop.builder.registry.digests[IMAGE]}"


@pytest.mark.parametrize(
    "image",
    ["{{ image_name }}:stable", "{{ image_name }}-base", "reg.example/a:{{ ctx.flow_run.id }}"],
)
def test_another_tag_or_repository_is_another_image(shop: Shop, project: Path, image: str) -> None:
    """It is there already, as Prefect has it."""
    _file(project, FILE.replace("{{ build-image.image }}", image))
    assert _deploy("--all") == 0

    assert shop.builder.built == []
    assert _image(shop, "first/a") == image.replace("{{ image_name }}", "reg.example/team/app")


def test_the_code_lies_where_the_pull_step_goes(shop: Shop, project: Path) -> None:
    """What was written for prefect-docker runs, whatever name the file has."""
    step = {"prefect.deployments.steps.set_working_directory": {"directory": "/opt/prefect/folder"}}
    _file(project, f"name: other\npull: [{json.dumps(step)}]\n{FILE}")
    assert _deploy("--all") == 0

    assert [plan.code.directory for plan in shop.builder.built] == ["/opt/prefect/folder"]
    assert shop.recorder.deployments["first/a"].pull_steps == (step,)


def test_a_pull_step_into_this_machines_folder_gives_way(
    shop: Shop, project: Path, capsys: Captured
) -> None:
    """`prefect init` writes one; no container has it."""
    step = "prefect.deployments.steps.set_working_directory"
    _file(project, FILE + f"    pull: [{{{step}: {{directory: {project.resolve()}}}}}]\n")
    assert _deploy("--all") == 0

    assert shop.recorder.deployments["second/b"].pull_steps == (
        {step: {"directory": "/opt/prefect/app"}},
    )
    assert "names a folder of this machine" in capsys.readouterr().err


SCRIPTS = """
build:
  - prefect.deployments.steps.run_shell_script:
      id: hash
      script: sh -c "echo abc; echo run >> log"
  - imagebuild.steps.build_docker_image:
      id: build-image
      image_name: reg.example/team/app
      tag: "{{ hash.stdout }}"
      dockerfile: auto
  - prefect.deployments.steps.run_shell_script:
      id: tested
      script: echo {{ build-image.image }} in {{ build-image.directory }}
push:
  - imagebuild.steps.push_docker_image:
      id: push-image
      image_name: "{{ build-image.image_name }}"
      tag: "{{ build-image.tag }}"
  - mine.steps.announce:
      id: announced
      digest: "{{ push-image.digest }}"
deployments:
  - {name: a, entrypoint: "flows.py:first", version: "{{ tested.stdout }}",
     description: "{{ announced.digest }}", work_pool: &pool {name: docker}}
  - {name: b, entrypoint: "flows.py:second", version: "{{ hash.stdout }}", work_pool: *pool}
"""


def test_steps_around_the_image_are_run_in_their_places(shop: Shop, project: Path) -> None:
    """Each once for all deployments that share it; what they give is in the deployment."""
    write(project, {".dockerignore": "log\n"})
    _file(project, SCRIPTS)
    assert _deploy("--all") == 0
    first, second = shop.recorder.deployments["first/a"], shop.recorder.deployments["second/b"]
    digest = shop.builder.registry.digests["reg.example/team/app:abc"]

    assert first.version == "reg.example/team/app:abc in /opt/prefect/app"
    assert first.description == digest
    assert second.version == "abc"
    assert (project / "log").read_text() == "run\n"
    assert shop.recorder.ran == ["mine.steps.announce"]


def test_a_step_that_fails_between_build_and_push_stops_the_push(
    shop: Shop, project: Path, capsys: Captured
) -> None:
    """It may be a test of the image."""
    _file(project, SCRIPTS.replace("echo {{ build-image.image }}", "false {{ build-image.image }}"))
    assert _deploy("--all") == 1
    assert len(shop.builder.built) == 1
    assert shop.builder.registry.pushes == []
    assert shop.recorder.deployments == {}
    assert "failed" in capsys.readouterr().err


def test_a_dry_run_does_nothing(shop: Shop, project: Path, capsys: Captured) -> None:
    """It runs only the scripts that something stands for; each image is shown once."""
    _file(
        project,
        SCRIPTS.replace(
            "build:\n",
            "build:\n  - prefect.deployments.steps.run_shell_script: {script: touch unused}\n",
            1,
        ),
    )
    assert _deploy("--all --dry-run") == 0
    out, told = capsys.readouterr()

    assert out.count("image            reg.example/team/app:abc") == 1
    assert "create the deployment first/a" in out
    assert "create the deployment second/b" in out
    assert not (project / "unused").exists()
    assert "the step prefect.deployments.steps.run_shell_script is left out" in told
    assert shop.builder.built == []
    assert shop.recorder.deployments == {}


def test_a_dry_run_can_be_read_by_a_program(shop: Shop, capsys: Captured) -> None:
    """The images, each with its deployments."""
    assert _deploy("--all --dry-run --json") == 0
    [image] = json.loads(capsys.readouterr().out)["images"]

    assert image["image"]["names"] == [IMAGE]
    assert [one["name"] for one in image["deployments"]] == ["first/a", "second/b"]
    assert image["deployments"][0]["writes"]["tags"] == ["filed"]


def test_what_a_deployment_would_lose_is_asked_once_for_all(shop: Shop, capsys: Captured) -> None:
    """Nobody can be asked here, so it says what would be replaced, and of which."""
    _deploy("--all")
    held = shop.recorder.deployments["first/a"]
    import dataclasses

    git = ({"prefect.deployments.steps.git_clone": {"repository": "x"}},)
    shop.recorder.deployments["first/a"] = dataclasses.replace(held, pull_steps=git)
    assert _deploy("--all") == 2
    assert "first/a: its pull steps" in capsys.readouterr().err
    assert _deploy("--all --yes") == 0


def test_unnamed_deployments_are_passed_over(shop: Shop, project: Path, capsys: Captured) -> None:
    """With a word on it, as Prefect has it."""
    _file(project, FILE.replace("  - name: b\n    entry", "  - entry"))
    assert _deploy("--all") == 0
    assert list(shop.recorder.deployments) == ["first/a"]
    assert "passed over: deployment 2 of the file" in capsys.readouterr().err


def test_what_failed_to_be_recorded_is_finished_by_the_same_command(
    shop: Shop, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is built or pushed again then."""
    from imagebuild.errors import NotRecorded

    def away(change: Any, emit: Any) -> str:
        message = "Prefect is away"
        raise NotRecorded(message)

    monkeypatch.setattr(shop.recorder, "apply", away)
    assert _deploy("--all") == 5
    assert "finish with: imagebuild deploy -n a" in capsys.readouterr().err


def test_a_ready_image_can_be_what_a_script_says(shop: Shop, project: Path) -> None:
    """Or the script does something of its own, before the deployment is recorded."""
    script = "prefect.deployments.steps.run_shell_script"
    _file(
        project,
        READY.replace('"reg.example/ready:v7"', '"reg.example/ready:{{ v.stdout }}"')
        + f"    build: [{{{script}: {{script: touch done}}}}]\n"
        + f"build: [{{{script}: {{id: v, script: echo v8}}}}]\n",
    )
    assert _deploy("--all") == 0
    assert _image(shop, "first/a") == "reg.example/ready:v8"
    assert (project / "done").exists()


def test_a_secret_in_a_script_is_not_shown(shop: Shop, project: Path, capsys: Captured) -> None:
    """Prefect does not show the line either."""
    shop.recorder.blocks["secret/token"] = {"value": "hush"}
    script = "prefect.deployments.steps.run_shell_script"
    line = "test {{ prefect.blocks.secret.token }} ="
    _file(project, f"{READY}\nbuild: [{{{script}: {{script: '{line} hush'}}}}]\n")
    assert _deploy("--all") == 0
    _file(project, f"{READY}\nbuild: [{{{script}: {{script: '{line} other'}}}}]\n")
    assert _deploy("--all") == 1
    told = capsys.readouterr().err

    assert "$ test {{ prefect.blocks.secret.token }} = hush" in told
    assert "hush =" not in told
    assert "hush' " not in told


def test_what_a_step_does_not_give_is_told(shop: Shop, project: Path, capsys: Captured) -> None:
    """Only to run it tells; the deployment is not recorded then."""
    step = "mine.steps.make"
    _file(
        project,
        f"{READY}    build: [{{{step}: {{id: made, there: 1}}}}]\n"
        "    description: '{{ made.not_there }}'\n",
    )
    assert _deploy("-n b") == 2
    assert "nothing fills {{ made.not_there }}" in capsys.readouterr().err
    assert shop.recorder.deployments == {}


def test_a_dry_run_that_would_fail_says_so(shop: Shop, project: Path, capsys: Captured) -> None:
    """With the same exit code."""
    _file(project, FILE.replace("work_pool: *pool", "work_pool: {name: other}"))
    assert _deploy("--all --dry-run --json") == 5
    out, told = capsys.readouterr()

    [image] = json.loads(out)["images"]
    assert [bool(one["error"]) for one in image["deployments"]] == [False, True]
    assert "1 of 2 deployments would not be recorded" in told


def test_a_file_is_read_from_a_folder_below(
    shop: Shop, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its paths are relative to its root."""
    write(project, {"below/flows.py": "", "prefect.yaml": READY.replace("    pull: []\n", "")})
    monkeypatch.chdir(project / "below")
    assert _deploy("-n b --no-push") == 0
    assert shop.recorder.deployments["second/b"].entrypoint == "flows.py:second"


def test_an_interruption_says_what_became_of_each(
    shop: Shop, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is said to be as it was that is not."""

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(shop.builder, "image", interrupted)
    assert _deploy("--all") == 130
    told = capsys.readouterr().err
    assert "no deployment first/a was created" in told
    assert "no deployment second/b was created" in told


def test_a_number_cannot_be_what_a_step_will_give(
    shop: Shop, project: Path, capsys: Captured
) -> None:
    """Prefect takes none there either; what stands for it meanwhile is nobody's business."""
    _file(project, SCRIPTS.replace("description: ", "concurrency_limit: "))
    assert _deploy("--all") == 2
    assert "a whole number, and is known only when its step was run" in capsys.readouterr().err
    assert shop.builder.built == []


def test_what_only_a_build_tells_is_not_known_without_one(
    shop: Shop, project: Path, capsys: Captured
) -> None:
    """It is an error, and no stand-in is ever recorded; steps that nothing needs are left out."""
    _file(project, SCRIPTS)
    assert _deploy("--all --no-build") == 5
    told = capsys.readouterr().err

    assert "second/b  recorded" in told
    assert shop.recorder.deployments["second/b"].version == "abc"
    assert _image(shop, "second/b") == "reg.example/team/app:abc"
    assert "first/a" not in shop.recorder.deployments
    assert "known-later" not in str(shop.recorder.deployments)


def test_what_became_of_all_is_handed_on(
    shop: Shop, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """To a file, to GitHub, and, as they share one image, also as its variables."""
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.setenv(name, str(project.parent / name))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert _deploy("--all --json-file ../all.json --dotenv ../image.env") == 0
    reference = capsys.readouterr().out.strip()
    document = json.loads((project.parent / "all.json").read_text())

    assert [one["deployment"] for one in document["deployments"]] == ["first/a", "second/b"]
    assert f"IMAGE_REFERENCE={reference}" in (project.parent / "image.env").read_text()
    assert f"reference={reference}" in (project.parent / "GITHUB_OUTPUT").read_text()
    summary = (project.parent / "GITHUB_STEP_SUMMARY").read_text()
    assert ("### imagebuild: first/a" in summary, "second/b" in summary) == (True, True)


def test_of_several_images_there_are_no_variables(
    shop: Shop, project: Path, capsys: Captured
) -> None:
    """They would be of one of them; a warning says so."""
    own = "    build:\n      - imagebuild.steps.build_docker_image:\n          id: build-image\n"
    own += "          image_name: reg.example/team/other\n          dockerfile: auto\n"
    _file(project, f"{FILE}{own}    push: null\n")
    assert _deploy("--all --dotenv ../image.env") == 0

    assert "warning: ../image.env is not written" in capsys.readouterr().err
    assert not (project.parent / "image.env").exists()


def test_a_failure_among_others_stands_in_the_file_too(
    shop: Shop, project: Path, capsys: Captured
) -> None:
    """Beside what became of the others: it is not written over by the error alone."""
    _file(project, FILE.replace("work_pool: *pool", "work_pool: {name: other}"))
    assert _deploy("--all --json-file ../all.json") == 5
    good, bad = json.loads((project.parent / "all.json").read_text())["deployments"]

    assert good["recorded"]
    assert bad["error"]["exit_code"] == 2


def test_what_became_of_one_can_be_gone_on_from(
    shop: Shop, project: Path, capsys: Captured
) -> None:
    """Its document is that of a deploy without a file."""
    assert _deploy("-n a --json-file ../one.json") == 0
    handed = parse((project.parent / "one.json").read_text(), "one.json")

    assert handed.reference == capsys.readouterr().out.strip()
    assert (handed.flow, handed.entrypoint) == ("first", "flows.py:first")
    assert handed.directory == "/opt/prefect/app"
