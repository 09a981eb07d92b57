"""Making the plan, naming the image, and deciding what is left to do."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.context import read_context
from imagebuild.errors import UsageError
from imagebuild.plan import Build, Dependencies, Plan, Push, Pushed, Reuse, Steps
from imagebuild.planning import decide, make_plan, target_name
from imagebuild.state import Existing, ImageConfig
from tests.unit.values import DIGEST, IMAGE_ID, OTHER_DIGEST, base, name, plan, request, write

if TYPE_CHECKING:
    from pathlib import Path

    from imagebuild.names import ImageName

FILES = {"flow.py": "pass\n", "requirements.txt": "emoji\n", "lib/__init__.py": ""}


def planned(root: Path, **changed: Any) -> Plan:
    """The plan of the files, with changes in what it is made from."""
    parts: dict[str, Any] = {
        "project": "app",
        "dependencies": Dependencies(("requirements.txt",), ("requirements.txt",)),
        "entrypoint": "flow.py:hello",
        "base": base(),
        "platform": "linux/amd64",
        "template_digest": "b" * 64,
        "name": name("app:v1"),
    }
    return make_plan(request(root), context=read_context(root), **{**parts, **changed})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project."""
    return write(tmp_path / "one", FILES)


def test_equal_inputs_have_equal_plans_in_any_folder(root: Path, tmp_path: Path) -> None:
    """The folder's place on this machine is nowhere in the plan."""
    made, other = planned(root), planned(write(tmp_path / "two", FILES))

    assert made == other
    assert str(tmp_path) not in json.dumps(asdict(made))


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


def test_a_name_without_a_tag_gets_the_version_as_its_tag(root: Path) -> None:
    """And one that has a tag keeps it."""
    untagged = planned(root, name=name("reg.example/app"))

    assert f"reg.example/app:{untagged.version}" == str(untagged.name)
    assert str(planned(root).name) == "app:v1"


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
        (None, None, False, Build("the engine has no such image"), None),
        (None, None, True, Build("the engine has no such image"), Push("it is new")),
        (None, DIGEST, True, Build("the engine has no such image"), Push("it is new")),
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
    assert Steps(build, then) == decide(plan(), Existing(local, remote), push=push)
