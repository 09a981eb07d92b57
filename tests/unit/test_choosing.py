"""Which flow is meant: the only one, or the one that an entrypoint names; else why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagebuild.choosing import choose_flow
from imagebuild.context import read_context
from imagebuild.errors import UsageError
from imagebuild.events import Warned
from imagebuild.flows import FoundFlow
from imagebuild.looking import flow_in
from imagebuild.request import BuildRequest
from imagebuild.sources.local import LocalSource
from imagebuild.survey import survey
from tests.unit.values import write

if TYPE_CHECKING:
    from pathlib import Path

    from imagebuild.events import Event

ONE = "from prefect import flow\n\n@flow\ndef hello(): ...\n"
TWO = "from prefect import flow\n\n@flow(name='a b')\ndef one(): ...\n@flow\ndef two(): ...\n"
UNKNOWN_NAME = "from prefect import flow\n\n@flow(name=str(1))\ndef hello(): ...\n"


def choose(root: Path, entrypoint: str | None = None, here: Path | None = None) -> FoundFlow:
    """The flow chosen in a project by a user who stands in `here`."""
    return choose_flow(read_context(root), entrypoint, here or root)


def refused(root: Path, entrypoint: str | None = None, here: Path | None = None) -> UsageError:
    """The error for a choice that cannot be made."""
    with pytest.raises(UsageError) as caught:
        choose(root, entrypoint, here)
    return caught.value


def test_the_only_flow_needs_no_entrypoint(tmp_path: Path) -> None:
    """Wherever in the project it is, and other Python files beside it."""
    write(tmp_path, {"a/b/etl.py": ONE, "lib.py": "x = 1\n", "notes.txt": ONE})

    assert choose(tmp_path) == FoundFlow("a/b/etl.py", "hello", "hello", 4)


def test_no_flow_says_where_it_was_looked_for(tmp_path: Path) -> None:
    """And what was passed over, with the reason."""
    write(tmp_path, {"lib.py": "x = 1\n", "broken.py": "def flow(:\n"})
    error = refused(tmp_path)

    assert error.message == f"there is no flow in {tmp_path}"
    assert error.causes == ("none of its 2 Python files has a function decorated with @flow",)
    assert len(error.body) == 1
    assert error.body[0].startswith("passed over: broken.py, line 1: Python 3.")
    assert "path/to/flow.py:function" in (error.hint or "")


def test_an_empty_folder_has_no_flow(tmp_path: Path) -> None:
    """None of no files."""
    assert "none of its 0 Python files" in refused(tmp_path).causes[0]


def test_several_flows_are_listed_with_how_to_choose(tmp_path: Path) -> None:
    """By entrypoint, line and name, in the order of the files."""
    write(tmp_path, {"b.py": ONE, "a.py": TWO})
    error = refused(tmp_path)

    assert error.message == f"there are 3 flows in {tmp_path}"
    assert error.body == (
        "a.py:one  (line 4, flow a b)",
        "a.py:two  (line 6, flow two)",
        "b.py:hello  (line 4, flow hello)",
    )
    assert error.hint == "say which, as the argument ENTRYPOINT: a.py:one"


def test_a_long_list_is_cut(tmp_path: Path) -> None:
    """Twenty lines, and how many more there are."""
    write(tmp_path, {f"f{number:02}.py": ONE for number in range(25)})
    body = refused(tmp_path).body

    assert len(body) == 21
    assert body[-1] == "and 5 more"


@pytest.mark.parametrize(
    ("entrypoint", "here"),
    [
        ("flows/etl.py:hello", "."),
        ("./flows/etl.py:hello", "."),
        ("flows/../flows/etl.py:hello", "."),
        ("etl.py:hello", "flows"),
        ("../flows/etl.py:hello", "flows"),
        ("flows/etl.py:hello", "flows"),
        ("flows/etl.py:hello", "lib"),
    ],
)
def test_an_entrypoint_is_relative_to_where_the_user_stands_or_to_the_root(
    tmp_path: Path, entrypoint: str, here: str
) -> None:
    """What is recorded is relative to the root in any case."""
    write(tmp_path, {"flows/etl.py": ONE, "lib/x.py": ""})

    assert choose(tmp_path, entrypoint, tmp_path / here).entrypoint == "flows/etl.py:hello"


def test_the_file_nearer_to_the_user_is_meant(tmp_path: Path) -> None:
    """Where both the folder and the root have one of that name."""
    write(tmp_path, {"etl.py": ONE, "flows/etl.py": ONE})

    assert choose(tmp_path, "etl.py:hello", tmp_path / "flows").path == "flows/etl.py"
    assert choose(tmp_path, "etl.py:hello", tmp_path).path == "etl.py"


def test_an_absolute_path_in_the_project_is_taken(tmp_path: Path) -> None:
    """As a shell completes it."""
    write(tmp_path, {"etl.py": ONE})

    assert choose(tmp_path, f"{tmp_path}/etl.py:hello").entrypoint == "etl.py:hello"


def test_a_method_is_named_with_its_class(tmp_path: Path) -> None:
    """As Prefect takes it."""
    source = (
        "from prefect import flow\nclass Jobs:\n    @flow\n    @staticmethod\n    def run(): ...\n"
    )
    write(tmp_path, {"etl.py": source})

    assert choose(tmp_path, "etl.py:Jobs.run").function == "Jobs.run"


def test_a_flow_outside_the_root_is_refused(tmp_path: Path) -> None:
    """It would not be in the image."""
    write(tmp_path, {"root/lib.py": "", "etl.py": ONE})
    error = refused(tmp_path / "root", "../etl.py:hello")

    assert error.message == f"../etl.py is outside the project root {tmp_path}/root"
    assert error.causes == ("only the project root is copied into the image",)
    assert "--context" in (error.hint or "")


def test_a_link_to_a_flow_in_the_project_is_the_flow(tmp_path: Path) -> None:
    """The image has the file itself at its own place."""
    write(tmp_path, {"flows/etl.py": ONE})
    (tmp_path / "main.py").symlink_to("flows/etl.py")

    assert choose(tmp_path, "main.py:hello").entrypoint == "flows/etl.py:hello"


@pytest.mark.parametrize(
    ("entrypoint", "message", "also"),
    [
        ("gone.py:hello", "there is no file gone.py", "give its path relative to"),
        ("flows:hello", "'flows:hello' is not an entrypoint", "a file that ends in .py"),
        ("etl.py", "'etl.py' is not an entrypoint", "no colon"),
        ("etl.py:", "'etl.py:' is not an entrypoint", "a function's name"),
        ("etl.py:a b", "'etl.py:a b' is not an entrypoint", "a function's name"),
        ("etl.py:hello()", "'etl.py:hello()' is not an entrypoint", "a function's name"),
        ("", "'' is not an entrypoint", "no colon"),
        ("etl.py:goodbye", "etl.py has no flow goodbye", "etl.py:hello  (line 4, flow hello)"),
        ("lib.py:x", "lib.py has no flow x", "no function decorated with @flow"),
        (
            "noise.py:hello",
            "noise.py is needed, and left out of the image by .dockerignore, line 1",
            "!noise",
        ),
        (
            ".venv/a.py:hello",
            ".venv/a.py is needed, and left out of the image by the built-in list",
            "!.venv",
        ),
        ("odd.py:hello", "cannot tell the name of the flow odd.py:hello", "line 4: name= is not"),
    ],
)
def test_an_entrypoint_that_cannot_be_meant_is_refused(
    tmp_path: Path, entrypoint: str, message: str, also: str
) -> None:
    """With the file, the reason and what to do, and no word of our own types."""
    files = {"etl.py": ONE, "lib.py": "x = 1\n", "noise.py": ONE, "odd.py": UNKNOWN_NAME}
    write(tmp_path, {**files, ".dockerignore": "noise.*\n", ".venv/a.py": ONE})
    error = refused(tmp_path, entrypoint)
    told = " ".join([error.message, *error.causes, *error.body, error.hint or ""])

    assert error.message.startswith(message)
    assert also in told
    assert "Rule(" not in told


def test_the_only_flow_must_have_a_name_that_can_be_read(tmp_path: Path) -> None:
    """Files are never run to find it."""
    write(tmp_path, {"odd.py": UNKNOWN_NAME})

    assert refused(tmp_path).message == "cannot tell the name of the flow odd.py:hello"


def test_of_several_flows_the_one_that_is_named_is_meant(tmp_path: Path) -> None:
    """As a deployment names it, not by its function."""
    context = read_context(write(tmp_path, {"flows.py": TWO}))

    assert choose_flow(context, None, tmp_path, "a b").function == "one"
    assert choose_flow(context, None, tmp_path, "two").function == "two"
    with pytest.raises(UsageError, match="there is no flow named 'one'") as caught:
        choose_flow(context, None, tmp_path, "one")
    assert len(caught.value.body) == 2


MODULES = {
    "pkg/__init__.py": "from .jobs import hello\nfrom pkg.deep.work import one as first\n",
    "pkg/jobs.py": ONE,
    "pkg/deep/__init__.py": "from . import work\nfrom .work import *\nfrom pkg import around\n",
    "pkg/deep/work.py": TWO,
    "pkg/odd.py": UNKNOWN_NAME,
    "pkg/broken.py": "def flow(:\n",
    "pkg/both.py": "",
    "pkg/both/__init__.py": ONE,
    "space/etl.py": ONE,
    "src/apart/etl.py": ONE,
    "src/pkg/jobs.py": TWO,
    "circle.py": "from circle import again\nfrom gone import away\nfrom gone_too import *\n",
}


@pytest.mark.parametrize(
    ("dotted", "code", "flow"),
    [
        ("pkg.jobs.hello", "pkg/jobs.py:hello", "hello"),
        ("pkg.hello", "pkg/jobs.py:hello", "hello"),
        ("pkg.first", "pkg/deep/work.py:one", "a b"),
        ("pkg.deep.work.two", "pkg/deep/work.py:two", "two"),
        ("pkg.both.hello", "pkg/both/__init__.py:hello", "hello"),
        ("space.etl.hello", "space/etl.py:hello", "hello"),
        ("apart.etl.hello", "src/apart/etl.py:hello", "hello"),
    ],
)
def test_a_module_is_found_as_a_run_imports_it(
    tmp_path: Path, dotted: str, code: str, flow: str
) -> None:
    """From the root, wherever the user stands; it stays named as it was."""
    write(tmp_path, MODULES)
    found = choose(tmp_path, dotted, tmp_path / "pkg")

    assert (found.entrypoint, found.code, found.flow_name) == (dotted, code, flow)


@pytest.mark.parametrize(
    ("dotted", "message", "also"),
    [
        ("pkg.nowhere.hello", "there is no module pkg.nowhere", "nor installed here"),
        ("nowhere.hello", "there is no module nowhere", "path/to/flow.py:function"),
        ("circle.away", "there is no module gone", "circle.away is imported from it"),
        ("circle.again", "circle.py has no flow again", "no function decorated with @flow"),
        ("circle.other", "circle.py has no flow other", "no function decorated with @flow"),
        ("pkg.deep.two", "pkg/deep/__init__.py has no flow two", "no function decorated"),
        ("pkg.deep.work.three", "pkg/deep/work.py has no flow three", "work.py:one  (line 4"),
        ("pkg.broken.hello", "pkg/broken.py has no flow hello", "cannot parse it"),
        ("pkg.odd.hello", "cannot tell the name of the flow pkg.odd.hello", "name= is not"),
        ("noise.hello", "noise.py is needed, and left out of the image", "!noise"),
        ("json.loads", "", "no flow loads"),
        ("sys.path", "there is no module sys", ""),
        ("pkg.class.f", "'pkg.class.f' is not an entrypoint", "package.module.function"),
        ("pkg.jobs:hello", "'pkg.jobs:hello' is not an entrypoint", "a module has a dot in its"),
    ],
)
def test_a_module_that_cannot_be_meant_is_refused(
    tmp_path: Path, dotted: str, message: str, also: str
) -> None:
    """With where it was looked for, and what is there."""
    write(tmp_path, {**MODULES, "noise.py": ONE, ".dockerignore": "noise.*\n"})
    error = refused(tmp_path, dotted)
    told = " ".join([error.message, *error.causes, *error.body, error.hint or ""])

    assert error.message.startswith(message)
    assert also in told


def test_an_installed_module_is_found_and_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor are the packages around it."""
    write(
        tmp_path,
        {"site/vendor/__init__.py": "raise SystemExit", "site/vendor/etl.py": ONE, "root/x.py": ""},
    )
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    found = choose(tmp_path / "root", "vendor.etl.hello")

    assert found.entrypoint == "vendor.etl.hello"
    assert found.path == f"{tmp_path}/site/vendor/etl.py"


@pytest.mark.parametrize(
    ("entrypoint", "requirements", "says"),
    [
        ("pkg.jobs.hello", "", None),
        ("src/apart/etl.py:hello", "", None),
        ("apart.etl.hello", "-e .\n", None),
        ("apart.etl.hello", "emoji\n", "lies in src/"),
        ("vendor.etl.hello", ".\n", "is installed here, not in the project"),
    ],
)
def test_it_is_told_where_runs_may_not_find_a_module(
    tmp_path: Path,
    entrypoint: str,
    requirements: str,
    says: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They look in the project's folder, and among what the image has installed."""
    root = write(tmp_path / "app", {**MODULES, "requirements.txt": requirements})
    monkeypatch.syspath_prepend(str(write(tmp_path / "site", {"vendor/etl.py": ONE})))
    told: list[str] = []

    def emit(event: Event) -> None:
        if isinstance(event, Warned) and event.cause:
            told.append(event.text)

    request = BuildRequest(root, root, entrypoint)
    with LocalSource(root, {}).checkout() as checkout:
        found = flow_in(survey(request, checkout, emit), request, emit)

    assert found.entrypoint == entrypoint
    assert [says in text for text in told if says] == ([True] if says else [])
    assert len(told) == bool(says)
