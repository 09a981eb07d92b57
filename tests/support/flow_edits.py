"""A project with one flow, and edits of it, each with what it should do to the flow's key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, Literal

from imagebuild.flow_keys import Keys, Modules
from imagebuild.node import Node

if TYPE_CHECKING:
    from collections.abc import Mapping

FLOW: Final = '''"""A project's flow."""
import datetime
import functools
import logging
import os
from enum import Enum
from typing import TYPE_CHECKING, Annotated, List, Literal, Optional

from prefect import flow, task
from pydantic import BaseModel, Field

import company.names as names
import company.sizes as sizes
from company.defaults import limit as default_limit

if TYPE_CHECKING:
    from company.checked import Checked

logger = logging.getLogger(__name__)
SERVER = os.environ.get("SERVER", "none")
Mode = Literal["fast", "slow"]
START = datetime.date(2024, 1, 1)


class Colour(Enum):
    RED = "red"


class Options(BaseModel):
    size: int = 3

    def double(self):
        return self.size * 2


class Plain:
    unit = "m"

    def length(self):
        return 1

    def width(self):
        return 2


def count():
    return 7


def helper(x):
    """Help."""
    from company import late
    return late.more(x) + open(SERVER).read()


def about():
    return "It greets."


@functools.lru_cache
def cached():
    return 1


@task(retries=2)
def work(x):
    return helper(x)


@flow(name="hello", description=about())
def hello(
    name: str = names.DEFAULT,
    n: int = count(),
    limit: int = default_limit(),
    mode: Mode = "fast",
    colour: Colour = Colour.RED,
    options: Optional[Options] = None,
    size: sizes.Size = 1,
    width: int = Plain().width(),
    start: datetime.date = START,
    several: List[int] = [1, 2],
):
    """Greet.

    Args:
        name: who is greeted
    """
    logger.info("hello %s", name)
    return work(n)


@flow
def other(x: int = 1):
    """Do something else."""
    return hello(n=x)


if __name__ == "__main__":
    hello(name="me")
'''
PROJECT: Final[Mapping[str, str]] = {
    "flow.py": FLOW,
    "company/__init__.py": "",
    "company/names.py": 'DEFAULT = "world"\n\n\ndef unused():\n    return 1\n',
    "company/defaults.py": (
        "def base():\n    return 5\n\n\ndef limit():\n    return base() * 2\n\n\n"
        "def unused():\n    return 1\n"
    ),
    "company/sizes.py": "from company.deep import Deep\n\nSize = Deep\n",
    "company/deep.py": "Deep = int\n",
    "company/checked.py": "class Checked: ...\n",
    "company/late.py": "def more(x):\n    return x\n",
    "data/values.json": "{}",
}

Key = Literal["same", "other", "doubt"]


@dataclass(frozen=True)
class Edit:
    """One text of a file that gives way to another; without an old one, a file that is new."""

    what: str
    key: Key
    old: str
    new: str
    path: str = "flow.py"

    def applied(self) -> dict[str, str]:
        """The project afterwards."""
        before = PROJECT.get(self.path, "")
        assert before.count(self.old) == 1 or not self.old
        return {**PROJECT, self.path: before.replace(self.old, self.new, 1)}


def at_import(what: str, line: str, key: Key = "doubt") -> Edit:
    """A line that runs when the module is imported, and gives a default."""
    return Edit(what, key, "class Plain:", f"{line}\n\n\nclass Plain:")


EDITS: Final = (
    Edit("the flow's body", "same", "return work(n)", "return work(n + 1)"),
    Edit("a line in the flow's body", "same", "return work(n)", "n += 1\n    return work(n)"),
    Edit("a task's body", "same", "return helper(x)", "return helper(x) + 1"),
    Edit("a body that reads", "same", "open(SERVER).read()", "1"),
    Edit("a docstring of no flow", "same", '"""Help."""', '"""Help more."""'),
    Edit("another flow's docstring", "same", "something else", "something"),
    Edit("a cached function's body", "same", "def cached():\n    return 1", "def cached(): ..."),
    Edit("a comment", "same", "def helper", "# It helps.\ndef helper"),
    Edit("blank lines", "same", "def helper", "\n\ndef helper"),
    Edit("layout", "same", "n: int = count(),", "n: (\n        int\n    )=count( ),"),
    Edit("quotes", "same", '= "fast"', "= 'fast'"),
    Edit("a guarded call", "same", 'hello(name="me")', "hello(name=str(1), n=eval('2'))"),
    Edit("a method that nobody calls", "same", "return 1\n\n    def w", "...\n\n    def w"),
    Edit("another function of a module", "same", "return 1", "return 2", "company/names.py"),
    Edit("a function beside a called one", "same", "return 1", "return 2", "company/defaults.py"),
    Edit("a module imported late", "same", "return x", "return exec(x)", "company/late.py"),
    Edit("a new file", "same", "", "x = 1", "company/new.py"),
    Edit("a file of data", "same", "{}", "[]", "data/values.json"),
    Edit("a default", "other", '= "fast"', '= "slow"'),
    Edit("true for one", "other", "sizes.Size = 1", "sizes.Size = True"),
    Edit("a default among several", "other", "[1, 2]", "[1, 3]"),
    Edit("an annotation", "other", "name: str", "name: int"),
    Edit("a parameter's name", "other", "n: int = count()", "m: int = count()"),
    Edit("a new parameter", "other", "    mode: Mode", "    more: int = 1,\n    mode: Mode"),
    Edit("no default", "other", 'name: str = names.DEFAULT', "name: str"),
    Edit("the docstring's parameter", "other", "who is greeted", "who is not greeted"),
    Edit("the docstring's first line", "other", "Greet.", "Greet them."),
    Edit("the description", "other", "It greets.", "It waves."),
    Edit("a word of the decorator", "other", "description=about()", 'description="New."'),
    Edit("a called function", "other", "return 7", "return 8"),
    Edit("a called function's default", "other", "def count():\n    return 7",
         "def count(n=8):\n    return n"),
    Edit("a called method", "other", "return 2\n", "return 3\n"),
    Edit("a called function elsewhere", "other", "base() * 2", "base() * 3", "company/defaults.py"),
    Edit("what that one calls", "other", "return 5", "return 6", "company/defaults.py"),
    Edit("a constant elsewhere", "other", '"world"', '"moon"', "company/names.py"),
    Edit("a type elsewhere", "other", "Deep = int", "Deep = str", "company/deep.py"),
    Edit("an alias of a type", "other", '"fast", "slow"', '"fast", "slow", "still"'),
    Edit("an enumeration", "other", 'RED = "red"', 'RED = "red"\n    BLUE = "blue"'),
    Edit("a model's field", "other", "size: int = 3", "size: int = Field(3, ge=1)"),
    Edit("a model's method", "other", "self.size * 2", "self.size * 3"),
    at_import("a value by the way", "X = (Y := os.getenv('Y'))", "other"),
    Edit("a value", "other", "(2024, 1, 1)", "(2025, 1, 1)"),
    Edit("a package's own code", "other", "", "import company.names as n\nn.DEFAULT = 'all'\n",
         "company/__init__.py"),
    Edit("a module in the way of another", "other", "", "x = 1\n", "enum/__init__.py"),
    Edit("another call of the function", "other", "return base() * 2", "return base() * 2\nbase()",
         "company/defaults.py"),
    Edit("a decorator of its own", "other", "@functools.lru_cache",
         "def twice(f):\n    return f\n\n\n@twice"),
    at_import("no text that is compiled", "X = re.compile('x')", "other"),
    at_import("a value that nobody takes", "X = os.getenv('X')", "other"),
    at_import("code from text", "exec('x = 1')"),
    at_import("a name made up", "X = getattr(names, 'DEF' + 'AULT')"),
    at_import("a dynamic import", "import importlib\nX = importlib.import_module('company')"),
    at_import("an own path of imports", "import sys\nsys.path.insert(0, '..')"),
    at_import("the same by another name", "from sys import path as p\np.append('..')"),
    at_import("all names of a module", "from company.names import *"),
    at_import("a file that is read", "print(open('x'))"),
    at_import("a path that is read", "import pathlib\nprint(pathlib.Path('x').read_text())"),
    at_import("a file that is named", "print('data/values.json')"),
    at_import("a folder that is named", "print('data')"),
    at_import("the environment", "if os.environ.get('X'):\n    MODE = 1"),
    at_import("the clock", "print(datetime.date.today())"),
    at_import("above the project", "from ..x import y"),
    at_import("code that does not parse", "def ("),
    at_import("the function again", "def hello(): ..."),
    Edit("a default that is read", "doubt", "names.DEFAULT", "os.environ['NAME']"),
    Edit("a default that was read", "doubt", "names.DEFAULT", "SERVER"),
    Edit("a called function that reads", "doubt", "return 7", "return int(open('n').read())"),
    Edit("a model that reads", "doubt", "size: int = 3",
         "size: int = Field(default_factory=lambda: int(os.environ['SIZE']))"),
    Edit("a module elsewhere that reads", "doubt", '"world"', "dict(**vars())", "company/names.py"),
)  # fmt: skip


def key(
    files: Mapping[str, str],
    path: str = "flow.py",
    function: str = "hello",
    links: tuple[str, ...] = (),
) -> str:
    """The key of a flow in a project of these files; raises `Doubt`."""
    folders = {str(folder) for name in files for folder in PurePosixPath(name).parents} - {"."}
    nodes = [
        *(Node(name, "directory", 0o755) for name in sorted(folders)),
        *(Node(name, "file", 0o644) for name in files),
        *(Node(name, "link", 0o777, target="elsewhere") for name in links),
    ]
    return Keys(Modules(nodes), lambda name: files[name].encode()).key(path, function)
