"""What a prefect.yaml says, and all that can be wrong in one."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.errors import UsageError
from imagebuild.prefect.file_reading import read_file

if TYPE_CHECKING:
    from pathlib import Path

    from imagebuild.prefect.file import PrefectFile

ONE = "deployments:\n  - name: a\n    entrypoint: flow.py:f\n"
SHELL = "prefect.deployments.steps.run_shell_script"
BUILD = "prefect_docker.deployments.steps.build_docker_image"


def _read(tmp_path: Path, text: str) -> PrefectFile:
    path = tmp_path / "prefect.yaml"
    path.write_text(dedent(text))
    return read_file(path)


def _fields(tmp_path: Path, text: str) -> dict[str, Any]:
    [deployment] = _read(tmp_path, text).deployments
    return dict(deployment.fields)


def test_anchors_and_definitions_are_put_in_their_places(tmp_path: Path) -> None:
    """With merge keys, as YAML 1.1 has them; what is nearer wins."""
    fields = _fields(
        tmp_path,
        """
        definitions:
          pool: &pool {name: docker, work_queue_name: slow}
        deployments:
          - name: a
            entrypoint: flow.py:f
            work_pool:
              <<: *pool
              work_queue_name: fast
        """,
    )

    assert fields["work_pool"] == {"name": "docker", "work_queue_name": "fast"}


def test_values_are_those_that_prefect_has(tmp_path: Path) -> None:
    """Dates are texts in ISO 8601, as its models write them; keys are texts."""
    from prefect.cli.deploy._models import PrefectYamlModel

    text = """
    deployments:
      - name: a
        entrypoint: flow.py:f
        parameters:
          day: 2026-01-02
          at: 2026-01-02T03:04:05Z
          local: 2026-01-02 03:04:05
          yes_no: [yes, no, on, off, null]
          number: [1, 1.5, 0x10, 1_000]
          text: "1"
          set: !!set {x}
    """
    import yaml

    model = PrefectYamlModel.model_validate(yaml.safe_load(dedent(text)))
    theirs = model.deployments[0].model_dump(exclude_unset=True, mode="json")

    assert _fields(tmp_path, text)["parameters"] == theirs["parameters"]


@pytest.mark.parametrize(
    ("own", "shared", "names"),
    [
        ("", "", None),
        ("", f"build: [{{{SHELL}: {{}}}}]", [SHELL]),
        ("", f"build: {{{SHELL}: {{}}}}", [SHELL]),
        ("build: null", f"build: [{{{SHELL}: {{}}}}]", []),
        ("build: []", f"build: [{{{SHELL}: {{}}}}]", []),
        (f"build: [{{{BUILD}: {{}}}}]", f"build: [{{{SHELL}: {{}}}}]", [BUILD]),
        (f"build: [{{{SHELL}: null}}, {{}}, null]", "", [SHELL]),
        ("", "build: null", None),
    ],
)
def test_a_deployments_own_section_comes_first(
    tmp_path: Path, own: str, shared: str, names: list[str] | None
) -> None:
    """One that is stated to be empty is empty; a single step needs no list."""
    [deployment] = _read(tmp_path, f"{ONE}    {own}\n{shared}\n").deployments
    steps = None if deployment.build is None else [step.name for step in deployment.build]

    assert steps == names


@pytest.mark.parametrize(
    ("own", "shared", "count"),
    [("", "", None), ("pull: []", "STEP", 0), ("pull: null", "STEP", 1), ("", "STEP", 1)],
)
def test_no_pull_steps_and_none_stated_are_two_things(
    tmp_path: Path, own: str, shared: str, count: int | None
) -> None:
    """As Prefect has it."""
    shared = shared.replace("STEP", f"pull: [{{{SHELL}: {{}}}}]")
    [deployment] = _read(tmp_path, f"{ONE}    {own}\n{shared}\n").deployments

    assert (None if deployment.pull is None else len(deployment.pull)) == count


WRONG = [
    ("a: [", "line 1, column 5: while parsing a flow node"),
    ("a: b: c", "line 1, column 5: mapping values are not allowed here"),
    ("a:\n\t- x", "found character '\\t' that cannot start any token"),
    ("a: *nowhere", "found undefined alias 'nowhere'"),
    ("a: 1\nb:\n  c: 1\n  c: 2", "line 4, column 3: the key 'c' is there twice"),
    (f"{ONE}    <<: {{name: b}}\n    name: c\n", "line 5, column 5: the key 'name' is there twice"),
    ("a: !!python/object:os.system x", "could not determine a constructor"),
    ("- a", "it is not a table of keys and values"),
    ("just text", "it is not a table of keys and values"),
    ("deployments: {a: 1}", "line 1: deployments: it has to be a list, and is a table"),
    ("deployments: [a]", "deployment 1: it is not a table of keys and values"),
    ("deployment: []", "line 1: unknown key 'deployment'; did you mean deployments?"),
    (f"{ONE}    tagz: []", "line 4: deployment 'a': unknown field 'tagz'; did you mean tags?"),
    (f"{ONE}    infra_overrides: {{}}", "unknown field 'infra_overrides'; write job_variables in"),
    (f"{ONE}    job_variables: {{}}", "unknown field 'job_variables'; it belongs into work_pool"),
    (f"{ONE}    work_pool: {{nam: x}}", "unknown field 'nam'; did you mean name?"),
    (f"{ONE}    work_pool: docker", "work_pool: it has to be a table of keys and values, and is a"),
    (
        f"{ONE}    version: 1.0",
        'version: it has to be a text, and is a number: write it in quotes, "1',
    ),
    (f"{ONE}    tags: one", "tags: it has to be a list, and is a text"),
    (f"{ONE}    tags: [1]", "tags: item 1: it has to be a text, and is a number"),
    (f"{ONE}    paused: maybe", "paused: it has to be true or false, and is a text"),
    (f"{ONE}    concurrency_limit: many", "it has to be a whole number or a table of keys and"),
    (f"{ONE}    concurrency_limit: {{limits: 1}}", "unknown field 'limits'; did you mean limit?"),
    (f"{ONE}    parameters: [a]", "parameters: it has to be a table of keys and values, and is a"),
    (f"{ONE}    schedules: [{{}}]", "a schedule has one of cron, interval and rrule"),
    (f"{ONE}    schedules: [{{cron: x, interval: 5}}]", "a schedule has one of cron, interval and"),
    (f"{ONE}    schedules: [{{crom: x}}]", "unknown field 'crom'; did you mean cron?"),
    (f"{ONE}    schedules: [{{cron: x, nope: 1}}]", "line 4: deployment 'a': unknown field 'nope'"),
    (f"{ONE}    schedule: {{cron: x}}\n    schedules: []", "write schedules only"),
    (f"{ONE}    triggers: [x]", "triggers: item 1: it has to be a table of keys and values"),
    (f"{ONE}    build: text", "line 4: deployment 'a': build: it has to be a list of steps"),
    (f"{ONE}    build: [x]", "deployment 'a': build: 'x' is not a step"),
    (f"{ONE}    build: [{{{SHELL}: {{}}, id: x}}]", f"a step with 2 keys ({SHELL}, id)"),
    (f"build: [{{{SHELL}: text}}]", f"build: the step {SHELL}: its inputs have to be a table"),
    (f"build: [{{{SHELL}: {{id: 5}}}}]", "its id has to be a text"),
    ("build: [{imagebuild.steps.build_docker_image: {requires: imagebuild>=1}}]", "leave it out"),
    ("build: [{mine.steps.x: {requires: [a, imagebuild]}}]", "has something else under this name"),
    (f"build: [{{{SHELL}s: {{}}}}]", f"did you mean {SHELL}?"),
    ("build: [{run_shell_script: {}}]", f"did you mean {SHELL}?"),
    (
        "pull: [{prefect.projects.steps.git_clone_project: {}}]",
        "that is its name of Prefect 2; today it is prefect.deployments.steps.git_clone",
    ),
    (
        "build: [{prefect_docker.projects.steps.build_docker_image: {}}]",
        f"today it is {BUILD}",
    ),
    (
        "pull: [{prefect_aws.projects.steps.pull_project_from_s3: {}}]",
        "today it is prefect_aws.deployments.steps.pull_from_s3",
    ),
    (
        "pull: [{prefect.deployments.steps.pull_from_blob_storage: {}}]",
        "there is no such step in any Prefect",
    ),
    (f"{ONE}  - name: a\n    entrypoint: other.py:f", "2 deployments of this name for one flow"),
]


@pytest.mark.parametrize(("text", "says"), WRONG, ids=[says[:40] for _, says in WRONG])
def test_what_is_wrong_is_told(tmp_path: Path, text: str, says: str) -> None:
    """With its line where it has one; nothing of it is taken for something else."""
    with pytest.raises(UsageError) as caught:
        _read(tmp_path, text)
    told = "\n".join((caught.value.message, *caught.value.causes, *caught.value.body))
    assert says in told


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """Nobody likes to mend one line after the other."""
    with pytest.raises(UsageError, match="has 3 mistakes") as caught:
        _read(tmp_path, f"nam: x\n{ONE}    tagz: []\n    version: 5\n")
    assert [line.partition(":")[0] for line in caught.value.body] == ["line 1", "line 6", "line 5"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("colour: red", "deployment 'a': Prefect knows no field 'colour': it has no effect"),
        ("sla: [{name: x}]", "deployment 'a': sla has no effect here"),
        ("flow_name: other", "deployment 'a': flow_name has no effect here"),
        ("version_type: prefect:git", "deployment 'a': version_type has no effect here"),
        ("work_pool: {name: x, priority: 1}", "Prefect knows no field 'priority'"),
    ],
)
def test_what_has_no_effect_is_told(tmp_path: Path, line: str, says: str) -> None:
    """Prefect says nothing of it."""
    [deployment] = _read(tmp_path, f"{ONE}    {line}\n").deployments
    [warning] = deployment.warnings
    assert warning.startswith(says) or says in warning


@pytest.mark.parametrize(
    "text",
    ["", "# nothing", "deployments:", "deployments: []", "x-mine: &a 1\nother: *a", "name: x"],
)
def test_a_file_may_say_little(tmp_path: Path, text: str) -> None:
    """And hold keys of one's own, for anchors."""
    assert _read(tmp_path, text).deployments == ()


@pytest.mark.parametrize(("content", "why"), [(None, "there is no file"), (b"\xff", "cannot read")])
def test_a_file_that_cannot_be_read_is_an_error(
    tmp_path: Path, content: bytes | None, why: str
) -> None:
    """It is not passed over, as Prefect does."""
    path = tmp_path / "prefect.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=why):
        read_file(path)


def test_a_deployment_without_a_name_is_called_by_its_place(tmp_path: Path) -> None:
    """For whoever reads that it was passed over."""
    [one] = _read(tmp_path, "deployments:\n  - entrypoint: flow.py:f\n").deployments
    assert one.label == "deployment 1 of the file, which has no name"
