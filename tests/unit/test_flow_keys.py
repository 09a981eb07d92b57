"""A flow's key changes with whatever may change its parameters, and with little else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagebuild.context import read_context
from imagebuild.flow_keys import Doubt, keys_of
from imagebuild.flows import FoundFlow
from tests.support.flow_edits import EDITS, PROJECT, Edit, key
from tests.unit.values import write

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "from prefect import flow, task\n"
SMALL = f"{HEAD}@flow\ndef hello(x: int = 1):\n    return x\n"

# Whatever Python's grammar of 3.10 has; the key of it is the same on every later release.
GRAMMAR = r'''
import a.b, c as d
from e import (f as g, h)
@flow(name="é\u2028🚀" "b", **{"retries": -1})
async def hello(a, /, b: "int | None" = 0x10, *c: int, d=1_000.5e3, e=1j, **f) -> None:
    """Say "hello".\d"""
    async with a as b, c: pass
x: int = [*a, *b][1:2, ..., ::3] if not a else (yield_ := lambda *a, k=1, **b: (a, b))
y = f"a{x!r:>{width}}b{{}}" f"{x=}" 'c' f"{x:{y}{z}}" f'{d["k"]}' u"f", rb'\x00\d' b"e"
z = {1: 2, **a}, {1, 2}, [i for i in a if b if c for j in d], {k: v for k, v in a}, {i for i in a}
while a < b <= c is not None not in d: continue
else: del a.b[0], c
try: raise A from b
except (A, B) as e: global_ = e
finally: assert a, "m"
for i, *j in a @ b // c ** -d: a @= b
with (given as a, b as c): pass
match a:
    case {"k": [1, *r], **s} | A(b, c=d) | None | -1 | "x" if r: pass
    case _: pass
class C(A, metaclass=B):
    async def m(self):
        nonlocal_ = await a; return [i async for i in a]
    def n(self): yield; yield from a
'''


def made(edit: Edit) -> str | None:
    """The key afterwards, None where there is a doubt."""
    try:
        return key(edit.applied())
    except Doubt:
        return None


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.what)
def test_an_edit_does_to_the_key_what_it_should(edit: Edit) -> None:
    """Whatever may change what Prefect reads changes the key, or leaves none."""
    before, after = key(PROJECT), made(edit)
    found = "doubt" if after is None else "same" if after == before else "other"
    assert found == edit.key


def test_the_key_is_the_same_on_every_python() -> None:
    """This test runs on all of them."""
    made = key({"flow.py": f"{HEAD}{GRAMMAR}"})
    assert made == "0d92a4a5ce7abda101675117caec305c2734475315b6bf9823eba253d877b270"


@pytest.mark.parametrize(
    ("path", "line", "at"),
    [
        ("flow.py", "import company", "company.py"),
        ("flow.py", "import company", "src/company/__init__.py"),
        ("flow.py", "from company import part", "src/company/part.py"),
        ("flow.py", "import company.part as p", "packages/one/src/company/part.py"),
        ("flow.py", "from company import part", "lib/company/part/__init__.py"),
        ("jobs/flow.py", "import beside", "jobs/beside.py"),
        ("jobs/flow.py", "from . import beside", "jobs/beside.py"),
        ("jobs/flow.py", "from .beside import x", "jobs/beside.py"),
        ("jobs/flow.py", "from . import beside", "jobs/__init__.py"),
        ("jobs/deep/flow.py", "from ..other.part import x", "jobs/other/part.py"),
        ("flow.py", "import fast", "fast.cpython-311-x86_64-linux-gnu.so"),
        ("flow.py", "try:\n    import slow\nexcept ImportError: ...", "slow.py"),
        ("flow.py", "if a:\n    import slow", "slow.py"),
        ("flow.py", "class C:\n    import slow", "slow.py"),
        ("flow.py", "def used():\n    import slow\nX = used()", "slow.py"),
        ("flow.py", "from typing import *\nimport slow", "slow.py"),
    ],
)
def test_a_module_counts_wherever_it_is_imported_from(path: str, line: str, at: str) -> None:
    """No file tells where the path of imports will begin, so each that may be meant counts."""
    keys = {key({path: f"{line}\n{SMALL}", at: text}, path) for text in ("x = 1", "x = 2")}
    keys.add(key({path: f"{line}\n{SMALL}"}, path))
    assert len(keys) == 3


@pytest.mark.parametrize(
    "line", ["import shared", "from shared.part import x", "from . import shared"]
)
def test_a_link_leaves_a_doubt(line: str) -> None:
    """Where it leads is not looked up."""
    with pytest.raises(Doubt, match="shared may be a link"):
        key({"jobs/flow.py": f"{line}\n{SMALL}"}, "jobs/flow.py", links=("jobs/shared",))


@pytest.mark.parametrize(
    "decorated",
    [
        "@other\n@flow\ndef hello(): {}",
        "@flow\n@other\ndef hello(): {}",
        "flow = other(flow)\n@flow\ndef hello(): {}",
        "from own import flow\n@flow\ndef hello(): {}",
        "from own import *\n@flow\ndef hello(): {}",
        "@flow\ndef hello(): {}\nhello()",
        "@flow\ndef hello(): {}\nnightly = hello.with_options(name='nightly')",
        "def __getattr__(name): {}\n@flow\ndef hello(): ...",
        "class C:\n    def __init__(self): {}\n@flow\ndef hello(): ...",
        "class C(Base):\n    def m(self): {}\n@flow\ndef hello(): ...",
        "@dataclass\nclass C:\n    def m(self): {}\n@flow\ndef hello(): ...",
        "def m(): {}\n@flow(on_failure=[m])\ndef hello(): ...",
        "def m(): {}\n@flow\ndef hello(x: 'Annotated[int, m()]'): ...",
        "X = lambda: {}\n@flow\ndef hello(): ...",
    ],
)
def test_a_body_counts_where_somebody_may_call_it(decorated: str) -> None:
    """A decorator that is not known, Python, a framework, or code that uses its name."""
    one, other = (key({"flow.py": HEAD + decorated.format(body)}) for body in ("1", "2"))
    assert one != other


@pytest.mark.parametrize(
    ("source", "function"),
    [
        ("class C:\n    @staticmethod\n    @flow\n    def f(x=1): {}", "C.f"),
        ("import prefect as p\n@p.flow(name='a')\nasync def hello(): {}", "hello"),
        ("from prefect import *\n@task\ndef work(): {}\n@flow\ndef hello(): work()", "hello"),
        ("if a:\n    @flow\n    def hello(): {}", "hello"),
        ("@task\ndef work(): {}\n@flow\ndef hello(): work()\nwork_later = 1", "hello"),
    ],
)
def test_a_body_that_only_a_run_calls_does_not_count(source: str, function: str) -> None:
    """However the flow is defined."""
    one, other = (
        key({"flow.py": HEAD + source.format(body)}, function=function) for body in ("1", "2")
    )
    assert one == other


def test_the_function_is_in_the_key() -> None:
    """Two flows of a file have two keys; what the file does not define has none."""
    assert key(PROJECT, function="other") != key(PROJECT)
    with pytest.raises(Doubt, match="does not define gone exactly once"):
        key(PROJECT, function="gone")


def test_the_keys_of_a_project_leave_out_what_is_in_doubt(tmp_path: Path) -> None:
    """A doubt about one flow says nothing of the others."""
    context = read_context(
        write(tmp_path, {"a.py": SMALL, "b.py": f"exec('')\n{SMALL}", "c.py": SMALL})
    )
    (tmp_path / "c.py").write_text("changed = 'meanwhile'\n")
    flows = [FoundFlow(path, "hello", "hello", 3) for path in ("a.py", "b.py", "c.py")]
    assert list(keys_of(context, flows)) == ["a.py:hello"]
