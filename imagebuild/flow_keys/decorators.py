"""Knows the decorators that take a function and do not call it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from imagebuild.flows import FLOW

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFECTS: Final = FLOW | {"prefect.task", "prefect.main.task", "prefect.tasks.task"}
_KNOWN: Final = _PREFECTS | {
    *("staticmethod", "classmethod", "property"),
    *("abc.abstractmethod", "contextlib.contextmanager", "contextlib.asynccontextmanager"),
    *("functools.cache", "functools.lru_cache", "functools.cached_property"),
    *("typing.final", "typing.overload", "typing.override", "typing_extensions.override"),
}
_STARRED: Final = {"flow": "prefect.flow", "task": "prefect.task"}
_UNKNOWN: Final = ""


class Decorators:
    """What the names stand for that a module uses as decorators."""

    def __init__(self, tree: ast.Module) -> None:
        self._names: dict[str, set[str]] = {}
        self._is_sure = True
        for node in _outside_functions(tree):
            self._bind(node)

    def only_known(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether nothing that decorates a function calls it."""
        if not node.decorator_list:
            return True
        return self._is_sure and all(
            self._dotted(one.func if isinstance(one, ast.Call) else one) in _KNOWN
            for one in node.decorator_list
        )

    def mere_texts(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
        """The texts that stand for nothing else: defaults, and what Prefect's decorators are given.

        https://docs.prefect.io/v3/concepts/flows#supported-options
        """
        for default in (*node.args.defaults, *node.args.kw_defaults):
            yield from [] if default is None else _texts(default)
        for one in node.decorator_list:
            if isinstance(one, ast.Call) and self._dotted(one.func) in _PREFECTS:
                for value in (*one.args, *(keyword.value for keyword in one.keywords)):
                    yield from _texts(value)

    def _bind(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                self._add(alias.asname or top, alias.name if alias.asname else top)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                if alias.name != "*":
                    self._add(alias.asname or alias.name, f"{module}.{alias.name}")
                elif module == "prefect":
                    self._names.update({name: {dotted} for name, dotted in _STARRED.items()})
                else:
                    self._is_sure = False
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self._add(node.name, _UNKNOWN)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            self._add(node.id, _UNKNOWN)

    def _add(self, name: str, dotted: str) -> None:
        self._names.setdefault(name, set()).add(dotted)

    def _dotted(self, node: ast.expr) -> str:
        if isinstance(node, ast.Attribute):
            return f"{self._dotted(node.value)}.{node.attr}"
        if not isinstance(node, ast.Name):
            return _UNKNOWN
        meant = self._names.get(node.id, {node.id})
        return next(iter(meant)) if len(meant) == 1 else _UNKNOWN


def _texts(node: ast.expr) -> Iterator[ast.expr]:
    """A text, or those that a list is made of."""
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        for one in node.elts:
            yield from _texts(one)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """All that a module is made of, but what only a call of its functions does."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from _outside_functions(child)
