"""Making the plan, naming the image, and deciding what is left to do."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.context import read_context
from imagebuild.errors import UsageError
from imagebuild.flow_labels import FLOWS_LABEL
from imagebuild.plan import (
    CODE_LABEL,
    Build,
    Code,
    Dependencies,
    OwnDockerfile,
    Plan,
    Push,
    Pushed,
    Reuse,
    Steps,
    Template,
)
from imagebuild.planning import alike, decide, make_plan, target_name
from imagebuild.request import Secret
from imagebuild.state import Existing, ImageConfig, State
from imagebuild.survey import Project
from tests.unit.values import DIGEST, IMAGE_ID, OTHER_DIGEST, base, name, plan, request, write

if TYPE_CHECKING:
    from pathlib import Path

    from imagebuild.names import ImageName

FILES = {"flow.py": "pass\n", "requirements.txt": "emoji\n", "lib/__init__.py": ""}


def planned(
    root: Path, image: str = "app:v1", asked: dict[str, Any] | None = None, **changed: Any
) -> Plan:
    """The plan of the files, with changes in what was asked, and in what the project says."""
    project = Project(
        "app",
        read_context(root),
        Dependencies(("requirements.txt",), ("requirements.txt",)),
        Template("default", "b" * 64),
        name("base"),
    )
    return make_plan(
        request(root, **asked or {}),
        dataclasses.replace(project, **changed),
        State("linux/amd64", base(), (base(digest=OTHER_DIGEST),)),
        name=name(image),
        entrypoint="flow.py:hello",
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project."""
    return write(tmp_path / "one", FILES)


def test_equal_inputs_have_equal_plans_in_any_folder(root: Path, tmp_path: Path) -> None:
    """The folder's place on this machine is nowhere in the plan."""
    made, other = planned(root), planned(write(tmp_path / "two", FILES))

    assert made == other
    assert str(tmp_path) not in json.dumps(asdict(made))


def test_a_label_by_which_an_image_is_known_again_is_refused(root: Path) -> None:
    """It would not be what somebody asked for, nor may it be."""
    for label in (CODE_LABEL, FLOWS_LABEL):
        with pytest.raises(UsageError, match=f"cannot set the label {label}"):
            planned(root, asked={"labels": {"team": "data", label: "forged"}})


def test_the_flows_are_told_by_their_code_and_the_environment(root: Path) -> None:
    """The code alone would be the same with another library, whose types have another schema."""
    flow = "from prefect import flow\n@flow\ndef hello({}): ...\n"
    made = []
    for files in (
        {"a.py": flow.format(""), "none.py": "x = 1\n"},
        {"a.py": flow.format("") + "# a comment\n"},
        {"a.py": flow.format("n: int")},
        {"requirements.txt": "other\n"},
        {"b.py": "exec('')\n" + flow.format("")},
    ):
        write(root, files)
        made.append(planned(root).flows)
    first, commented, changed, elsewhere, doubtful = made

    assert list(first) == ["a.py:hello"]
    assert len(first["a.py:hello"]) == 16
    assert first == commented
    assert len({one["a.py:hello"] for one in made}) == 3
    assert changed != elsewhere == doubtful


def test_images_are_alike_where_they_tell_the_same_of_a_flow() -> None:
    """Each by its version, if it is one of ours."""
    here = plan(flows={"flow.py:hello": "1" * 16, "flow.py:other": "2" * 16})
    before = plan(code=Code("d" * 64, None), flows=dict(here.flows))
    gone = plan(code=Code("e" * 64, None), flows={**here.flows, "flow.py:hello": "3" * 16})
    foreign = {FLOWS_LABEL: here.labels[FLOWS_LABEL]}
    images = [image(one) for one in (here.labels, before.labels, gone.labels, foreign, {})]

    assert alike(here, "flow.py:hello", images) == tuple(sorted({here.version, before.version}))
    assert gone.version in alike(here, "flow.py:other", images)
    assert alike(here, "flow.py:none", images) == ()


@pytest.mark.parametrize(
    ("change", "environment", "code"),
    [
        ({"flow.py": "pass  \n"}, False, True),
        ({"new.py": ""}, False, True),
        ({"lib/__init__.py": "x"}, False, True),
        ({"requirements.txt": "emoji>1\n"}, True, True),
    ],
)
def test_a_changed_file_changes_the_keys_that_it_is_part_of(
    root: Path, change: dict[str, str], environment: bool, code: bool
) -> None:
    """A requirements file is part of both, since it lies among the files too."""
    before = planned(root)
    after = planned(write(root, change))

    assert environment is (before.environment.key != after.environment.key)
    assert code is (before.code.key != after.code.key)


def test_what_is_not_sent_changes_nothing(root: Path) -> None:
    """Ignored files and the ignore file itself are no part of the plan."""
    before = planned(root)
    write(root, {".dockerignore": "*.log\n", "a.log": "noise", "__pycache__/flow.pyc": "x"})

    assert before == planned(root)


def test_the_code_lies_below_opt_prefect(root: Path) -> None:
    """In a directory of the project's name."""
    assert planned(root).code.directory == "/opt/prefect/app"


@pytest.mark.parametrize(
    ("asked", "environment", "code"),
    [
        ({"packages": ("git",)}, True, False),
        ({"build_args": {"A": "1"}}, True, False),
        ({"secrets": (Secret("token", variable="TOKEN"),)}, True, False),
        ({"env": {"A": "1"}}, False, True),
        ({"labels": {"team": "data"}}, False, True),
        ({"name": "prod"}, False, False),
        ({"pull": True}, False, False),
    ],
)
def test_what_was_asked_changes_the_key_that_it_is_part_of(
    root: Path, asked: dict[str, Any], environment: bool, code: bool
) -> None:
    """And what does not change the image changes neither."""
    asked = {key: value for key, value in asked.items() if key != "name"}
    before, after = planned(root), planned(root, asked=asked)

    assert environment is (before.environment.key != after.environment.key)
    assert code is (before.code.key != after.code.key)


def test_a_secret_is_in_the_plan_by_its_id_alone(root: Path) -> None:
    """Another value, from another place, is the same plan."""
    one = planned(root, asked={"secrets": (Secret("token", variable="CANARY"),)})
    other = planned(root, asked={"secrets": (Secret("token", file=root / "canary"),)})

    assert one == other
    assert "canary" not in json.dumps(asdict(one)).lower()


def test_a_dockerfile_of_the_users_own_is_keyed_with_all_its_bases(root: Path) -> None:
    """And only it says where the code lies."""
    made = planned(
        root, recipe=OwnDockerfile("Dockerfile", "FROM base\n"), asked={"dockerfile": "Dockerfile"}
    )
    recipe = made.environment.recipe

    assert isinstance(recipe, OwnDockerfile)
    assert recipe.bases == (base(digest=OTHER_DIGEST),)
    assert made.code.directory is None


@pytest.mark.parametrize(
    ("image", "tags", "expected"),
    [
        ("reg.example/app:v1", (), ["reg.example/app:v1"]),
        ("reg.example/app", ("v1", "latest"), ["reg.example/app:v1", "reg.example/app:latest"]),
        ("reg.example/app:v1", ("v1", "v2", "v2"), ["reg.example/app:v1", "reg.example/app:v2"]),
        ("reg.example/app", (), None),
    ],
)
def test_the_names_are_the_image_with_each_tag(
    root: Path, image: str, tags: tuple[str, ...], expected: list[str] | None
) -> None:
    """Each once; where there is no tag at all, the version is one."""
    made = planned(root, image, {"tags": tags})

    assert [str(each) for each in made.names] == (expected or [f"{image}:{made.version}"])


@pytest.mark.parametrize(
    ("image", "push", "namespace", "expected"),
    [
        (None, False, None, "my-app"),
        (None, False, "reg.example/team", "my-app"),
        (None, True, "reg.example/team", "reg.example/team/my-app"),
        ("app:v1", False, None, "app:v1"),
        ("app:v1", False, "reg.example", "app:v1"),
        ("app:v1", True, "reg.example", "reg.example/app:v1"),
        ("app", True, "team", "team/app"),
        ("team/app:v1", True, None, "team/app:v1"),
        ("team/app:v1", True, "reg.example", "team/app:v1"),
        ("reg.example/app", True, None, "reg.example/app"),
        ("reg.example/app", True, "other.example", "reg.example/app"),
        ("localhost:5000/app", True, "other.example", "localhost:5000/app"),
    ],
)
def test_the_image_goes_where_its_name_says_else_into_the_namespace(
    image: str | None, push: bool, namespace: str | None, expected: str
) -> None:
    """Only a push of a bare name needs a namespace; the project names what has no name."""
    wanted = request(image=name(image) if image else None, push=push)

    assert expected == str(target_name(wanted, "My_App!", namespace))


@pytest.mark.parametrize(
    ("project", "expected"),
    [
        ("hello", "hello"),
        ("My Project (2)", "my-project-2"),
        ("__x__", "x"),
        ("...", "flow"),
        ("проект", "flow"),
        ("a.b_c", "a-b-c"),
    ],
)
def test_a_folder_of_any_name_makes_a_name(project: str, expected: str) -> None:
    """Letters and digits are kept; `flow` stands in where there are none."""
    assert expected == str(target_name(request(push=False), project, None))


def test_a_push_of_a_bare_name_without_a_namespace_is_refused() -> None:
    """The hint names the three ways out."""
    with pytest.raises(UsageError, match="cannot push app:v1: the name says no registry") as caught:
        target_name(request(image=name("app:v1")), "app", None)

    hint = caught.value.hint or ""
    for way in ("registry.example.com/team/app:v1", "DOCKER_BUILD_NAMESPACE", "--no-push"):
        assert way in hint


@pytest.mark.parametrize("push", [True, False])
def test_a_name_with_a_digest_cannot_be_built(push: bool) -> None:
    """The digest of what is not built yet is nobody's to know."""
    wanted = request(image=name(f"reg.example/app:v1@{DIGEST}"), push=push)
    with pytest.raises(UsageError, match="digest is known only afterwards") as caught:
        target_name(wanted, "app", None)

    assert "--image reg.example/app:v1" in (caught.value.hint or "")


@pytest.mark.parametrize("namespace", ["My Team", "https://reg.example", "reg.example/UPPER"])
def test_a_namespace_that_cannot_be_one_is_a_usage_error(namespace: str) -> None:
    """It comes from Prefect's settings, which take any text."""
    with pytest.raises(UsageError) as caught:
        target_name(request(image=name("app:v1")), "app", namespace)

    assert "PREFECT_DEFAULT_DOCKER_BUILD_NAMESPACE" in f"{caught.value} {caught.value.hint}"


def image(
    labels: dict[str, str] | None = None, known: str | None = None, at: ImageName | None = None
) -> ImageConfig:
    """The engine's image, pushed as `known` if that is given."""
    digests = {(at or plan().name).location: known} if known else {}
    labels = plan().labels if labels is None else labels
    return ImageConfig(IMAGE_ID, "linux/amd64", labels=labels, digests=digests)


OLD_BASE = image({**plan().labels, "io.imagebuild.environment-key": "0" * 64})
OURS, STALE = image(), image({**plan().labels, "io.imagebuild.code-key": "0" * 64})
PUSHED = image(known=DIGEST)
ELSEWHERE = image(known=DIGEST, at=name("other.example/app"))


@pytest.mark.parametrize(
    ("local", "remote", "push", "build", "then"),
    [
        (None, None, False, Build("there is no such image yet"), None),
        (None, None, True, Build("there is no such image yet"), Push("it is new")),
        (None, DIGEST, True, Build("there is no such image yet"), Push("it is new")),
        (STALE, None, False, Build("the code changed"), None),
        (STALE, DIGEST, True, Build("the code changed"), Push("it is new")),
        (image({}), None, False, Build("the environment changed"), None),
        (OURS, None, False, Reuse(IMAGE_ID), None),
        (PUSHED, DIGEST, False, Reuse(IMAGE_ID), None),
        (OURS, None, True, Reuse(IMAGE_ID), Push("the registry does not have it")),
        (PUSHED, None, True, Reuse(IMAGE_ID), Push("the registry does not have it")),
        (PUSHED, DIGEST, True, Reuse(IMAGE_ID), Pushed(DIGEST)),
        (
            PUSHED,
            OTHER_DIGEST,
            True,
            Reuse(IMAGE_ID),
            Push("the registry has another image under this name"),
        ),
        (
            OURS,
            DIGEST,
            True,
            Reuse(IMAGE_ID),
            Push("the registry has another image under this name"),
        ),
        (
            ELSEWHERE,
            DIGEST,
            True,
            Reuse(IMAGE_ID),
            Push("the registry has another image under this name"),
        ),
    ],
)
def test_only_what_is_not_there_yet_is_done(
    local: ImageConfig | None,
    remote: str | None,
    push: bool,
    build: Build | Reuse,
    then: Push | Pushed | None,
) -> None:
    """By the keys in the engine, and by the very manifest in the registry."""
    made = plan()
    existing = Existing({made.name: local} if local else {}, {made.name: remote} if remote else {})
    tags = () if isinstance(build, Reuse) else made.names
    pushes = {made.name: then} if then else {}

    assert Steps(build, tags, pushes) == decide(made, existing, push=push)


def test_each_name_is_given_and_pushed_that_does_not_mean_the_image() -> None:
    """A second tag that is new, or that means an older image, costs no build."""
    one, two, three = (name(f"reg.example/app:v{number}") for number in (1, 2, 3))
    existing = Existing(
        {one: PUSHED, three: dataclasses.replace(PUSHED, id=OTHER_DIGEST)}, {one: DIGEST}
    )
    steps = decide(plan(names=(one, two, three)), existing, push=True)

    assert steps.build == Reuse(IMAGE_ID)
    assert steps.tags == (two, three)
    assert steps.pushes[one] == Pushed(DIGEST)
    assert {type(steps.pushes[each]) for each in (two, three)} == {Push}


@pytest.mark.parametrize("local", [PUSHED, STALE, None])
def test_without_a_cache_everything_is_built(local: ImageConfig | None) -> None:
    """Even what is there."""
    made = plan()
    existing = Existing({made.name: local} if local else {}, {made.name: DIGEST})
    steps = decide(made, existing, push=True, cache=False)

    assert isinstance(steps.build, Build)
    assert steps.pushes == {made.name: Push("it is new")}
