"""FlowImage as Prefect uses it, on parts in memory: its reference, its output, its errors."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import imagebuild
from imagebuild import FlowImage
from imagebuild.errors import BuildFailed, ImagebuildError, UsageError

if TYPE_CHECKING:
    from prefect.docker import DockerImage

    from tests.unit.prefect.conftest import World

APP = "registry.example/team/app"


def test_the_reference_is_right_at_each_time(world: World) -> None:
    """The name, the name, and after the push the digest."""
    image = FlowImage(f"{APP}:v1")
    seen = [image.reference]
    image.build()
    seen.append(image.reference)
    image.push()

    digest = world.registry.digests[f"{APP}:v1"]
    assert seen == [f"{APP}:v1", f"{APP}:v1"]
    assert image.reference == f"{APP}:v1@{digest}"
    assert (image.name, image.tag) == (APP, "v1")


def test_a_local_latest_image_has_a_second_tag_that_runs(world: World) -> None:
    """Workers try to pull `latest`; what is pushed afterwards is `latest` itself."""
    image = FlowImage(f"{APP}:latest")
    image.build()
    local = image.reference

    assert local.startswith(f"{APP}:local-")
    assert len(local) == len(f"{APP}:local-") + 12
    assert world.builder.names[local] == world.builder.names[f"{APP}:latest"]
    image.push()
    assert image.reference == f"{APP}:latest@{world.registry.digests[f'{APP}:latest']}"
    assert list(map(str, world.registry.pushes)) == [f"{APP}:latest"]


def test_without_a_tag_it_gets_one_made_of_the_content(world: World) -> None:
    """So what has not changed is not built again, and what has changed is another image."""
    first, second = FlowImage(APP), FlowImage(APP)
    first.build()
    second.build()
    (world.root / "flow.py").write_text("from prefect import flow\n")
    third = FlowImage(APP)
    third.build()

    assert first.reference == second.reference == f"{APP}:{first.tag}"
    assert third.reference != first.reference
    assert len(world.builder.built) == 2


def test_without_pin_the_tag_is_recorded(world: World) -> None:
    """As `--no-pin` does it."""
    image = FlowImage(f"{APP}:v1", pin=False)
    image.build()
    image.push()
    assert image.reference == f"{APP}:v1"


def test_every_tag_is_pushed_once(world: World) -> None:
    """And nothing that the registry has."""
    image = FlowImage(f"{APP}:v1", tags=["v2"])
    for _ in range(2):
        image.build()
        image.push()
    again = FlowImage(f"{APP}:v1", tags=["v2"])
    again.build()
    again.push()
    assert list(map(str, world.registry.pushes)) == [f"{APP}:v1", f"{APP}:v2"]
    assert again.reference == image.reference


def test_further_tags_do_not_take_the_place_of_its_own(world: World) -> None:
    """The deployment names the one that is made of the content."""
    image = FlowImage(APP, tags=["latest"])
    image.build()
    image.push()

    assert image.tag == world.builder.built[0].version
    assert image.reference.startswith(f"{APP}:{image.tag}@")


def test_a_build_that_pushes_needs_no_push(world: World) -> None:
    """As buildx has it; Prefect calls push() all the same."""
    image = FlowImage(f"{APP}:latest", build_backend="buildx", push=True)
    image.build()
    reference = image.reference
    image.push()
    assert reference == image.reference == f"{APP}:latest@{world.registry.digests[APP + ':latest']}"
    assert len(world.registry.pushes) == 1


def test_a_bare_name_goes_below_prefects_namespace(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is pushed or not, as with DockerImage."""
    monkeypatch.setenv("PREFECT_DEFAULT_DOCKER_BUILD_NAMESPACE", "registry.example/team")
    assert FlowImage("app:v1").reference == f"{APP}:v1"
    assert FlowImage("other/app:v1").reference == "other/app:v1"


def test_the_root_is_the_current_folder_or_the_context(world: World) -> None:
    """Prefect names the flow's file by the current folder, even where prefect.yaml is above it."""
    (world.root.parent / "prefect.yaml").write_text("name: above\n")
    FlowImage(APP).build()
    FlowImage(APP, context=world.root.parent, builder="classic").build()
    assert [request.root for request in world.requests] == [world.root, world.root.parent]
    assert world.builders == ["docker", "classic"]
    assert [plan.code.directory for plan in world.builder.built] == [
        "/opt/prefect/app",
        "/opt/prefect/above",
    ]


def test_what_happens_is_shown_where_it_is_wanted(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the standard output as it is then, on another stream, or nowhere."""
    stream = io.StringIO()
    FlowImage(APP).build()
    shown = capsys.readouterr().out
    FlowImage(APP, stream_progress_to=stream).build()
    FlowImage(APP, stream_progress_to=None).build()

    assert "[1/1] COPY" in shown
    assert "build done in" in stream.getvalue()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("named", "given"),
    [
        (f"{APP}:v1", {"tag": "v2"}),
        (f"{APP}@sha256:" + "a" * 64, {}),
        (APP, {"frobnicate": 1}),
        (APP, {"target": "prod"}),
        (APP, {"dockerfile": "Dockerfile", "base": "python:3.12"}),
        (APP, {"build_backend": "kaniko"}),
    ],
)
def test_what_cannot_be_meant_is_told_when_it_is_made(
    world: World, named: str, given: dict[str, Any]
) -> None:
    """Before Prefect asks anybody anything."""
    with pytest.raises(UsageError):
        FlowImage(named, **given)


def test_an_error_is_its_whole_prose(world: World) -> None:
    """Prefect shows no more than the exception's text."""
    world.builder.failures["build"] = BuildFailed(
        "it failed", causes=("why",), hint="do this", body=("line",)
    )
    with pytest.raises(ImagebuildError) as failed:
        FlowImage(APP).build()
    assert str(failed.value) == (
        "it failed\n  | line\n  caused by: why\n  hint: do this\n  nothing was changed"
    )


def test_a_push_of_a_bare_name_says_what_it_lacks(world: World) -> None:
    """It is known only when Prefect asks for the push."""
    image = FlowImage("app:v1")
    image.build()
    with pytest.raises(UsageError, match="the name says no registry") as refused:
        image.push()
    assert "push=False" in str(refused.value)
    assert image.reference == "app:v1"


def test_to_a_type_checker_it_is_a_docker_image(world: World) -> None:
    """A script that is checked passes as it did: what is run here is what mypy reads."""

    def deploy(image: str | DockerImage) -> str:
        return str(image)

    assert deploy(FlowImage(APP))


def test_it_is_imported_without_prefect_and_without_what_it_builds_with() -> None:
    """Prefect is an extra, and a script that only deploys elsewhere pays for nothing."""
    code = (
        "import sys; from imagebuild import FlowImage; import imagebuild.prefect;"
        "FlowImage('team/app:v1');"
        "print([name for name in ('prefect', 'docker', 'jinja2', 'rich', 'grpclib')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_name_that_there_is_not_is_an_attribute_error() -> None:
    """Lazy names are as others are."""
    assert not hasattr(imagebuild, "flow_image")
    assert not hasattr(imagebuild.prefect, "Nothing")


def test_code_that_runs_pull_is_not_in_the_image(world: World) -> None:
    """So an edit changes no image."""
    image = FlowImage(f"{APP}:v1", code="pulled")
    image.build()
    (world.root / "flow.py").write_text("# another\n")
    image.build()

    assert len(world.builder.built) == 1
