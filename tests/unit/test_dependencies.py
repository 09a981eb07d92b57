"""Requirements files: which other files each line means, and what of it is in the context."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagebuild.context import read_context
from imagebuild.dependencies import (
    Reference,
    candidates,
    find_dependencies,
    lines_with_passwords,
    parse_line,
)
from imagebuild.errors import UsageError
from imagebuild.plan import Dependencies
from tests.unit.values import write

if TYPE_CHECKING:
    from pathlib import Path

FIRST = ("requirements.txt",)


def lists(path: str) -> Reference:
    """A line that names another list."""
    return Reference("list", path)


def local(path: str) -> Reference:
    """A line that names something on this machine to install."""
    return Reference("local", path)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("emoji", None),
        ("emoji==2.14.1", None),
        ("emoji >= 1, < 3", None),
        ("emoji[extra]==1", None),
        ("emoji==1 ; python_version < '3.9'", None),
        ("emoji; sys_platform == 'a/b'", None),
        ("emoji==1 --hash=sha256:ab/cd", None),
        ("-r base.txt", lists("base.txt")),
        ("-rbase.txt", lists("base.txt")),
        ("-r  base.txt", lists("base.txt")),
        ("-r 'a b.txt'", lists("a b.txt")),
        ('-r "a b.txt"', lists("a b.txt")),
        ("-r ../base.txt", lists("../base.txt")),
        ("--requirement base.txt", lists("base.txt")),
        ("--requirement=base.txt", lists("base.txt")),
        ("-c limits.txt", lists("limits.txt")),
        ("--constraint limits.txt", lists("limits.txt")),
        ("--constraint=deps/limits.txt", lists("deps/limits.txt")),
        ("-r https://example.com/base.txt", None),
        ("-c https://example.com/limits.txt", None),
        ("-e .", local(".")),
        ("-e ./pkg", local("./pkg")),
        ("-e pkg", local("pkg")),
        ("-e ./pkg[extra]", local("./pkg")),
        ("-e ./pkg[one, two]", local("./pkg")),
        ("--editable ./pkg", local("./pkg")),
        ("--editable=pkg", local("pkg")),
        ("-e git+https://example.com/team/pkg.git#egg=pkg", None),
        ("-e git+ssh://git@example.com/team/pkg.git", None),
        ("./pkg", local("./pkg")),
        ("./pkg ; python_version > '3'", local("./pkg")),
        ("../pkg", local("../pkg")),
        ("pkg/", local("pkg/")),
        ("pkgs/one", local("pkgs/one")),
        ("/opt/pkg", local("/opt/pkg")),
        (".", local(".")),
        (".[extra]", local(".")),
        ("emoji-1.0-py3-none-any.whl", local("emoji-1.0-py3-none-any.whl")),
        ("wheels/emoji-1.0.tar.gz", local("wheels/emoji-1.0.tar.gz")),
        ("emoji.zip", local("emoji.zip")),
        ("https://example.com/emoji-1.0.tar.gz", None),
        ("git+https://example.com/team/pkg.git@v1", None),
        ("emoji @ https://example.com/emoji.whl", None),
        ("emoji @ git+https://example.com/emoji.git", None),
        ("emoji[extra] @ https://example.com/emoji.whl", None),
        ("emoji @ file:///opt/emoji.whl", local("/opt/emoji.whl")),
        ("emoji @ file:./wheels/emoji.whl", local("./wheels/emoji.whl")),
        ("emoji @ ./wheels/emoji.whl", local("./wheels/emoji.whl")),
        ("file:wheels/my%20emoji.whl", local("wheels/my emoji.whl")),
        ("-e./pkg", local("./pkg")),
        ("./pkg#egg=pkg", local("./pkg")),
        ("emoji.tgz", local("emoji.tgz")),
        ("-r file:deps/base.txt", lists("deps/base.txt")),
        ("-r HTTPS://example.com/base.txt", None),
        ("-f ./wheels", local("./wheels")),
        ("--find-links ./wheels", local("./wheels")),
        ("--find-links=wheels", local("wheels")),
        ("--find-links https://example.com/wheels", None),
        ("--no-index", None),
        ("--require-hashes", None),
        ("--pre", None),
        ("--no-binary :all:", None),
        ("--trusted-host example.com", None),
    ],
)
def test_a_line_says_which_files_it_needs(line: str, expected: Reference | None) -> None:
    """A list, a local package or folder, or nothing that lies on this machine."""
    assert parse_line(line) == expected


def found(root: Path, requirements: str | None = None) -> Dependencies:
    """What the project's requirements come to."""
    return find_dependencies(read_context(root), requirements, root)


def refused(root: Path, requirements: str | None = None) -> UsageError:
    """The error for requirements that cannot be used."""
    with pytest.raises(UsageError) as caught:
        found(root, requirements)
    return caught.value


@pytest.mark.parametrize(
    "files",
    [
        {"flow.py": ""},
        {"requirements.txt": ""},
        {"requirements.txt": "\n# nothing yet\n   # and nothing here\n"},
        {"deps/requirements.txt": "emoji\n"},
        {"pyproject.toml": "[project]\n"},
    ],
)
def test_nothing_is_installed_where_nothing_is_asked_for(
    tmp_path: Path, files: dict[str, str]
) -> None:
    """No file at the root, or one without a requirement in it."""
    assert found(write(tmp_path, files)) == Dependencies()


def test_requirements_txt_at_the_root_is_the_default(tmp_path: Path) -> None:
    """It is the list, and all that is read."""
    write(tmp_path, {"requirements.txt": "emoji\n", "other.txt": "x\n"})

    assert found(tmp_path) == Dependencies(FIRST, FIRST)


@pytest.mark.parametrize("path", ["deps/prod.txt", "./deps/prod.txt", "deps/../deps/prod.txt"])
def test_another_file_is_taken_where_it_is_named(tmp_path: Path, path: str) -> None:
    """As it was typed, the plan has its one path from the root."""
    write(tmp_path, {"deps/prod.txt": "emoji\n", "requirements.txt": "x\n"})

    assert found(tmp_path, path) == Dependencies(("deps/prod.txt",), ("deps/prod.txt",))


def test_a_file_is_named_from_where_the_user_stands_or_from_the_root(tmp_path: Path) -> None:
    """And the one nearer to the user is meant."""
    write(tmp_path, {"deps/prod.txt": "emoji\n", "prod.txt": "emoji\n", "dev.txt": "emoji\n"})
    context = read_context(tmp_path)

    assert [
        find_dependencies(context, typed, tmp_path / "deps").requirements
        for typed in ("prod.txt", "../prod.txt", "dev.txt", f"{tmp_path}/dev.txt")
    ] == [("deps/prod.txt",), ("prod.txt",), ("dev.txt",), ("dev.txt",)]


def test_nested_lists_are_followed_from_their_own_folder(tmp_path: Path) -> None:
    """At any depth, also in a circle, each once, and the order is the paths' own."""
    files = {
        "requirements.txt": "-r deps/base.txt\n-c limits.txt\n",
        "deps/base.txt": "-r more/extra.txt\n-c ../limits.txt\nemoji\n",
        "deps/more/extra.txt": "-r ../../requirements.txt\nrich\n",
        "limits.txt": "emoji<3\n",
        "unused.txt": "x\n",
    }
    assert found(write(tmp_path, files)) == Dependencies(
        FIRST, ("deps/base.txt", "deps/more/extra.txt", "limits.txt", "requirements.txt")
    )


@pytest.mark.parametrize("line", ["-e ./pkg[extra]", "pkg/", "./pkg", "pkg @ file:pkg"])
def test_a_local_package_is_a_source_whole(tmp_path: Path, line: str) -> None:
    """From the root, where pip runs, also when a nested list names it."""
    files = {
        "requirements.txt": "-r deps/base.txt\n./pkg/sub\n",
        "deps/base.txt": f"{line}\n",
        "pkg/pyproject.toml": "[project]\n",
        "pkg/sub/setup.py": "",
        "pkgother/setup.py": "",
    }
    assert found(write(tmp_path, files)).sources == ("deps/base.txt", "pkg/", "requirements.txt")


def test_a_wheel_is_a_source_by_itself(tmp_path: Path) -> None:
    """Its folder has others."""
    write(
        tmp_path, {"requirements.txt": "./wheels/a.whl\n", "wheels/a.whl": "", "wheels/b.whl": ""}
    )

    assert found(tmp_path).sources == ("requirements.txt", "wheels/a.whl")


def test_the_project_itself_can_be_installed(tmp_path: Path) -> None:
    """A dot means all of it, whatever else is named."""
    write(tmp_path, {"requirements.txt": ".\n-r deps.txt\n", "deps.txt": "", "setup.py": ""})

    assert found(tmp_path) == Dependencies(FIRST, ("./",))


def test_what_a_link_leads_to_is_a_source_too(tmp_path: Path) -> None:
    """At any number of steps, in a circle too; a link alone would dangle in the image."""
    write(tmp_path, {"real/base.txt": "emoji\n", "pkg/setup.py": "", "shared/lib.py": ""})
    write(tmp_path, {"requirements.txt": "-r base.txt\n./pkg\n"})
    (tmp_path / "base.txt").symlink_to("step.txt")
    (tmp_path / "step.txt").symlink_to("real/base.txt")
    (tmp_path / "pkg" / "lib").symlink_to("../shared")
    (tmp_path / "shared" / "again").symlink_to("../pkg")

    assert found(tmp_path).sources == (
        *("base.txt", "pkg/", "real/base.txt", "requirements.txt", "shared/", "step.txt"),
    )


@pytest.mark.parametrize("target", ["gone.txt", "requirements.txt", "folder"])
def test_a_link_to_no_file_is_no_requirements_file(tmp_path: Path, target: str) -> None:
    """One that dangles, one that leads to itself, one that leads to a folder."""
    write(tmp_path, {"folder/x.txt": ""})
    (tmp_path / "requirements.txt").symlink_to(target)

    assert refused(tmp_path).message == "requirements.txt is no requirements file"


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("emoji\n-r \\\n  base.txt\n", ("base.txt", "requirements.txt")),
        ("-r base.txt \\\n# a comment ends it\n", ("base.txt", "requirements.txt")),
        ("-r base.txt\\\n# a comment ends it\n", ("base.txt", "requirements.txt")),
        ("# -r gone.txt \\\nemoji\n", FIRST),
        ("emoji \\\n  --hash=sha256:00 \\\n  --hash=sha256:11\n", FIRST),
        ("-r base.txt # the base\n", ("base.txt", "requirements.txt")),
        ("-r base.txt\t# the base\n", ("base.txt", "requirements.txt")),
        ("  -r base.txt  \n", ("base.txt", "requirements.txt")),
        ("-r base.txt\r\nemoji\r\n", ("base.txt", "requirements.txt")),
        ("emoji\n-r base.txt", ("base.txt", "requirements.txt")),
        ("emoji\n-r base.txt \\", ("base.txt", "requirements.txt")),
        ("emoji\n-r base.txt\\\n", ("base.txt", "requirements.txt")),
        ("\ufeff-r base.txt\n", ("base.txt", "requirements.txt")),
        ("-r a#b.txt\n", ("a#b.txt", "requirements.txt")),
    ],
)
def test_lines_are_joined_and_comments_dropped_as_pip_does(
    tmp_path: Path, text: str, files: tuple[str, ...]
) -> None:
    """Continued lines, comments, both line ends, a byte order mark."""
    write(tmp_path, {"requirements.txt": text, "base.txt": "rich\n", "a#b.txt": "rich\n"})

    assert found(tmp_path).sources == files


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-r ../base.txt", "requirements.txt, line 3 refers to ../base.txt, outside the project"),
        ("-e ..", "requirements.txt, line 3 refers to .., outside the project"),
        ("-e ../pkg", "requirements.txt, line 3 refers to ../pkg, outside the project"),
        ("/opt/pkg", "requirements.txt, line 3 refers to /opt/pkg, outside the project"),
        ("x @ file:///a.whl", "requirements.txt, line 3 refers to /a.whl, outside the project"),
        ("-r gone.txt", "requirements.txt, line 3 refers to gone.txt, which does not exist"),
        ("-e ./gone", "requirements.txt, line 3 refers to ./gone, which does not exist"),
        ("./gone.whl", "requirements.txt, line 3 refers to ./gone.whl, which does not exist"),
        (
            "-r secret/.env",
            "secret/.env is needed, and left out of the image by the built-in list (.env)",
        ),
        ("-r a.log", "a.log is needed, and left out of the image by .dockerignore, line 2 (*.log)"),
    ],
)
def test_a_file_that_will_not_be_there_is_an_error_with_its_line(
    tmp_path: Path, line: str, message: str
) -> None:
    """Before anything is built, and with what to do about it."""
    files = {"root/requirements.txt": f"emoji\n\n{line}\n", "base.txt": "", "pkg/setup.py": ""}
    ignored = {"root/.dockerignore": "# noise\n*.log\n", "root/a.log": "", "root/secret/.env": ""}
    error = refused(write(tmp_path, {**files, **ignored}) / "root")

    assert error.message == message
    assert error.hint


def test_a_continued_line_is_told_by_its_first_number(tmp_path: Path) -> None:
    """That is where the editor should go."""
    write(tmp_path, {"requirements.txt": "emoji\n-r \\\n  \\\n  gone.txt\n"})

    assert "line 2 " in refused(tmp_path).message


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Also one that has the default's name."""
    error = refused(tmp_path, "deps.txt")

    assert error.message == "there is no requirements file deps.txt"
    assert error.hint == f"give its path relative to {tmp_path}"


@pytest.mark.parametrize("named", [None, "requirements.txt"])
def test_an_ignored_requirements_file_is_an_error(tmp_path: Path, named: str | None) -> None:
    """Else the flow would miss its packages at run time."""
    write(tmp_path, {"requirements.txt": "emoji\n", ".dockerignore": "*.txt\n"})
    error = refused(tmp_path, named)

    assert error.message == (
        "requirements.txt is needed, and left out of the image by .dockerignore, line 1 (*.txt)"
    )
    assert error.hint == "add the line !requirements.txt to .dockerignore"


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    """As some editors save it."""
    (tmp_path / "requirements.txt").write_bytes("emoji\n".encode("utf-16"))
    error = refused(tmp_path)

    assert (error.message, error.causes) == ("cannot read requirements.txt", ("it is not UTF-8",))


def test_every_file_that_could_say_what_is_needed_is_a_candidate(tmp_path: Path) -> None:
    """By its name at the root, and the chosen one wherever it lies."""
    known = ["pyproject.toml", "requirements-dev.txt", "requirements.txt", "setup.py", "uv.lock"]
    others = ["flow.py", "lib/requirements.txt", "notes.txt"]
    write(tmp_path, dict.fromkeys([*known, *others], "") | {"deps/prod.txt": "emoji"})
    context = read_context(tmp_path)

    assert list(candidates(context, Dependencies())) == known
    assert "deps/prod.txt" in candidates(context, found(tmp_path, "deps/prod.txt"))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("-i https://user:secret@index.example/", True),
        ("app @ git+https://token@git.example/app.git", True),
        ("-i http://:secret@index.example/", True),
        ("-i https://${USER}:${PASSWORD}@index.example/", False),
        ("-i https://user:${PASSWORD}@index.example/", False),
        ("app @ git+ssh://git@git.example/app.git", False),
        ("# -i https://user:secret@index.example/", False),
        ("app @ https://index.example/app@1.whl", False),
        ("emoji", False),
    ],
)
def test_an_address_with_a_password_is_told_by_its_line(line: str, told: bool) -> None:
    """One that is named by a variable is nowhere yet."""
    assert lines_with_passwords(f"first\n{line}\n") == [2] * told
