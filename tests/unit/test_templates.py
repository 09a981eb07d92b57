"""Templates: what a Dockerfile says, that no value can add to it, and errors with their place."""

from __future__ import annotations

import json
import random
import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild import templates
from imagebuild.errors import UsageError
from imagebuild.plan import Code, Dependencies, OwnDockerfile
from tests.unit.values import BASE, DIGEST, VALUES, environment, plan

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

    assert [keyword for keyword, _ in found] == [
        *("FROM", "WORKDIR", "COPY", "RUN", "FROM", "COPY")
    ]
    assert found[0] == ("FROM", f"{BASE}@{DIGEST} AS environment")
    assert found[1] == ("WORKDIR", "/opt/prefect/app")
    assert copied(found[2][1]) == ("requirements.txt", "/opt/prefect/app/requirements.txt")
    assert found[4] == ("FROM", "environment")
    assert copied(found[5][1]) == ("./", "/opt/prefect/app/")


def test_uv_and_pip_both_install_the_same_list() -> None:
    """Which of them is chosen in the image, where it is known."""
    [run] = [rest for keyword, rest in instructions(templates.render(plan())) if keyword == "RUN"]

    assert run.count("-r requirements.txt") == 2
    assert "uv pip install" in run
    assert "-m pip install" in run


def test_without_dependencies_nothing_runs() -> None:
    """The base has all that the flow needs."""
    found = instructions(templates.render(project("app")))

    assert [keyword for keyword, _ in found] == ["FROM", "WORKDIR", "FROM", "COPY"]


@pytest.mark.parametrize("user", ["", "root", "0", "0:0", "root:root"])
def test_root_stays_root(user: str) -> None:
    """However the base says it."""
    assert "USER" not in templates.render(plan(), user=user)


@pytest.mark.parametrize("user", ["app", "1000", "1000:1000", "app:root"])
def test_a_base_with_a_user_gets_it_back(user: str) -> None:
    """Dependencies are installed as root, the code is copied by whoever copies."""
    found = instructions(templates.render(plan(), user=user))

    assert [keyword for keyword, _ in found] == [
        *("FROM", "USER", "WORKDIR", "COPY", "RUN", "USER", "FROM", "COPY")
    ]
    assert [rest for keyword, rest in found if keyword == "USER"] == ["root", user]


@pytest.mark.parametrize(("mounts", "cached"), [(True, True), (False, False)])
def test_downloads_are_kept_in_a_cache_mount_or_thrown_away(mounts: bool, cached: bool) -> None:
    """They are never in the image."""
    [run] = [
        rest
        for keyword, rest in instructions(templates.render(plan(), mounts=mounts))
        if keyword == "RUN"
    ]

    assert cached is run.startswith("--mount=type=cache,target=/root/.cache ")
    assert cached is ("--mount" in run)
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
    """A hundred hostile names: they come out as they went in, or are refused."""
    chance = random.Random(7)
    written = 0
    for _ in range(100):
        directory, path, user = (
            "".join(chance.choices(HOSTILE, k=chance.randint(1, 4))) for _ in range(3)
        )
        try:
            found = instructions(templates.render(project(directory, path), user=user))
        except UsageError:
            continue
        written += 1
        keywords = [keyword for keyword, _ in found]
        assert keywords == ["FROM", "USER", "WORKDIR", "COPY", "RUN", "USER", "FROM", "COPY"]
        assert unquoted(found[2][1]) == f"/opt/prefect/{directory}"
        assert copied(found[3][1])[1] == f"/opt/prefect/{directory}/{path}"
        assert unquoted(found[5][1]) == user
        assert copied(found[7][1]) == ("./", f"/opt/prefect/{directory}/")
    assert written > 5


@pytest.mark.parametrize("mounts", [True, False])
def test_system_packages_are_installed_before_all_else(mounts: bool) -> None:
    """As root, with what was downloaded in a cache or thrown away."""
    made = plan(environment=environment(packages=("tree", "jq=1.6*")))
    found = instructions(templates.render(made, user="app", mounts=mounts))
    run = found[2][1]

    assert [keyword for keyword, _ in found[:4]] == ["FROM", "USER", "RUN", "WORKDIR"]
    assert run.count(",sharing=locked") == (2 if mounts else 0)
    assert "apt-get update;" in run
    assert re.search(r"apt-get install -y --no-install-recommends .*tree 'jq=1.6\*'", run)
    assert ("rm -rf /var/lib/apt/lists/*" in run) is not mounts
    assert "this base has no apt-get" in run


@pytest.mark.parametrize(
    "name",
    [
        "jq",
        "g++",
        "libsodium23:arm64",
        "jq=1.6-2.1+deb12u3",
        "x11=1:7.7~a",
        "jq/bookworm-backports",
    ],
)
def test_a_system_package_is_written_as_apt_takes_it(name: str) -> None:
    """With version, architecture or release."""
    [run] = [
        line
        for line in templates.render(plan(environment=environment(packages=(name,)))).split("\n")
        if "apt-get install" in line
    ]

    assert shlex.split(run)[-1] == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "a", "Jq", "jq-", "-y", "jq vim", "jq;id", "$(id)", "jq=", "jq=1 2", "jq=$V", "jq/"),
        "é",
    ],
)
def test_what_is_no_system_package_is_refused(name: str) -> None:
    """An option, a command, or what apt-get would remove."""
    with pytest.raises(UsageError, match="is no system package"):
        templates.render(plan(environment=environment(packages=(name,))))


def test_build_arguments_are_declared_before_the_first_step() -> None:
    """So that the steps see them; a proxy's needs no declaration."""
    args = {"B": "x\nRUN id", "A": "", "https_proxy": "x", "NO_PROXY": "x"}
    found = instructions(templates.render(plan(environment=environment(build_args=args))))

    assert found[1:4] == [("ARG", "A"), ("ARG", "B"), ("WORKDIR", "/opt/prefect/app")]


@pytest.mark.parametrize("name", ["", "1A", "A B", "A=1", "A\nRUN id", "é", "A-B"])
@pytest.mark.parametrize("kind", ["build_args", "env"])
def test_what_is_no_name_of_a_variable_is_refused(kind: str, name: str) -> None:
    """It comes from the command line."""
    made = (
        plan(environment=environment(build_args={name: "x"}))
        if kind == "build_args"
        else plan(code=Code("c" * 64, "/app", env={name: "x"}))
    )
    with pytest.raises(UsageError, match="is no name of a variable"):
        templates.render(made)


def test_secrets_and_agents_are_mounted_where_dependencies_are_installed() -> None:
    """A forgotten one fails the step; netrc lies where installers look for it."""
    made = environment(secrets=("token", "netrc"), ssh=("default",))
    [run] = [
        rest
        for keyword, rest in instructions(templates.render(plan(environment=made)))
        if keyword == "RUN"
    ]

    assert re.findall(r"--mount=(\S+)", run) == [
        "type=cache,target=/root/.cache",
        "type=secret,id=token,required=true",
        "type=secret,id=netrc,target=/root/.netrc,required=true",
        "type=ssh,id=default,required=true",
    ]
    assert "--mount" not in templates.render(plan(environment=made), mounts=False)


@pytest.mark.parametrize("kind", ["secrets", "ssh"])
@pytest.mark.parametrize("name", ["", "a,target=/etc/passwd", "a b", "a\nRUN id", "../a", "$A"])
def test_an_id_that_would_change_its_mount_is_refused(kind: str, name: str) -> None:
    """Its options are separated by commas."""
    with pytest.raises(UsageError, match="is no id of a secret or an ssh agent"):
        templates.render(plan(environment=environment(**{kind: (name,)})))


@pytest.mark.parametrize("value", VALUES)
def test_a_variable_is_set_to_exactly_its_value(value: str) -> None:
    """Quoted, so that nothing is expanded, stripped, or another instruction."""
    made = plan(code=Code("c" * 64, "/app", env={"NAME": value, "Z": "1"}))
    *_, variable, last = instructions(templates.render(made))

    assert variable[0] == "ENV"
    assert last == ("ENV", 'Z="1"')
    assert variable[1].startswith('NAME="')
    assert variable[1].endswith('"')
    inside = variable[1][6:-1]
    assert not re.search(r"""(?<!\\)(?:\\\\)*["$]""", inside)
    assert re.sub(r'\\([\\"$])', r"\1", inside) == value


@pytest.mark.parametrize("value", ["a\nb", "\n", "a\r", "\x00", "\udc80"])
def test_a_value_that_is_not_one_line_is_refused_by_its_variable(value: str) -> None:
    """No Dockerfile can hold it; its text, which may be a secret, is not repeated."""
    made = plan(code=Code("c" * 64, "/app", env={"CERTIFICATE": f"geheim{value}"}))
    with pytest.raises(UsageError, match="CERTIFICATE cannot be set") as caught:
        templates.render(made)

    assert "geheim" not in caught.value.message


def test_a_dockerfile_of_the_users_own_is_left_as_it_is() -> None:
    """Nothing is rendered into it."""
    recipe = OwnDockerfile("Dockerfile", "FROM x\n{{ base }}")

    assert templates.render(plan(environment=environment(recipe=recipe))) == recipe.text


@pytest.fixture
def where(tmp_path: Path) -> Path:
    """A folder for templates."""
    return tmp_path


def rendered(where: Path, source: str, **values: Any) -> str:
    """What a template of the user's own comes to."""
    (where / "own.jinja").write_text(source)
    recipe = templates.load("own.jinja", where, where)
    return templates.render(plan(environment=environment(recipe=recipe)), **values)


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

    assert error.message == "cannot render the template own.jinja, line 3"
    assert "is printed without a filter that quotes it" in error.causes[0]


def test_an_undefined_variable_is_refused_with_its_line(where: Path) -> None:
    """A slip of the pen is no empty text."""
    error = refused(where, "FROM x\n\nRUN {{ comand | word }}\n")

    assert error.message == "cannot render the template own.jinja, line 3"
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
    """When it is found, long before it is needed."""
    (where / "own.jinja").write_text(source)
    with pytest.raises(UsageError) as caught:
        templates.load("own.jinja", where, where)
    error = caught.value

    assert error.message == f"cannot read the template own.jinja, line {line}"
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


@pytest.mark.parametrize("source", ["{{ 1 / 0 }}", "{{ base + 1 }}", "{{ base | copies }}"])
def test_a_template_that_fails_in_any_way_is_refused_with_its_line(
    where: Path, source: str
) -> None:
    """It is no fault of ours."""
    assert refused(where, f"\n{source}").message.endswith("own.jinja, line 2")


def test_a_template_that_extends_itself_is_refused(where: Path) -> None:
    """Rather than rendered for ever."""
    assert "own.jinja" in refused(where, '{% extends "own.jinja" %}').message


def test_a_template_extends_the_default_by_its_blocks(where: Path) -> None:
    """And keeps what the default has in a block where it says so."""
    source = (
        '{% extends "default" %}\n'
        "{% block code %}\n{{ super() }}\nRUN id\n{% endblock %}\n"
        "{% block dependencies %}{% endblock %}"
    )
    found = instructions(rendered(where, source))

    assert [keyword for keyword, _ in found] == ["FROM", "WORKDIR", "FROM", "COPY", "RUN"]


def test_a_template_with_a_base_of_its_own_is_one_stage(where: Path) -> None:
    """It need not know what the default calls the environment."""
    source = (
        '{% extends "default" %}{% block base %}FROM {{ base | reference }}\n{% endblock %}'
        "{% block dependencies %}{% endblock %}"
    )
    found = instructions(rendered(where, source))

    assert [keyword for keyword, _ in found] == ["FROM", "WORKDIR", "COPY"]


def test_a_template_uses_the_files_in_its_folder(where: Path) -> None:
    """Those that it extends, includes and imports."""
    (where / "parts").mkdir()
    (where / "parts" / "tail").write_text("USER x\n")
    (where / "macros").write_text("{% macro work(at) %}WORKDIR {{ at | word }}{% endmacro %}")
    (where / "parent").write_text(
        "FROM x\n{% block all %}{% endblock %}\n\n{% include 'parts/tail' %}"
    )
    source = (
        "{% extends 'parent' %}{% from 'macros' import work %}"
        "{% block all %}{{ work('/a b') }}{% endblock %}"
    )

    assert rendered(where, source) == "FROM x\nWORKDIR /a b\nUSER x\n"


@pytest.mark.parametrize("source", ["{% if %}", "{{ base }}", "{{ comand | word }}"])
def test_an_error_in_a_parent_is_told_with_its_own_line(where: Path, source: str) -> None:
    """Not with the line that extends it."""
    (where / "parent").write_text(f"FROM x\n\n{source}\n")

    assert refused(where, "{% extends 'parent' %}").message.endswith("the template parent, line 3")


@pytest.mark.parametrize(
    ("reference", "cause"),
    [
        ("{% extends 'gone' %}", "it refers to 'gone', which is not beside it"),
        ("{% include '../outside' %}", "it refers to '../outside', which is not beside it"),
        ("{% include 'link' %}", "it refers to 'link', which is not beside it"),
        ("{% include '/etc/hostname' %}", "it refers to '/etc/hostname', which is not beside it"),
        ("{% include 'gone' ignore missing %}", "it refers to 'gone', which is not beside it"),
        ("{% extends base %}", "it refers to another by a value"),
        ("{% include ['default', 'gone'] %}", "it refers to another by a value"),
    ],
)
def test_a_template_refers_to_no_other_file(tmp_path: Path, reference: str, cause: str) -> None:
    """What it is made of is known before it is rendered, and lies in one folder."""
    where = tmp_path / "templates"
    where.mkdir()
    (tmp_path / "outside").write_text("FROM x")
    (where / "link").symlink_to("../outside")
    error = refused(where, f"\n{reference}")

    assert error.message == "cannot read the template own.jinja, line 2"
    assert error.causes == (cause,)


@pytest.mark.parametrize("typed", ["own.jinja", "./own.jinja", "../user/own.jinja"])
def test_a_template_is_found_where_the_user_stands_or_in_the_project(
    tmp_path: Path, typed: str
) -> None:
    """However it is typed, it is the same template: no path is in it."""
    root, here = tmp_path / "root", tmp_path / "user"
    for folder in (root, here):
        folder.mkdir()
    (here / "own.jinja").write_text("FROM x")
    found = templates.load(typed, here, root)

    assert found == templates.load("own.jinja", root, here)
    assert found == templates.load(str(here / "own.jinja"), root, root)
    assert found.name == "own.jinja"
    assert str(tmp_path) not in repr(found)


def test_the_digest_covers_all_that_a_template_is_made_of(
    where: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own text, that of its neighbours, and that of the shipped ones that it uses."""
    shipped = where / "shipped"
    shipped.mkdir()
    (shipped / "default.Dockerfile.jinja").write_text("FROM x")
    monkeypatch.setattr(templates, "folder", lambda: shipped)
    files = [where / "own.jinja", where / "beside", shipped / "default.Dockerfile.jinja"]
    (where / "own.jinja").write_text('{% extends "default" %}{% include "beside" %}')
    (where / "beside").write_text("USER x")
    digests = [templates.load("own.jinja", where, where).digest]
    for file in files:
        file.write_text(f"{file.read_text()}\n")
        digests.append(templates.load("own.jinja", where, where).digest)
    (where / "elsewhere").write_text("")

    assert len(set(digests)) == 4
    assert templates.load("own.jinja", where, where).digest == digests[-1]


def test_what_was_found_is_what_is_rendered(where: Path) -> None:
    """An edit in between is the next deploy's."""
    (where / "own.jinja").write_text("FROM x")
    recipe = templates.load("own.jinja", where, where)
    (where / "own.jinja").write_text("FROM y")

    assert templates.render(plan(environment=environment(recipe=recipe))) == "FROM x"


def test_a_template_that_is_no_text_is_refused(where: Path) -> None:
    """With its path."""
    (where / "own.jinja").write_bytes(b"\xff")
    with pytest.raises(UsageError, match=r"cannot read the template .*/own.jinja"):
        templates.load("own.jinja", where, where)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("gone", "give the path of a file, or one of the shipped templates: default"),
        ("", "give the path of a file, or one of the shipped templates: default"),
        ("../default", "did you mean default? "),
        ("defualt", "did you mean default? "),
        ("slin.Dockerfile.jinja", "did you mean slim.Dockerfile.jinja? "),
    ],
)
def test_a_template_that_is_not_there_is_refused(where: Path, name: str, hint: str) -> None:
    """With those that are."""
    (where / "slim.Dockerfile.jinja").write_text("FROM x")
    with pytest.raises(UsageError, match="there is no template") as caught:
        templates.load(name, where / "user", where)

    assert (caught.value.hint or "").startswith(hint)


def test_a_shipped_template_goes_by_its_name(where: Path) -> None:
    """One file is one template; a file of the same name elsewhere is another."""
    (where / "default").write_text("FROM own")
    found = templates.load("default", where, where)

    assert templates.names() == ("default",)
    assert re.fullmatch("[0-9a-f]{64}", found.digest)
    assert found.digest != templates.load("./default", where, where).digest
