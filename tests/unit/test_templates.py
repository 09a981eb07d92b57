"""Templates: what a Dockerfile says, that no value can add to it, and errors with their place."""

from __future__ import annotations

import json
import random
import re
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild import templates
from imagebuild.errors import UsageError
from imagebuild.plan import Code, Dependencies
from tests.unit.values import BASE, DIGEST, environment, plan

if TYPE_CHECKING:
    from pathlib import Path

    from imagebuild.plan import Plan

HOSTILE = [
    *(
        "\n",
        "\r",
        "\t",
        "\x00",
        " ",
        "  ",
        "\\",
        "\\\\",
        "\\n",
        "'",
        '"',
        "`",
        "$",
        "${HOME}",
        "$(id)",
    ),
    *(
        "#",
        "\n#",
        "\nRUN id",
        "\\\nRUN id",
        "RUN id",
        "<<",
        "<<EOF",
        "--from=x",
        "--mount=type=bind",
    ),
    *(
        "]",
        '", "/',
        '"]\nRUN id',
        "[",
        "*",
        "?",
        "é",
        "ключ",
        "🚀",
        "\x85",
        "\u2028",
        "{{ 1 }}",
        "{%",
    ),
    *("a", "b", "-", "_", ".", "&& id", "; id", "| id", "> x", "escape=`"),
]


def project(directory: str, *files: str) -> Plan:
    """A plan with this directory in the image, and these dependency files."""
    dependencies = Dependencies(files[:1], files)
    made = environment(dependencies=dependencies)
    return plan(environment=made, code=Code("c" * 64, f"/opt/prefect/{directory}"))


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, as the oldest parser reads them that we build with.

    There a backslash at a line's end continues the line even where another one escapes it:
    https://github.com/moby/buildkit/pull/1559
    """
    found, line = list[tuple[str, str]](), ""
    for raw in dockerfile.split("\n"):
        text = raw.removesuffix("\r")
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        line += text
        if continued := re.fullmatch(r"(.*)\\[ \t]*", line, re.DOTALL):
            line = continued[1]
            continue
        keyword, _, rest = line.strip().partition(" ")
        found.append((keyword, rest.strip()))
        line = ""
    assert line == ""
    return found


def unquoted(word: str) -> str:
    """What a builder makes of a word: quotes and backslashes taken away, nothing to expand."""
    assert not re.search(r"""(?<!\\)(?:\\\\)*['"$]""", word)
    return re.sub(r"\\(.)", r"\1", word)


def copied(rest: str) -> tuple[str, str]:
    """Source and destination of a `COPY` in JSON form."""
    source, destination = json.loads(rest)
    return unquoted(source), unquoted(destination)


def test_the_default_template_installs_before_it_copies_the_code() -> None:
    """So that the environment is a layer of its own."""
    found = instructions(templates.render(plan()))

    assert [keyword for keyword, _ in found] == ["FROM", "WORKDIR", "COPY", "RUN", "COPY"]
    assert found[0] == ("FROM", f"{BASE}@{DIGEST}")
    assert found[1] == ("WORKDIR", "/opt/prefect/app")
    assert copied(found[2][1]) == ("requirements.txt", "/opt/prefect/app/requirements.txt")
    assert copied(found[4][1]) == ("./", "/opt/prefect/app/")


def test_uv_and_pip_both_install_the_same_list() -> None:
    """Which of them is chosen in the image, where it is known."""
    [run] = [rest for keyword, rest in instructions(templates.render(plan())) if keyword == "RUN"]

    assert run.count("-r requirements.txt") == 2
    assert "uv pip install" in run
    assert "-m pip install" in run


def test_without_dependencies_nothing_runs() -> None:
    """The base has all that the flow needs."""
    found = instructions(templates.render(project("app")))

    assert [keyword for keyword, _ in found] == ["FROM", "WORKDIR", "COPY"]


@pytest.mark.parametrize("user", ["", "root", "0", "0:0", "root:root"])
def test_root_stays_root(user: str) -> None:
    """However the base says it."""
    assert "USER" not in templates.render(plan(), user=user)


@pytest.mark.parametrize("user", ["app", "1000", "1000:1000", "app:root"])
def test_a_base_with_a_user_gets_it_back(user: str) -> None:
    """Dependencies are installed as root, the code is copied by whoever copies."""
    found = instructions(templates.render(plan(), user=user))

    assert [keyword for keyword, _ in found] == [
        *("FROM", "WORKDIR", "USER", "COPY", "RUN", "USER", "COPY")
    ]
    assert [rest for keyword, rest in found if keyword == "USER"] == ["root", user]


def test_a_user_is_left_alone_where_nothing_is_installed() -> None:
    """There is nothing to be root for."""
    assert "USER" not in templates.render(project("app"), user="app")


@pytest.mark.parametrize(("mounts", "cached"), [(True, True), (False, False)])
def test_downloads_are_kept_in_a_cache_mount_or_thrown_away(mounts: bool, cached: bool) -> None:
    """They are never in the image."""
    [run] = [
        rest
        for keyword, rest in instructions(templates.render(plan(), mounts=mounts))
        if keyword == "RUN"
    ]

    assert cached is run.startswith("--mount=type=cache,target=/root/.cache ")
    assert cached is ("--no-cache " not in run)
    assert cached is ("--no-cache-dir" not in run)


@pytest.mark.parametrize(
    "path",
    [
        "a b.txt",
        "it's.txt",
        'a"b.txt',
        "$HOME.txt",
        "a\\b.txt",
        "ключ.txt",
        "-r.txt",
        ']".txt',
        "{{x}}",
    ],
)
def test_a_file_of_any_name_is_copied_as_itself(path: str) -> None:
    """To the same name."""
    found = instructions(templates.render(project("app", path)))

    assert copied(found[2][1]) == (path, f"/opt/prefect/app/{path}")


def test_a_folder_is_copied_as_a_folder_and_the_project_as_itself() -> None:
    """So that their contents land where they lie."""
    dependencies = Dependencies(("a.txt",), ("pkg/", "./"))
    made = plan(environment=environment(dependencies=dependencies))
    found = instructions(templates.render(made))

    assert copied(found[2][1]) == ("pkg/", "/opt/prefect/app/pkg/")
    assert copied(found[3][1]) == ("./", "/opt/prefect/app/")


@pytest.mark.parametrize(
    ("path", "source"), [("a*.txt", "a[*].txt"), ("a?.txt", "a[?].txt"), ("a[1].txt", "a[[]1].txt")]
)
def test_a_wildcard_in_a_name_is_that_character(path: str, source: str) -> None:
    """In the source, where a builder would match; never in the destination."""
    found = instructions(templates.render(project("app", path)))

    assert copied(found[2][1]) == (source, f"/opt/prefect/app/{path}")


@pytest.mark.parametrize(
    "name",
    [
        "a\nRUN id",
        "a\rb",
        "a\x00b",
        "a\tb",
        "a<<EOF",
        "<<",
        "a\x1b[31m",
        "a ",
        "a\\",
        "a\u00a0",
    ],
)
def test_a_directory_that_no_dockerfile_can_hold_is_refused(name: str) -> None:
    """Rather than written as something else."""
    with pytest.raises(UsageError, match="cannot be written in a Dockerfile") as caught:
        templates.render(project(name))

    assert caught.value.hint == "rename the file or folder"
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("user", ["app\nRUN id", "app\\", "<<EOF"])
def test_a_user_that_no_dockerfile_can_hold_is_refused(user: str) -> None:
    """It comes from the base, which somebody else made."""
    with pytest.raises(UsageError, match="cannot be written in a Dockerfile"):
        templates.render(plan(), user=user)


def test_no_name_adds_or_hides_an_instruction() -> None:
    """Over 600 hostile names: they come out as they went in, or are refused."""
    chance = random.Random(7)
    written = 0
    for _ in range(600):
        directory, path, user = (
            "".join(chance.choices(HOSTILE, k=chance.randint(1, 4))) for _ in range(3)
        )
        try:
            found = instructions(templates.render(project(directory, path), user=user))
        except UsageError:
            continue
        written += 1
        keywords = [keyword for keyword, _ in found]
        assert keywords == ["FROM", "WORKDIR", "USER", "COPY", "RUN", "USER", "COPY"]
        assert unquoted(found[1][1]) == f"/opt/prefect/{directory}"
        assert copied(found[3][1])[1] == f"/opt/prefect/{directory}/{path}"
        assert unquoted(found[5][1]) == user
        assert copied(found[6][1]) == ("./", f"/opt/prefect/{directory}/")
    assert written > 40


@pytest.fixture
def where(tmp_path: Path) -> Path:
    """A folder for templates."""
    return tmp_path


def rendered(where: Path, source: str, **values: Any) -> str:
    """What a template named `default` comes to."""
    (where / "default.Dockerfile.jinja").write_text(source)
    return templates.render(plan(), where=where, **values)


def refused(where: Path, source: str) -> UsageError:
    """The error for a template that cannot be rendered."""
    with pytest.raises(UsageError) as caught:
        rendered(where, source)
    return caught.value


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("FROM {{ base | reference }}", f"FROM {BASE}@{DIGEST}"),
        ("WORKDIR {{ directory | word }}", "WORKDIR /opt/prefect/app"),
        ('COPY ["./", {{ directory | json }}]', 'COPY ["./", "/opt/prefect/app"]'),
        ("RUN pip install {{ dependencies.requirements | requirements }}", None),
        ("{% if mounts %}yes{% endif %}", "yes"),
        ("{{ '' }}nothing", "nothing"),
    ],
)
def test_values_are_printed_through_filters(where: Path, source: str, expected: str | None) -> None:
    """Each for the place that it stands in."""
    assert rendered(where, source) == (expected or "RUN pip install -r requirements.txt")


@pytest.mark.parametrize(
    "source",
    [
        "FROM {{ base }}",
        "WORKDIR {{ directory }}",
        "WORKDIR {{ directory ~ '/x' }}",
        "WORKDIR {{ directory | word | upper }}",
        "USER {{ user }}",
        "RUN echo {{ 'x' }}",
    ],
)
def test_a_value_without_a_filter_is_refused_with_its_line(where: Path, source: str) -> None:
    """Also one that was quoted and then changed."""
    with pytest.raises(UsageError) as caught:
        rendered(where, f"# a\n# b\n{source}\n", user="app")
    error = caught.value

    assert error.message == "cannot render the template default.Dockerfile.jinja, line 3"
    assert "is printed without a filter that quotes it" in error.causes[0]


def test_an_undefined_variable_is_refused_with_its_line(where: Path) -> None:
    """A slip of the pen is no empty text."""
    error = refused(where, "FROM x\n\nRUN {{ comand | word }}\n")

    assert error.message == "cannot render the template default.Dockerfile.jinja, line 3"
    assert error.causes == ("'comand' is undefined",)


@pytest.mark.parametrize(
    ("source", "line", "cause"),
    [
        ("FROM x\n{% if %}\n", 2, "Expected an expression"),
        ("FROM x\n\n{{ base | gone }}\n", 3, "No filter named 'gone'"),
        ("{% block a %}\n", 1, "Unexpected end of template"),
    ],
)
def test_a_template_that_cannot_be_read_is_refused_with_its_line(
    where: Path, source: str, line: int, cause: str
) -> None:
    """And the file's whole path."""
    error = refused(where, source)

    assert (
        error.message == f"cannot read the template {where}/default.Dockerfile.jinja, line {line}"
    )
    assert cause in error.causes[0]


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ base.format.__globals__ | word }}",
        "{{ dependencies.__init__.__globals__ | word }}",
    ],
)
def test_a_template_reaches_nothing_but_its_values(where: Path, source: str) -> None:
    """It runs in Jinja's sandbox."""
    assert "unsafe" in refused(where, source).causes[0]


def test_a_template_extends_another_by_its_blocks(where: Path) -> None:
    """As one's own does with the default."""
    (where / "parent.Dockerfile.jinja").write_text("FROM x\n{% block system %}{% endblock %}\n")
    source = (
        "{% extends 'parent.Dockerfile.jinja' %}\n{% block system %}\nRUN apt\n{% endblock %}\n"
    )

    assert rendered(where, source) == "FROM x\nRUN apt\n"


@pytest.mark.parametrize("name", ["gone", "../default", ""])
def test_a_template_that_is_not_there_is_refused(name: str) -> None:
    """With those that are."""
    with pytest.raises(UsageError, match="there is no template") as caught:
        templates.digest(name)

    assert caught.value.hint == "choose one of: default"


def test_the_templates_that_there_are_have_a_digest() -> None:
    """One file is one template."""
    assert templates.names() == ("default",)
    assert re.fullmatch("[0-9a-f]{64}", templates.digest("default"))
