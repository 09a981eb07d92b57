"""What Prefect, docker-py and buildx take as keywords: each is taken, or refused by its name."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from imagebuild.errors import UsageError
from imagebuild.prefect.arguments import builder_of, image_request
from imagebuild.prefect.refused import HARMLESS, REFUSED
from imagebuild.request import BuildRequest, Secret, SourceRequest
from tests.unit.values import name

ROOT = Path("/src/app")
APP = "registry.example/team/app:v1"

# What `image_request` has a parameter of its own for, and what is its caller's.
OWN = {"self", "name", "image_name", "tag", "dockerfile", "stream_progress_to"}


def asked(named: str = APP, given: dict[str, Any] | None = None) -> BuildRequest:
    """The request for these keywords."""
    given = dict(given or {})
    own = {word: given.pop(word) for word in ("tag", "dockerfile") if word in given}
    return image_request(named, **own, root=ROOT, env={}, given=given)


@pytest.mark.parametrize(
    ("package", "file", "function"),
    [
        ("prefect", "docker/docker_image.py", "__init__"),
        ("prefect", "_internal/buildx.py", "buildx_build_image"),
        ("docker", "api/build.py", "build"),
        ("python_on_whales", "components/buildx/cli_wrapper.py", "build"),
        ("prefect_docker", "deployments/steps.py", "build_docker_image"),
    ],
)
def test_every_keyword_of_theirs_is_known_here(package: str, file: str, function: str) -> None:
    """A new release of theirs with a new keyword fails here, and is then decided upon."""
    words = _keywords(package, file, function)
    assert len(words) > 3
    for word in words - OWN:
        with pytest.raises(UsageError) as refused:
            asked(given={word: object()})
        assert word in refused.value.message
        assert "takes no keyword" not in refused.value.message
        assert refused.value.hint


def _keywords(package: str, file: str, function: str) -> set[str]:
    """A function's arguments, read from its file: to import Prefect takes seconds."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse((Path(spec.origin).parent / file).read_text())
    found = [
        node.args
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == function
    ]
    return {arg.arg for args in found for arg in (*args.args, *args.kwonlyargs)}


@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        ({"context": "sub"}, "root", ROOT / "sub"),
        ({"path": "/elsewhere"}, "root", Path("/elsewhere")),
        ({"context_path": Path("sub")}, "root", ROOT / "sub"),
        ({"dockerfile": None}, "dockerfile", None),
        ({"dockerfile": "auto"}, "dockerfile", None),
        ({"dockerfile": "Dockerfile.prod"}, "dockerfile", "Dockerfile.prod"),
        ({"dockerfile": "Dockerfile", "path": "sub"}, "dockerfile", "sub/Dockerfile"),
        ({"nocache": True}, "cache", False),
        ({"no_cache": True}, "cache", False),
        ({"cache": False}, "cache", False),
        ({"cache": False, "nocache": True}, "cache", False),
        ({"ignore_cache": True}, "cache", True),
        ({"pull": True}, "pull", True),
        ({"pull": False}, "pull", False),
        ({}, "pull", None),
        ({"buildargs": {"A": "1", "B": 2}}, "build_args", {"A": "1", "B": "2"}),
        ({"build_args": ["A=1"]}, "build_args", {"A": "1"}),
        ({"labels": {"team": "data"}}, "labels", {"team": "data"}),
        ({"env": {"LEVEL": "debug"}}, "env", {"LEVEL": "debug"}),
        ({"platform": "linux/arm64"}, "platform", "linux/arm64"),
        ({"platforms": ["linux/arm64"]}, "platform", "linux/arm64"),
        ({"secrets": []}, "secrets", ()),
        ({"additional_tags": ["v2", "v3"]}, "tags", ("v2", "v3")),
        ({"tags": "v2"}, "tags", ("v2",)),
        ({"system_packages": ["libpq5"]}, "packages", ("libpq5",)),
        ({"base": "python:3.12"}, "base", name("python:3.12")),
        ({"directory": "app"}, "directory", "app"),
        ({"requirements": "dev.txt"}, "requirements", "dev.txt"),
        ({"template": "own.j2"}, "template", "own.j2"),
        ({"push": True}, "push", True),
        ({}, "push", False),
        ({"pin": False}, "pin", False),
    ],
    ids=str,
)
def test_a_keyword_has_its_meaning(given: dict[str, Any], field: str, value: Any) -> None:
    """By each of the names that it has here and there."""
    assert getattr(asked(given=given), field) == value


@pytest.mark.parametrize("word", sorted(HARMLESS))
def test_what_changes_nothing_here_is_taken(word: str) -> None:
    """The value that elsewhere asks for what is so here anyway."""
    values: list[Any] = [True, False, 600, "plain", [], {}, "Dockerfile.generated"]
    harmless = [value for value in values if HARMLESS[word](value)]
    assert harmless
    for value in harmless:
        assert asked(given={word: value}) == asked()


@pytest.mark.parametrize("word", sorted(REFUSED.keys() - {"tag"}))
def test_what_cannot_be_is_refused_by_its_name(word: str) -> None:
    """With a reason, and with what to do instead."""
    with pytest.raises(UsageError) as refused:
        asked(given={word: object()})
    assert refused.value.message.startswith(f"cannot use {word}=")
    assert all(refused.value.causes)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("named", "tag", "namespace", "reference"),
    [
        ("team/app:v1", None, None, "team/app:v1"),
        ("team/app", "v1", None, "team/app:v1"),
        ("team/app", 1.2, None, "team/app:1.2"),
        ("team/app", "", None, "team/app"),
        ("app", "v1", "registry.example/team", "registry.example/team/app:v1"),
        ("team/app", "v1", "registry.example/team", "team/app:v1"),
        ("localhost:5000/app", None, "other", "localhost:5000/app"),
    ],
)
def test_a_name_is_taken_as_prefect_takes_it(
    named: str, tag: Any, namespace: str | None, reference: str
) -> None:
    """With its tag in one place, and below the default namespace if it has none."""
    request = image_request(named, tag, root=ROOT, env={}, namespace=namespace)
    assert str(request.image) == reference


@pytest.mark.parametrize(
    ("named", "given", "told"),
    [
        ("app:v1", {"tag": "v2"}, "two tags for one image: 'v1' in its name, and 'v2'"),
        ("app@sha256:" + "a" * 64, {}, "a digest is known only after the push"),
        ("app:v1@sha256:" + "a" * 64, {}, "leave it out: 'app:v1'"),
        ("Team/app", {}, "a repository is in lower case"),
        ("my app", {}, "only ASCII letters"),
        ("", {}, "it is empty"),
        (None, {}, "it is no text"),
        ("app", {"tag": "a b"}, "cannot use tag a b"),
        ("app", {"tag": ["v1", "v2"]}, "give one, and further ones as tags"),
        ("app", {"tags": ["a b"]}, "cannot use tags a b"),
        ("app", {"tags": {"v1": 1}}, "write tags=["),
        ("app", {"contxt": "."}, "did you mean 'context'?"),
        ("app", {"frobnicate": 1}, "an image takes no keyword 'frobnicate'"),
        ("app", {"frobnicate": None}, "an image takes no keyword 'frobnicate'"),
        ("app", {"context": ".", "path": "."}, "cannot use both context and path"),
        ("app", {"context": "https://github.com/team/repo"}, "check it out"),
        ("app", {"cache": True, "nocache": True}, "cannot use cache=True with nocache=True"),
        ("app", {"pull": "yes"}, "pull=True"),
        ("app", {"platforms": ["linux/amd64", "linux/arm64"]}, "an image is of one platform"),
        ("app", {"build_backend": "kaniko"}, "Prefect has docker-py and buildx"),
        ("app", {"labels": {"a": ["b"]}}, "labels={"),
        ("app", {"secrets": ["id=token,src=missing"]}, "no file missing for the secret token"),
        ("app", {"secrets": ["id=token,env=TOKEN"]}, "no variable TOKEN for the secret token"),
        ("app", {"secrets": "token"}, "cannot use secrets token"),
        ("app", {"ssh": "default"}, "there is no SSH agent for ssh default"),
        ("app", {"buildargs": ["TOKEN"]}, "cannot use buildargs TOKEN"),
        ("app", {"dockerfile": ""}, "cannot use dockerfile"),
        ("app", {"dockerfile": "Dockerfile", "base": "x", "env": {}}, "base and env with docker"),
    ],
)
def test_what_cannot_be_meant_is_told(named: Any, given: dict[str, Any], told: str) -> None:
    """By the name that it was given under."""
    with pytest.raises(UsageError) as refused:
        asked(named, given)
    assert told in str(refused.value)


def test_a_value_that_may_be_a_password_is_not_told() -> None:
    """Build arguments often hold one, against all advice."""
    with pytest.raises(UsageError) as refused:
        asked(given={"buildargs": {"TOKEN": ["canary"]}})
    assert "canary" not in str(refused.value)


def test_secrets_are_written_as_docker_has_them(tmp_path: Path) -> None:
    """From a file beside the project, or from the environment."""
    (tmp_path / "token").write_text("secret")
    request = image_request(
        "app",
        root=tmp_path,
        env={"TOKEN": "secret"},
        given={"secrets": ["id=one,src=token", "id=two,env=TOKEN"]},
    )
    assert request.secrets == (
        Secret("one", file=tmp_path / "token"),
        Secret("two", variable="TOKEN"),
    )


@pytest.mark.parametrize(
    ("given", "builder"),
    [
        ({}, "docker"),
        ({"build_backend": "docker-py"}, "docker"),
        ({"build_backend": "buildx"}, "docker"),
        ({"builder": "classic"}, "classic"),
        ({"builder": "classic", "build_backend": "buildx"}, "classic"),
    ],
)
def test_both_backends_of_prefect_are_the_engines_buildkit(
    given: dict[str, Any], builder: str
) -> None:
    """There is nothing to install for either."""
    assert builder_of(given) == builder
    assert asked(given=given) == asked()


def test_a_source_is_that_of_the_command() -> None:
    """By the same names."""
    request = asked(
        given={
            "source": "https://git.example/team/flows@v1",
            "source_credentials": "env:TOKEN",
            "source_submodules": True,
            "source_directory": ["flows"],
            "code": "pulled",
        }
    )

    assert request.source == SourceRequest(
        "https://git.example/team/flows@v1", "env:TOKEN", submodules=True, directories=("flows",)
    )
    assert request.pulled


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"source": "s3://b", "context": "."}, "source with context"),
        ({"source_credentials": "env:X"}, "source_credentials"),
        ({"code": "fetched"}, "code='fetched'"),
        ({"source": 3}, "source"),
    ],
)
def test_a_source_that_cannot_be_meant_is_refused_by_its_name(
    given: dict[str, Any], told: str
) -> None:
    """With what to give instead."""
    with pytest.raises(UsageError) as refused:
        asked(given=given)

    assert told in refused.value.message
    assert refused.value.hint
