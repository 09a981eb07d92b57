"""Finds the Prefect flows in a project's files by reading them, never by importing them.

A deployment names its flow by an entrypoint, mostly `path/to/file.py:function`, where the function
may lie in a class (`file.py:Class.method`). What Prefect loads from one was checked with 3.8.8:
https://github.com/PrefectHQ/prefect/blob/main/src/prefect/flows.py
"""

from __future__ import annotations

import ast
import sys
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from imagebuild.entrypoint import (
    BadEntrypoint,
    Entrypoint,
    FoundFlow,
    Skipped,
    parse_entrypoint,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = [
    "FLOW",
    "FLOW_WORD",
    "BadEntrypoint",
    "Entrypoint",
    "FoundFlow",
    "Skipped",
    "find_flows",
    "flows_in",
    "imported",
    "is_main_guard",
    "parse_entrypoint",
]

FLOW_WORD = b"flow"  # a file without it has no flow
_PYTHON = ".".join(map(str, sys.version_info[:2]))
FLOW = frozenset({"prefect.flow", "prefect.main.flow", "prefect.flows.flow"})
_NOT_MAIN = 'it is under `if __name__ == "__main__"`, which does not run in a deployment'
# https://docs.python.org/3/whatsnew/3.13.html#builtins: class methods no longer wrap descriptors.
_CLASSMETHOD = "from Python 3.13 on, @classmethod above @flow hides the flow; write @flow first"
_Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"


def find_flows(
    files: Iterable[tuple[str, Callable[[], bytes]]],
) -> tuple[tuple[FoundFlow, ...], tuple[Skipped, ...]]:
    """The flows in files, each given as its path and a way to read it; in the files' order.

    Files that do not end in `.py` are not read: Prefect loads no other. A file whose reader raises
    OSError is among the skipped.
    """
    found: list[FoundFlow] = []
    skipped: list[Skipped] = []
    for path, read in files:
        if not path.endswith(".py"):
            continue
        try:
            source = read()
        except OSError as error:
            skipped.append(Skipped(path, None, f"cannot be read: {error.strerror or error}"))
            continue
        flows, others = flows_in(source, path)
        found += flows
        skipped += others
    return tuple(found), tuple(skipped)


def flows_in(source: bytes, path: str) -> tuple[tuple[FoundFlow, ...], tuple[Skipped, ...]]:
    """The flows in one file, and what was skipped in it, each by line."""
    if FLOW_WORD not in source:
        return (), ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in strings are no concern of ours
            tree = ast.parse(source)
        search = _Search(path, imported(tree))
        search.body(tree.body, ())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        said = getattr(error, "msg", None) or str(error) or type(error).__name__
        line = getattr(error, "lineno", None)
        return (), (Skipped(path, line, f"Python {_PYTHON} cannot parse it: {said}"),)
    return search.result()


def imported(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for, as a dotted path, wherever in the file it is imported."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                if alias.name == "*" and module in {"prefect", "prefect.main", "prefect.flows"}:
                    names.setdefault("flow", "prefect.flow")
                dot = "" if module.endswith(".") else "."
                names[alias.asname or alias.name] = f"{module}{dot}{alias.name}"
    return names


@dataclass
class _Search:
    """The search through one file: what names stand for so far, and what was found."""

    path: str
    names: dict[str, str]
    made: dict[str, ast.Call] = field(default_factory=dict)
    functions: set[str] = field(default_factory=set)
    found: dict[str, FoundFlow] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)

    def result(self) -> tuple[tuple[FoundFlow, ...], tuple[Skipped, ...]]:
        found = sorted(self.found.values(), key=lambda flow: flow.line)
        return tuple(found), tuple(sorted(self.skipped, key=lambda skip: skip.line or 0))

    def skip(self, line: int, reason: str, maybe: FoundFlow | None = None) -> None:
        self.skipped.append(Skipped(self.path, line, reason, maybe))

    def add(self, qualified: str, name: str | None, line: int) -> None:
        if earlier := self.found.get(qualified):
            self.skip(earlier.line, f"{qualified} is defined again in line {line}")
        self.found[qualified] = FoundFlow(self.path, qualified, name, line)

    def body(self, body: Sequence[ast.stmt], inside: tuple[str, ...], why_not: str = "") -> None:
        """Search statements; `inside` are the classes around, `why_not` bars every flow there."""
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self.function(node, inside, why_not)
            elif isinstance(node, ast.ClassDef):
                self.body(node.body, (*inside, node.name), why_not)
            elif isinstance(node, ast.Assign) and not inside and not why_not:
                self.assignment(node)
            elif isinstance(node, ast.If) and is_main_guard(node.test):
                self.body(node.body, inside, why_not or _NOT_MAIN)
                self.body(node.orelse, inside, why_not)
            else:
                self.body(list(_statements(node)), inside, why_not)

    def function(self, node: _Function, inside: tuple[str, ...], why_not: str) -> None:
        qualified = ".".join((*inside, node.name))
        self.functions.add(qualified)
        for decorator in node.decorator_list:
            known = self.decorator(decorator)
            if known is None:
                continue
            line, default = node.lineno, _default_name(node.name)
            reason = why_not or (_needs_object(node) if inside else "")
            if reason:
                self.skip(line, f"{qualified} cannot be an entrypoint: {reason}")
            elif isinstance(known, str):
                maybe = FoundFlow(self.path, qualified, None, line)
                self.skip(line, f"{qualified}: {known}", maybe)
            elif _under_classmethod(node, decorator):
                maybe = FoundFlow(self.path, qualified, _flow_name(known, default), line)
                self.skip(line, f"{qualified}: {_CLASSMETHOD}", maybe)
            else:
                self.add(qualified, _flow_name(known, default), line)
            break
        self.body(node.body, inside, why_not or f"it is defined inside the function {qualified}")

    def decorator(self, node: ast.expr) -> list[ast.keyword] | str | None:
        """The keywords of a flow decorator; or why it may be one; or None, if it is none."""
        called = node if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Name) and node.id in self.made:
            return self.made[node.id].keywords
        dotted = self.dotted(called.func if called else node)
        if dotted in FLOW:
            return called.keywords if called else []
        if dotted.rpartition(".")[2] == "flow":
            return f"`@{ast.unparse(node)}` is not known to be Prefect's"
        return None

    def dotted(self, node: ast.expr) -> str:
        if isinstance(node, ast.Attribute):
            return f"{self.dotted(node.value)}.{node.attr}"
        return self.names.get(node.id, node.id) if isinstance(node, ast.Name) else ""

    def default_name(self, work: ast.expr) -> str | None:
        here = isinstance(work, ast.Name) and work.id in self.functions
        return _default_name(ast.unparse(work)) if here else None

    def assignment(self, node: ast.Assign) -> None:
        """`f = flow`, `daily = flow(retries=3)`, `job = flow(work)`, `b = a.with_options(…)`."""
        target, value = node.targets[0], node.value
        if isinstance(target, ast.Name) and self.dotted(value) in FLOW:
            self.names[target.id] = self.dotted(value)
        if not isinstance(target, ast.Name) or not isinstance(value, ast.Call):
            return
        if isinstance(value.func, ast.Attribute) and value.func.attr == "with_options":
            base = self.found.get(self.dotted(value.func.value))
            if base:
                self.add(target.id, _flow_name(value.keywords, base.flow_name), node.lineno)
        elif isinstance(keywords := self.decorator(value.func), list):
            made = keywords if isinstance(value.func, ast.Call) else value.keywords
            if value.args:
                default = self.default_name(value.args[0])
                self.add(target.id, _flow_name(made, default), node.lineno)
            else:
                self.made[target.id] = value


def _default_name(function: str) -> str:
    return function.replace("_", "-")


def _flow_name(keywords: list[ast.keyword], default: str | None) -> str | None:
    """The name that Prefect gives: a literal, or else the default if no keyword can change it."""
    given = {keyword.arg: keyword.value for keyword in keywords}
    value = given.get("name", ast.Constant(None))
    if isinstance(value, ast.Constant) and value.value:
        return str(value.value)
    unknown = None in given or not isinstance(value, ast.Constant)  # None: `**options`
    return None if unknown else default


def _needs_object(node: _Function) -> str:
    parameters = [*node.args.posonlyargs, *node.args.args]
    if not parameters or parameters[0].arg != "self":
        return ""
    return "it is called on an object, and a deployment has none; make it a static method"


def _under_classmethod(node: _Function, decorator: ast.expr) -> bool:
    above = node.decorator_list[: node.decorator_list.index(decorator)]
    return any(isinstance(other, ast.Name) and other.id == "classmethod" for other in above)


def is_main_guard(test: ast.expr) -> bool:
    """Whether it asks for `__main__`, which a flow's module never is when Prefect loads it."""
    return isinstance(test, ast.Compare) and ast.unparse(test) in {
        "__name__ == '__main__'",
        "'__main__' == __name__",
    }


def _statements(node: ast.stmt) -> Iterator[ast.stmt]:
    """The statements right inside `try`, `with`, `for`, `match` and the like."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, (ast.ExceptHandler, ast.match_case)):
            yield from child.body
