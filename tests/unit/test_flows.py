"""Flows are found by reading files, and what cannot be an entrypoint is said, not hidden."""

from __future__ import annotations

import time

import pytest

from imagebuild.flows import BadEntrypoint, FoundFlow, find_flows, flows_in, parse_entrypoint

FOUND = [
    ("from prefect import flow\n@flow\ndef my_flow(): ...", "my_flow", "my-flow"),
    ("from prefect import flow\n@flow()\nasync def a__b(): ...", "a__b", "a--b"),
    ("from prefect import flow\n@flow(name='The One', retries=2)\ndef f(): ...", "f", "The One"),
    ("from prefect import flow\n@flow(name='a' 'b')\ndef f(): ...", "f", "ab"),
    ("from prefect import flow\n@flow(name=None)\ndef f_g(): ...", "f_g", "f-g"),
    ("from prefect import flow\n@flow(name='')\ndef f_g(): ...", "f_g", "f-g"),
    ("from prefect import flow\n@flow(name=NAME)\ndef f(): ...", "f", None),
    ("from prefect import flow\n@flow(name=f'{x}')\ndef f(): ...", "f", None),
    ("from prefect import flow\n@flow(**options)\ndef f(): ...", "f", None),
    ("from prefect import flow\n@flow(name='n', **options)\ndef f(): ...", "f", "n"),
    ("import prefect\n@prefect.flow\ndef f(): ...", "f", "f"),
    ("import prefect\n@prefect.flow(name='n')\ndef f(): ...", "f", "n"),
    ("import prefect as p\n@p.flow\ndef f(): ...", "f", "f"),
    ("import prefect.flows\n@prefect.flows.flow\ndef f(): ...", "f", "f"),
    ("import prefect.flows as pf\n@pf.flow()\ndef f(): ...", "f", "f"),
    ("from prefect import flows\n@flows.flow\ndef f(): ...", "f", "f"),
    ("from prefect.flows import flow as work\n@work\ndef f(): ...", "f", "f"),
    ("from prefect.main import flow\n@flow\ndef f(): ...", "f", "f"),
    ("from prefect import *\n@flow\ndef f(): ...", "f", "f"),
    ("try:\n    from prefect import flow\nexcept E: ...\n@flow\ndef f(): ...", "f", "f"),
    ("from prefect import flow\n@other\n@flow\n@more()\ndef f(): ...", "f", "f"),
    ("from prefect import flow\nif X:\n  @flow\n  def f(): ...", "f", "f"),
    ("from prefect import flow\ntry: ...\nexcept E:\n  @flow\n  def f(): ...", "f", "f"),
    ("from prefect import flow\nwith x:\n  for y in z:\n    @flow\n    def f(): ...", "f", "f"),
    ("from prefect import flow\nmatch x:\n  case 1:\n    @flow\n    def f(): ...", "f", "f"),
    ("from prefect import flow\nclass C:\n  @flow\n  @staticmethod\n  def f(): ...", "C.f", "f"),
    ("from prefect import flow\nclass C:\n  @flow\n  @classmethod\n  def f(cls): ...", "C.f", "f"),
    ("from prefect import flow\nclass C:\n class D:\n  @flow\n  def f(): ...", "C.D.f", "f"),
    ("from prefect import flow\nf = flow\n@f(name='n')\ndef g(): ...", "g", "n"),
    ("from prefect import flow\ndaily = flow(retries=3)\n@daily\ndef g(): ...", "g", "g"),
    ("from prefect import flow\ndef do_it(): ...\njob = flow(do_it)", "job", "do-it"),
    ("from prefect import flow\njob = flow(name='n')(elsewhere)", "job", "n"),
    ("from prefect import flow\njob = flow(elsewhere)", "job", None),
    ("# -*- coding: latin-1 -*-\nfrom prefect import flow\n@flow\ndef f(): 'é'", "f", "f"),
    ("\ufefffrom prefect import flow\n@flow\ndef f(): ...", "f", "f"),
    ("from prefect import flow\r\n@flow\r\ndef f(): '\\d'\r\n", "f", "f"),
]

SKIPPED = [
    (
        "from prefect import flow\ndef make():\n  @flow\n  def f(): ...",
        4,
        "inside the function make",
    ),
    ("from prefect import flow\nclass C:\n  def m(self):\n    @flow\n    def f(): ...", 5, "C.m"),
    ("from prefect import flow\nclass C:\n  @flow\n  def f(self): ...", 4, "static method"),
    (
        "from prefect import flow\nif __name__ == '__main__':\n  @flow\n  def f(): ...",
        4,
        "__main__",
    ),
    ("from metaflow import flow\n@flow\ndef f(): ...", 3, "`@flow` is not known"),
    ("from .tools import flow\n@flow()\ndef f(): ...", 3, "`@flow()` is not known"),
    ("@app.flow\ndef f(): ...", 2, "app.flow"),
    ("from prefect import flow\ndef f(:\n", 2, "cannot parse"),
    ("from prefect import flow\nx = '\0'\n", None, "cannot parse"),
    ("# -*- coding: no-such -*-\nflow", None, "cannot parse"),
    ("flow = " + "(" * 500 + ")" * 500, None, "cannot parse"),
    ("flow\nif x: ...\n" + "elif x: ...\n" * 3000, None, "cannot parse"),
]

NO_FLOW = [
    "def workflow(): ...",
    "from prefect import flow\n\ndef f(): ...",
    "from prefect import task, flow\n@task\ndef f(): ...",
    "from prefect import flow\nfrom prefect.flows import Flow\n@flow.cache\ndef f(): ...",
    "'''@flow\ndef f(): ...'''",
    "from prefect import flow\nif __name__ == '__main__':\n  g = f.with_options(name='x')",
    "",
]


def encoded(source: str) -> bytes:
    """The bytes of a source, in the encoding that it names."""
    return source.encode("latin-1" if "latin-1" in source else "utf-8")


@pytest.mark.parametrize(("source", "function", "name"), FOUND)
def test_flow_is_found(source: str, function: str, name: str | None) -> None:
    """Every way to make a flow that Prefect can load is found, with the name Prefect gives it."""
    found, skipped = flows_in(encoded(source), "jobs/daily.py")

    assert [(flow.function, flow.flow_name) for flow in found] == [(function, name)]
    assert skipped == ()


@pytest.mark.parametrize(("source", "line", "reason"), SKIPPED)
def test_what_is_no_entrypoint_is_reported(source: str, line: int | None, reason: str) -> None:
    """A flow that Prefect could not load, and a file that cannot be read, are named with why."""
    found, (skipped,) = flows_in(encoded(source), "jobs/daily.py")

    assert found == ()
    assert skipped.path == "jobs/daily.py"
    assert line is None or skipped.line == line
    assert reason in skipped.reason


@pytest.mark.parametrize("source", NO_FLOW)
def test_other_code_is_silent(source: str) -> None:
    """A file without flows is neither listed nor reported."""
    assert flows_in(source.encode(), "a.py") == ((), ())


def test_options_make_another_flow() -> None:
    """`with_options` on a flow of the file is a flow of its own, by its own name."""
    source = b"""from prefect import flow
@flow
def my_job(): ...
nightly = my_job.with_options(name="nightly")
retried = my_job.with_options(retries=1)
unknown = elsewhere.with_options(name="x")
"""
    found, skipped = flows_in(source, "f.py")

    assert found == (
        FoundFlow("f.py", "my_job", "my-job", 3),
        FoundFlow("f.py", "nightly", "nightly", 4),
        FoundFlow("f.py", "retried", "my-job", 5),
    )
    assert skipped == ()
    assert found[1].entrypoint == "f.py:nightly"


@pytest.mark.parametrize(
    ("source", "maybe"),
    [
        ("from .tools import flow\n@flow\ndef f(): ...", FoundFlow("f.py", "f", None, 3)),
        (
            "import prefect\nclass C:\n  @classmethod\n  @prefect.flow(name='n')\n  def f(c): ...",
            FoundFlow("f.py", "C.f", "n", 5),
        ),
        ("import prefect\ndef g():\n  @prefect.flow\n  def f(): ...", None),
    ],
)
def test_doubtful_flow_can_be_asked_for(source: str, maybe: FoundFlow | None) -> None:
    """What may be a flow is not listed as one, and is still known by its entrypoint."""
    found, (skipped,) = flows_in(source.encode(), "f.py")

    assert found == ()
    assert skipped.maybe == maybe


def test_last_definition_counts() -> None:
    """Of two flows of one name the entrypoint means the later, and the earlier is reported."""
    source = b"from prefect import flow\n@flow\ndef f(): ...\n@flow(name='x')\ndef f(): ...\n"
    (found,), (skipped,) = flows_in(source, "f.py")

    assert found == FoundFlow("f.py", "f", "x", 5)
    assert (skipped.line, skipped.reason) == (3, "f is defined again in line 5")


def test_files_keep_their_order_and_tests_are_listed() -> None:
    """Files are searched in the order given, test files like the others."""
    source = b"from prefect import flow\n@flow\ndef f(): ...\n"

    found, skipped = find_flows(
        (path, lambda: source) for path in ("z.py", "tests/test_a.py", "conftest.py", "a.py")
    )

    assert [flow.path for flow in found] == ["z.py", "tests/test_a.py", "conftest.py", "a.py"]
    assert skipped == ()


def test_only_python_files_are_read() -> None:
    """Prefect loads files that end in .py, so no other is opened."""
    found, skipped = find_flows([("a.ipynb", pytest.fail), ("b.txt", pytest.fail)])

    assert (found, skipped) == ((), ())


def test_unreadable_file_is_reported() -> None:
    """A file that cannot be read does not end the search."""

    def refuse() -> bytes:
        raise PermissionError(13, "Permission denied")

    found, (skipped,) = find_flows(
        [("a.py", refuse), ("b.py", lambda: b"import prefect\n@prefect.flow\ndef f(): ...")]
    )

    assert [flow.path for flow in found] == ["b.py"]
    assert (skipped.path, skipped.line) == ("a.py", None)
    assert skipped.reason == "cannot be read: Permission denied"


def test_files_without_the_word_are_not_parsed() -> None:
    """A large project is searched in no time: its 2,000 other files are not even parsed."""
    source = b"def f(:\n" + b"x = 1\n" * 10_000
    began = time.process_time()

    assert find_flows((f"{n}.py", lambda: source) for n in range(2000)) == ((), ())
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("text", "path", "function"),
    [
        ("flow.py:main", "flow.py", "main"),
        ("./jobs//daily.py:run", "jobs/daily.py", "run"),
        ("a b/é.py:été", "a b/é.py", "été"),
        ("f.py:C.D.run", "f.py", "C.D.run"),
        ("a:b.py:run", "a:b.py", "run"),
        ("jobs/../f.py:run", "f.py", "run"),
    ],
)
def test_entrypoint_is_a_file_and_a_function(text: str, path: str, function: str) -> None:
    """The path is cleaned; the function may lie in classes."""
    entrypoint = parse_entrypoint(text)

    assert (entrypoint.path, entrypoint.function) == (path, function)
    assert str(entrypoint) == f"{path}:{function}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("flow.py", "no colon"),
        ("package.module.run", "no colon"),
        ("package.module:run", "ends in .py"),
        ("jobs\\daily.py:run", "written with /"),
        ("/jobs/daily.py:run", "lie in the project"),
        ("../daily.py:run", "lie in the project"),
        ("jobs/../../daily.py:run", "lie in the project"),
        ("flow.py:", "function's name"),
        ("flow.py:run()", "function's name"),
        ("flow.py:C..run", "function's name"),
        ("flow.py:f.<locals>.g", "function's name"),
        ("flow.py:class", "function's name"),
        ("fl\now.py:run", "cannot be printed"),
        (":run", "ends in .py"),
        ("", "no colon"),
    ],
)
def test_malformed_entrypoint_says_why(text: str, reason: str) -> None:
    """What is no entrypoint is refused with the text and the reason."""
    with pytest.raises(BadEntrypoint, match=reason) as caught:
        parse_entrypoint(text)

    assert caught.value.text == text
    assert reason in caught.value.reason
