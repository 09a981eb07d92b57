"""Where in a Dockerfile an instruction is, from what a builder calls the step."""

from __future__ import annotations

import pytest

from imagebuild.builders.recipe import Dockerfile
from imagebuild.plan import OwnDockerfile
from tests.unit.values import environment, plan

TEXT = """\
# syntax=docker/dockerfile:1
FROM python:3.12

RUN --mount=type=cache,target=/root/.cache set -e; \\
    # a comment in the middle
    echo a; \\

    echo b
copy ["./",   "/app/"]
RUN true
RUN true
ENV X=1
"""


@pytest.mark.parametrize(
    ("instruction", "line"),
    [
        ("FROM python:3.12", 2),
        ("RUN --mount=type=cache,target=/root/.cache set -e;     echo a;      echo b", 4),
        ('COPY ["./", "/app/"]', 9),
        ("ENV X=1", 12),
        ("RUN true", None),
        ("RUN false", None),
        ("", None),
    ],
)
def test_an_instruction_is_found_by_its_text(instruction: str, line: int | None) -> None:
    """Spaces and the keyword's case aside; one that is there twice is not told apart."""
    assert Dockerfile(TEXT).line_of(instruction) == line


def test_the_escape_character_may_be_another() -> None:
    """As on Windows."""
    text = "# escape=`\nFROM x\nRUN echo a `\n  b\nRUN dir c:\\\nRUN last\n"

    assert Dockerfile(text).line_of("RUN echo a   b") == 3
    assert Dockerfile(text).line_of("RUN last") == 6


def test_an_instruction_without_an_end_is_found() -> None:
    """The last line may have no line end, or go on into nothing."""
    assert Dockerfile("FROM x\nRUN a \\").line_of("RUN a") == 2


def test_the_users_own_dockerfile_keeps_its_name() -> None:
    """And its text; a template's is called as everybody calls it."""
    recipe = OwnDockerfile("docker/Dockerfile.prod", "FROM x\n")
    own = plan(environment=environment(recipe=recipe))

    assert Dockerfile.of(own, user="app", mounts=True) == Dockerfile("FROM x\n", "Dockerfile.prod")
    assert Dockerfile.of(plan(), user="", mounts=True).name == "Dockerfile"


def test_without_mounts_none_are_rendered() -> None:
    """For a builder that has none."""
    assert "--mount" in Dockerfile.of(plan(), user="", mounts=True).text
    assert "--mount" not in Dockerfile.of(plan(), user="", mounts=False).text
