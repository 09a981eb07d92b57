"""What can be added to an environment, and what only a builder knows how to make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagebuild import templates
from imagebuild.builders.grounds import checked_target, part_of
from imagebuild.dockerfile import CodePart, NotData
from imagebuild.plan import Dependencies, OwnDockerfile
from tests.unit.values import environment, plan

if TYPE_CHECKING:
    from pathlib import Path

    from imagebuild.plan import Plan

OWN = "FROM base AS environment\n{}\nFROM environment\nCOPY . .\n"


def with_template(folder: Path, blocks: str, *sources: str) -> Plan:
    """A plan by a template that replaces these blocks of the default one."""
    (folder / "own.jinja").write_text(f'{{% extends "default" %}}{blocks}')
    recipe = templates.load("own.jinja", folder, folder)
    needed = Dependencies(sources, sources)
    return plan(environment=environment(recipe=recipe, dependencies=needed))


def with_dockerfile(text: str, *sources: str) -> Plan:
    """A plan by a Dockerfile of the user's own, of which these files are in the key."""
    recipe = OwnDockerfile("Dockerfile", OWN.format(text))
    needed = Dependencies(sources=sources)
    return plan(environment=environment(recipe=recipe, dependencies=needed))


def test_the_default_template_adds_the_code() -> None:
    """Whatever it installs."""
    assert part_of(plan())[1] == CodePart("/opt/prefect/app/")


def test_a_template_that_reads_what_the_key_covers_is_as_good(tmp_path: Path) -> None:
    """With another label, say."""
    made = with_template(
        tmp_path, "{% block finish %}LABEL a=b\n{% endblock %}", "requirements.txt"
    )

    assert part_of(made)[1].labels == {"a": "b"}


@pytest.mark.parametrize(
    ("blocks", "why"),
    [
        (
            '{% block system %}COPY ["certs/ca.crt", "/etc/"]\n{% endblock %}',
            "is made from certs/ca.crt, which may change unseen",
        ),
        ("{% block system %}RUN --mount=target=/c x\n{% endblock %}", "mounts files"),
        ("{% block system %}ADD https://a.example/b /c\n{% endblock %}", "the builder's to say"),
        (
            (
                "{% block code %}{% if user %}USER {{ user | word }}\n{% endif %}{{ super() }}"
                "{% endblock %}"
            ),
            "USER needs a builder",
        ),
        (
            "{% block code %}{% if user %}LABEL user=yes\n{% endif %}{{ super() }}{% endblock %}",
            "depends on the base's user",
        ),
    ],
)
def test_a_template_that_reads_more_is_built(tmp_path: Path, blocks: str, why: str) -> None:
    """An environment that is made of something unseen would be taken for the same."""
    with pytest.raises(NotData) as caught:
        part_of(with_template(tmp_path, blocks, "requirements.txt"))

    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sources", "why"),
    [
        ("COPY a /a", ("a",), None),
        ("COPY lib/ /a", ("lib/",), None),
        ("COPY lib/a /a", ("lib/",), None),
        ("COPY . /a", ("./",), None),
        ("COPY a /a", (), "is made from a, which"),
        ("COPY lib /a", ("lib/a",), "is made from lib, which"),
        ("COPY *.txt /a", ("a.txt",), "the builder's to say"),
        ("RUN --mount=type=bind,source=a,target=/a x", (), "mounts files"),
        ("ONBUILD RUN x", (), "it waits"),
    ],
)
def test_a_dockerfile_is_added_to_where_the_key_covers_what_it_reads(
    text: str, sources: tuple[str, ...], why: str | None
) -> None:
    """Else it is built as a whole."""
    made = with_dockerfile(text, *sources)
    if why is None:
        assert part_of(made)[1] == CodePart(".")
        return
    with pytest.raises(NotData) as caught:
        part_of(made)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("part", "directory", "target"),
    [
        (CodePart("."), "/srv/app", "/srv/app"),
        (CodePart("/srv/app/"), "/srv/app", "/srv/app"),
        (CodePart("/srv/app/.", directory="/srv/app/"), "/srv/app", "/srv/app"),
        (CodePart(), "/srv/app", "/srv/app"),
        (CodePart(directory="/other"), "/srv", None),
        (CodePart("sub"), "/srv", None),
        (CodePart("."), "", None),
        (CodePart("/srv", directory="/other"), "/srv", None),
        (CodePart("/app/.", directory="/app"), "", None),
    ],
)
def test_files_go_into_the_environments_own_directory(
    part: CodePart, directory: str, target: str | None
) -> None:
    """Of any other, nobody knows whether it is there, and as what."""
    if target is not None:
        assert checked_target(part, directory) == target
        return
    with pytest.raises(NotData, match="the environment's WORKDIR is /"):
        checked_target(part, directory)
