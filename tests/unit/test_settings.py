"""Settings of a file and of the environment: which are taken, and what is said of others."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.errors import UsageError
from imagebuild.settings import Kind, read, unknown_variables
from tests.unit.values import write

if TYPE_CHECKING:
    from pathlib import Path

KNOWN = {
    "base": Kind.TEXT,
    "cache": Kind.FLAG,
    "concurrency-limit": Kind.NUMBER,
    "cron": Kind.MANY,
    "job-variable": Kind.VALUES,
    "label": Kind.PAIRS,
    "pool": Kind.TEXT,
    "push": Kind.FLAG,
    "system-package": Kind.MANY,
    "tag": Kind.MANY,
    "version": Kind.TEXT,
}


def settings(root: Path, text: str) -> dict[str, Any]:
    """What a file of this content comes to."""
    return read(write(root, {"imagebuild.toml": text}), KNOWN)


def refused(root: Path, files: dict[str, str]) -> UsageError:
    """The error for files that cannot be used."""
    with pytest.raises(UsageError) as caught:
        read(write(root, files), KNOWN)
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('pool = "docker"', {"pool": "docker"}),
        ('pool = ""', {"pool": ""}),
        ("push = false", {"push": False}),
        ("concurrency-limit = 3", {"concurrency_limit": 3}),
        ('tag = ["a", "b c"]', {"tag": ["a", "b c"]}),
        ("tag = []", {"tag": []}),
        ('cron = "0 9 * * *"', {"cron": ["0 9 * * *"]}),
        ('label = ["a=1", "b"]', {"label": ["a=1", "b"]}),
        ('label = { a = "1", "b.c" = "x=y" }', {"label": ["a=1", "b.c=x=y"]}),
        ("label = { a = 1, b = true, c = 1.5 }", {"label": ["a=1", "b=true", "c=1.5"]}),
        ("label = { a = 2024-05-06 }", {"label": ["a=2024-05-06"]}),
        ('label = { a = ["ö", 07:32:00] }', {"label": ['a=["ö", "07:32:00"]']}),
        ('[job-variable.env]\nLEVEL = "1"', {"job_variable": ['env={"LEVEL": "1"}']}),
        ('job-variable = { cpu = "1" }', {"job_variable": ['cpu="1"']}),
        ("job-variable = { cpu = 1 }", {"job_variable": ["cpu=1"]}),
        ('job-variable = { policy = "Always" }', {"job_variable": ["policy=Always"]}),
        ('job-variable = { "env.PORT" = "80" }', {"job_variable": ["env.PORT=80"]}),
        ("", {}),
    ],
)
def test_a_setting_has_the_form_of_its_option(
    tmp_path: Path, text: str, expected: dict[str, Any]
) -> None:
    """A text is read as the same text again, and whatever else goes into a pair as JSON."""
    assert settings(tmp_path, text) == expected


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": '[tool.imagebuild]\npool = "docker"\n'},
        {"pyproject.toml": '[tool]\nimagebuild.pool = "docker"\n'},
        {"imagebuild.toml": 'pool = "docker"\n'},
        {"imagebuild.toml": 'pool = "docker"\n', "pyproject.toml": "[tool.imagebuild]\n"},
        {"imagebuild.toml": "", "pyproject.toml": '[tool.imagebuild]\npool = "docker"\n'},
    ],
)
def test_settings_are_in_one_of_two_files(tmp_path: Path, files: dict[str, str]) -> None:
    """Both have the same keys."""
    assert read(write(tmp_path, files), KNOWN) == {"pool": "docker"}


def test_settings_in_both_files_are_refused(tmp_path: Path) -> None:
    """Nobody could tell which is meant."""
    error = refused(
        tmp_path,
        {"imagebuild.toml": "push = true", "pyproject.toml": "[tool.imagebuild]\npush = false"},
    )
    assert error.message == "both pyproject.toml and imagebuild.toml have settings for imagebuild"
    assert error.hint == "keep one: [tool.imagebuild] of pyproject.toml, or imagebuild.toml"


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"pyproject.toml": '[project]\nname = "app"\n'},
        {"pyproject.toml": "this = is = no TOML"},
        {"pyproject.toml": '[project]\ndependencies = ["flow-imagebuild"]\n'},
        {"pyproject.toml": 'tool = "imagebuild"\n'},
        {"imagebuild.toml/file": ""},
    ],
)
def test_a_project_without_settings_has_none(tmp_path: Path, files: dict[str, str]) -> None:
    """A pyproject.toml that cannot hold any is not even parsed."""
    assert read(write(tmp_path, files), KNOWN) == {}


def test_a_project_that_is_no_folder_has_no_settings(tmp_path: Path) -> None:
    """What it is instead is told elsewhere."""
    assert read(write(tmp_path, {"file": ""}) / "file", KNOWN) == {}
    assert read(tmp_path / "gone", KNOWN) == {}


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("poool", "did you mean pool?"),
        ("tags", "did you mean tag?"),
        ("Pool", "did you mean pool?"),
        ("job_variable", "did you mean job-variable?"),
        ("concurrency_limits", "did you mean concurrency-limit?"),
        ("no-push", "write push = false"),
        ("no_cache", "write cache = false"),
        ("tool", "write the keys at the top of the file, without [tool.imagebuild]"),
        ("xyz", f"the keys are {', '.join(sorted(KNOWN))}"),
    ],
)
def test_an_unknown_key_is_refused(tmp_path: Path, key: str, hint: str) -> None:
    """With the one that was meant, or all that there are."""
    error = refused(tmp_path, {"imagebuild.toml": f"{key} = {{}}"})
    assert error.message == f"imagebuild.toml has an unknown key {key}"
    assert error.hint == hint


@pytest.mark.parametrize(
    ("line", "cause", "hint"),
    [
        ("pool = 3", "it is a number, and a text is wanted", 'write pool = "text"'),
        ("version = 1.0", "it is a number, and a text is wanted", 'write version = "text"'),
        ("pool = 2024-05-06", "it is a date or a time, and a text is wanted", None),
        ('pool = ["a"]', "it is a list, and a text is wanted", None),
        ('push = "yes"', "it is a text, and true or false is wanted", "write push = true"),
        ("push = 1", "it is a number, and true or false is wanted", None),
        (
            "concurrency-limit = true",
            "it is true or false, and a whole number is wanted",
            "write concurrency-limit = 5",
        ),
        ("concurrency-limit = 1.5", "it is a number, and a whole number is wanted", None),
        (
            "tag = 3",
            "it is a number, and a text or a list of texts is wanted",
            'write tag = ["one", "two"]',
        ),
        (
            'tag = ["a", 3]',
            "item 2 of it is a number, and a text or a list of texts is wanted",
            None,
        ),
        (
            'label = "a=b"',
            "it is a text, and a table or a list of key=value texts is wanted",
            'write label = { KEY = "value" }',
        ),
        ("label = [{}]", "item 1 of it is a table, and a table or a list of", None),
        ('label = { "a=b" = "c" }', "it has the key 'a=b', and", None),
        ('job-variable = { "" = "c" }', "it has the key '', and", 'write job-variable = { key = "'),
        ("job-variable = { cpu = nan }", "cpu in it is a number that JSON does not have", None),
    ],
)
def test_a_value_of_another_type_is_refused(
    tmp_path: Path, line: str, cause: str, hint: str | None
) -> None:
    """With what was found, what is wanted, and how it is written."""
    error = refused(tmp_path, {"pyproject.toml": f"[tool.imagebuild]\n{line}\n"})
    assert (
        error.message
        == f"cannot use {line.partition(' ')[0]} in [tool.imagebuild] of pyproject.toml"
    )
    assert error.causes[0].startswith(cause)
    assert (error.hint or "").startswith(hint or "write ")


def test_a_section_that_is_no_table_is_refused(tmp_path: Path) -> None:
    """So that it is not taken for an empty one."""
    error = refused(tmp_path, {"pyproject.toml": "[tool]\nimagebuild = 3\n"})
    assert error.message == "cannot use tool.imagebuild in pyproject.toml"


def test_a_file_that_is_no_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    """As the parser tells it."""
    error = refused(tmp_path, {"pyproject.toml": "[tool.imagebuild]\npush =\n"})
    assert error.message == "cannot read pyproject.toml"
    assert "(at line 2, column 7)" in error.causes[0]


def test_a_file_that_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    """Which TOML has to be."""
    error = refused(tmp_path, {"imagebuild.toml": "pool = '\udcff'"})
    assert (error.message, error.causes) == ("cannot read imagebuild.toml", ("it is not UTF-8",))


def test_no_parser_is_loaded_where_there_is_nothing_to_parse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most projects have no settings."""
    monkeypatch.setitem(sys.modules, "tomllib", None)
    monkeypatch.setitem(sys.modules, "tomli", None)
    assert read(write(tmp_path, {"pyproject.toml": "[project]"}), KNOWN) == {}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("IMAGEBUILD_POOL", None),
        ("PATH", None),
        ("_IMAGEBUILD_COMPLETE", None),
        ("IMAGEBUILD_POOOL", ": did you mean IMAGEBUILD_POOL?"),
        ("imagebuild_pool", ": did you mean IMAGEBUILD_POOL?"),
        ("IMAGEBUILD_JOB_VARIABLES", ": did you mean IMAGEBUILD_JOB_VARIABLE?"),
        ("IMAGEBUILD_", ""),
        ("IMAGEBUILD_XYZ", ""),
    ],
)
def test_a_variable_that_no_option_reads_is_told(name: str, said: str | None) -> None:
    """It was meant for something."""
    known = {"IMAGEBUILD_POOL", "IMAGEBUILD_JOB_VARIABLE"}
    sentence = f"{name} is not a setting of imagebuild, and has no effect{said}"
    assert unknown_variables({name: "x"}, known) == ([] if said is None else [sentence])
