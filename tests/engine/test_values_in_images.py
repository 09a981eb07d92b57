"""Values that a user gives an image arrive in it exactly, whichever builder makes it."""

from __future__ import annotations

import io
import uuid
from typing import TYPE_CHECKING

import pytest

from imagebuild import templates
from imagebuild.buildkit import BuildOptions, Session, build
from imagebuild.plan import Base, Code, Dependencies
from tests.unit.buildkit.trees import MemoryTree
from tests.unit.values import VALUES, environment, name, plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from docker import APIClient, DockerClient

ENV = {f"VALUE_{number}": value for number, value in enumerate(VALUES)}
ARGUMENTS = {"GIVEN": "a\nb \"c\" $d 'e'\\", "http_proxy": ""}


def with_buildkit(api: APIClient, dockerfile: str) -> str:
    """Build it with BuildKit; the image's ID."""
    trees = {
        "context": MemoryTree({}),
        "dockerfile": MemoryTree({"Dockerfile": dockerfile.encode()}),
    }
    with Session(api, trees=trees, shared_key=uuid.uuid4().hex) as session:
        return build(api, session, BuildOptions(build_args=ARGUMENTS))


def with_the_classic_builder(api: APIClient, dockerfile: str) -> str:
    """Build it without BuildKit; the image's ID."""
    file = io.BytesIO(dockerfile.encode())
    answer = list(api.build(fileobj=file, buildargs=ARGUMENTS, rm=True, decode=True))
    return str([line["aux"]["ID"] for line in answer if "aux" in line][-1])  # of the last stage


@pytest.mark.parametrize("made_by", [with_buildkit, with_the_classic_builder])
def test_variables_have_exactly_the_values_that_were_given(
    engine: DockerClient, base_image: str, made_by: Callable[[APIClient, str], str]
) -> None:
    """Blanks, quotes, backslashes and all; and a step sees its build arguments as they were."""
    made = environment(
        base=Base(name(base_image)), dependencies=Dependencies(), build_args=ARGUMENTS
    )
    dockerfile = templates.render(plan(environment=made, code=Code("c" * 64, "/app", env=ENV)))
    copy = 'COPY ["./", "/app/"]'
    assert copy in dockerfile
    image = made_by(engine.api, dockerfile.replace(copy, 'RUN printf "%s\\n" "$GIVEN" >given'))
    try:
        given = engine.containers.run(image, ["cat", "given"], remove=True)
        config = engine.images.get(image).attrs["Config"]
    finally:
        engine.images.remove(image, force=True)

    pairs = [pair.partition("=") for pair in config["Env"]]
    assert {name: value for name, _, value in pairs if name.startswith("VALUE_")} == ENV
    assert given.decode() == ARGUMENTS["GIVEN"] + "\n"
