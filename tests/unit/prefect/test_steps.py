"""The steps of a prefect.yaml on parts in memory: their results, and what they refuse."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.errors import UsageError
from imagebuild.prefect.credentials import logins_of
from imagebuild.steps import build_docker_image, push_docker_image
from tests.support.command import listing
from tests.unit.values import name, write

if TYPE_CHECKING:
    from tests.unit.prefect.conftest import World

APP = "registry.example/team/app"
LOGIN = {"username": "user", "password": "canary"}


class Hidden:
    """A secret of pydantic's."""

    def get_secret_value(self) -> str:
        return "canary"


def test_the_results_have_prefects_keys_and_more(world: World) -> None:
    """A push can be told by a build, and a deployment by both."""
    before = listing(world.root)
    built = build_docker_image(APP, "auto", tag="v1", additional_tags=["v2"], path=".")
    pushed = push_docker_image(built["image_name"], built["tag"], None, built["additional_tags"])

    digest = world.registry.digests[f"{APP}:v1"]
    named = {
        "image_name": APP,
        "tag": "v1",
        "image": f"{APP}:v1",
        "additional_tags": ["v2"],
    }
    assert built == named | {
        "image_id": world.builder.names[f"{APP}:v1"],
        "digest": None,
        "reference": f"{APP}:v1",
        "directory": "/opt/prefect/app",
    }
    assert pushed == named | {"digest": digest, "reference": f"{APP}:v1@{digest}"}
    assert list(map(str, world.registry.pushes)) == [f"{APP}:v1", f"{APP}:v2"]
    assert listing(world.root) == before


def test_equal_inputs_are_built_once_and_a_changed_file_is_built(world: World) -> None:
    """Within one process, and without remembering anything."""
    first = build_docker_image(APP, "auto")
    again = build_docker_image(APP, "auto", ignore_cache=True)
    (world.root / "flow.py").write_text("")
    changed = build_docker_image(APP, "auto")

    assert first == again
    assert changed["tag"] != first["tag"]
    assert len(world.builder.built) == 2


def test_a_local_latest_image_has_a_reference_that_runs(world: World) -> None:
    """As that of FlowImage; a build that pushes has the digest."""
    built = build_docker_image(APP, "auto", "latest")
    pushed = build_docker_image(APP, "auto", "latest", push=True)

    assert built["image"] == f"{APP}:latest"
    assert built["reference"].startswith(f"{APP}:local-")
    assert pushed["reference"] == f"{APP}:latest@{pushed['digest']}"


def test_a_dockerfile_of_the_users_own_is_the_default(world: World) -> None:
    """As with prefect-docker; its code is where the image begins."""
    with pytest.raises(UsageError, match="there is no Dockerfile Dockerfile"):
        build_docker_image(APP)
    write(world.root, {"Dockerfile": "FROM prefecthq/prefect:3-latest\nCOPY . .\n"})
    assert build_docker_image(APP)["directory"] == "/srv"


def test_further_tags_do_not_take_the_place_of_its_own(world: World) -> None:
    """prefect-docker makes one of the time: a deployment never runs a tag that moves."""
    built = build_docker_image(APP, "auto", additional_tags=["latest"])
    pushed = push_docker_image(APP, built["tag"], None, built["additional_tags"])

    assert built["tag"] == world.builder.built[0].version
    assert pushed["reference"].startswith(f"{APP}:{built['tag']}@")
    assert [one.tag for one in world.registry.pushes] == [built["tag"], "latest"]


def test_a_tag_that_yaml_reads_as_a_number_is_a_tag(world: World) -> None:
    """Prefect takes it too."""
    numbers: Any = {"tag": 1.2, "additional_tags": [2]}
    built = build_docker_image(APP, "auto", **numbers)
    assert (built["tag"], built["additional_tags"]) == ("1.2", ["2"])


@pytest.mark.parametrize(
    ("pull", "place"),
    [
        ("", "/opt/prefect"),
        ("\n    pull: []", "/opt/prefect/app"),
        ("\npull: [{step: {}}]", "/opt/prefect/app"),
    ],
)
def test_without_pull_steps_the_code_lies_where_prefect_sends_runs(
    world: World, pull: str, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It writes them for prefect-docker's step alone."""
    write(world.root, {"prefect.yaml": f"deployments:\n  - name: one{pull}\n"})
    build_docker_image(APP, "auto")

    assert world.builder.built[0].code.directory == place
    assert "warning" not in capsys.readouterr().out


GO = "prefect.deployments.steps.set_working_directory"


@pytest.mark.parametrize(
    ("file", "place"),
    [
        (f"pull: [{{{GO}: {{directory: /opt/prefect/app}}}}]", "/opt/prefect/app"),
        (f"pull: {{{GO}: {{directory: /srv/flows/}}}}", "/srv/flows"),
        (f"pull: [{{{GO}: {{directory: /opt/prefect/orders/sub}}}}]", "/opt/prefect/orders"),
        (f"pull: [{{{GO}: {{directory: '{{{{ b.directory }}}}'}}}}]", "/opt/prefect/orders"),
        (f"pull: [{{{GO}: {{directory: flows}}}}]", "/opt/prefect/orders"),
        (f"pull: [git_clone, {{{GO}: {{directory: /srv}}}}]", "/opt/prefect/orders"),
        (f"pull: [{{{GO}: }}]", "/opt/prefect/orders"),
    ],
)
def test_the_code_lies_where_the_pull_steps_go(world: World, file: str, place: str) -> None:
    """Not where the file's name would have it: prefect-docker goes by the folder's."""
    text = f"name: orders\n{file}\ndeployments:\n  - name: one\n"
    write(world.root, {"prefect.yaml": text})

    assert build_docker_image(APP, "auto")["directory"] == place


def test_pull_steps_that_differ_do_not_say_where_the_code_lies(world: World) -> None:
    """Then it lies in the usual place, or where the step says."""
    each = [f"  - {{name: {at}, pull: [{{{GO}: {{directory: /srv/{at}}}}}]}}\n" for at in "ab"]
    write(world.root, {"prefect.yaml": f"deployments:\n{''.join(each)}"})

    assert build_docker_image(APP, "auto")["directory"] == "/opt/prefect/app"
    assert build_docker_image(APP, "auto", directory="/srv/a")["directory"] == "/srv/a"


@pytest.mark.parametrize(
    ("given", "files"),
    [
        ({"dockerfile": "Dockerfile"}, {"Dockerfile": "FROM prefecthq/prefect:3-latest\n"}),
        ({"dockerfile": "auto", "directory": "mine"}, {}),
    ],
)
def test_where_the_code_lies_elsewhere_a_file_without_pull_steps_is_warned_of(
    world: World,
    given: dict[str, Any],
    files: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the step to write."""
    write(world.root, {"prefect.yaml": "deployments:\n  - name: one\n", **files})
    build_docker_image(APP, **given)
    shown = capsys.readouterr().out

    assert "warning: prefect.yaml has no pull section" in shown
    assert 'directory: "{{ build-image.directory }}"' in shown


def test_a_project_whose_entrypoint_would_replace_the_bases_is_refused(world: World) -> None:
    """The container would start with it."""
    write(world.root, {"prefect.yaml": "deployments:\n  - name: one\n", "entrypoint.sh": ""})
    with pytest.raises(UsageError, match="take the place of the base's own"):
        build_docker_image(APP, "auto")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"persist_dockerfile": True}, "imagebuild render"),
        ({"image_name": f"{APP}:v1", "tag": "v2"}, "two tags for one image"),
        ({"image_name": "my app"}, "'my app'"),
        ({"build_backend": "kaniko"}, "build_backend='kaniko'"),
        ({"additional_tags": [{}]}, "cannot use additional_tags"),
        ({"frobnicate": 1}, "takes no keyword 'frobnicate'"),
    ],
)
def test_what_a_build_cannot_do_is_told(world: World, given: dict[str, Any], told: str) -> None:
    """And nothing is built."""
    with pytest.raises(UsageError) as refused:
        build_docker_image(**{"image_name": APP, "dockerfile": "auto", **given})
    assert told in str(refused.value)
    assert world.builder.built == []


def test_what_is_no_matter_of_a_push_is_refused(world: World) -> None:
    """By its name."""
    with pytest.raises(UsageError, match="cannot use labels in push_docker_image"):
        push_docker_image(APP, "v1", labels={})
    with pytest.raises(UsageError, match="the engine has no image"):
        push_docker_image(APP, "v1")


def test_a_push_without_a_tag_is_of_latest(world: World) -> None:
    """Prefect-docker says `None` there."""
    build_docker_image(APP, "auto", "latest")
    assert push_docker_image(APP)["image"] == f"{APP}:latest"


@pytest.mark.parametrize(
    "credentials",
    [
        LOGIN,
        LOGIN | {"registry_url": "registry.example"},
        LOGIN | {"registry_url": "https://registry.example/", "reauth": True},
        SimpleNamespace(username="user", password=Hidden(), registry_url="registry.example"),
    ],
    ids=["no registry", "a host", "a URL", "a block"],
)
def test_credentials_are_a_dictionary_or_a_block(world: World, credentials: Any) -> None:
    """For the image's own registry."""
    build_docker_image(APP, "auto", "v1")
    push_docker_image(APP, "v1", credentials)
    assert world.logins[-1] == {"registry.example": LOGIN}


def test_docker_hub_has_several_names() -> None:
    """Whichever its block has."""
    for url in ("index.docker.io", "https://index.docker.io/v1/", "docker.io", ""):
        assert logins_of(LOGIN | {"registry_url": url}, name("team/app")) == {"docker.io": LOGIN}


@pytest.mark.parametrize(
    ("credentials", "told"),
    [
        ("", "it is empty"),
        ("{{ prefect.blocks.x.y }}", "it is of the type str"),
        ({}, "there is no username"),
        ({"username": "user"}, "there is no password"),
        (LOGIN | {"user": "x"}, "there is no key 'user'"),
        (LOGIN | {"registry_url": "ghcr.io"}, "they are for ghcr.io"),
        (LOGIN | {"password": ""}, "there is no password"),
    ],
)
def test_credentials_that_cannot_be_used_are_told(credentials: Any, told: str) -> None:
    """Without a password."""
    with pytest.raises(UsageError) as refused:
        logins_of(credentials, name(APP))
    assert told in str(refused.value)
    assert "canary" not in str(refused.value)
    assert "prefect.blocks.docker-registry-credentials" in str(refused.value)
