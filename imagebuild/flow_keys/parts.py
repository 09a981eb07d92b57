"""Takes a module apart: what runs when it is imported, and what only runs when it is called."""

from __future__ import annotations

import ast
import hashlib
import re
import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from imagebuild.flow_keys.decorators import Decorators
from imagebuild.flow_keys.doubts import Doubt
from imagebuild.flow_keys.modules import Import
from imagebuild.flows import is_main_guard

if TYPE_CHECKING:
    from collections.abc import Iterable

# Nothing of what an object means, or not the same in every release of Python.
_UNSAID: Final = {"ctx", "kind", "type_comment", "type_ignores"}
# Names that these hold are given, not used.
_GIVEN: Final = {ast.arg: "arg", ast.keyword: "arg", ast.ExceptHandler: "name"}
_WORD: Final = re.compile(r"[^\W\d]\w*")
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass
class Part:
    """Code that runs as one.

    `digest` is of its normal form, without comments and layout; `names` are those that it uses,
    each attribute's also behind that of what it is taken from, and `texts` the texts. `words` are
    all names that they may stand for. `aliases` are the names that imports gave to others.
    """

    digest: str = ""
    names: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    imports: list[Import] = field(default_factory=list)
    aliases: set[tuple[str, str]] = field(default_factory=set)

    @property
    def words(self) -> set[str]:
        """The names, and those that the texts hold."""
        return self.names.union(*(_WORD.findall(text) for text in self.texts))


@dataclass
class Module:
    """A module: `top` runs when it is imported, each of `bodies` when its function is called.

    `values` are what `top` gives to names, and nothing else. `defined` counts the functions and
    classes of each name, `bound` are the names of values; `docstrings` are by the functions' names
    with those of their classes.
    """

    top: Part
    bodies: list[tuple[str, Part]] = field(default_factory=list)
    values: list[tuple[set[str], Part]] = field(default_factory=list)
    defined: Counter[str] = field(default_factory=Counter)
    bound: set[str] = field(default_factory=set)
    docstrings: dict[str, list[str]] = field(default_factory=dict)


def read_module(source: bytes) -> Module:
    """Take a module's source apart. Raises `Doubt` where this Python cannot parse it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in strings are no concern of ours
            tree = ast.parse(source)
        module = Module(Part())
        _Reader(module, module.top, Decorators(tree)).read(tree.body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        message = f"cannot parse it: {type(error).__name__}"
        raise Doubt(message) from error
    return module


class _Reader:
    """Reads statements into a part; with `whole`, what is defined in them is not told apart."""

    def __init__(
        self, module: Module, part: Part, decorators: Decorators, *, whole: bool = False
    ) -> None:
        self._module = module
        self._part = part
        self._decorators = decorators
        self._whole = whole
        self._classes: tuple[str, ...] = ()
        self._mere_texts: set[ast.AST] = set()
        self._form = hashlib.sha256()

    def read(self, statements: Iterable[ast.AST]) -> None:
        """Read them all, to the end of the part."""
        for statement in statements:
            self._node(statement)
        self._part.digest = self._form.hexdigest()

    def _say(self, text: str) -> None:
        self._form.update(text.encode("ascii", "backslashreplace"))

    def _node(self, node: ast.AST) -> None:
        if isinstance(node, _Function):
            self._function(node)
        elif isinstance(node, ast.ClassDef):
            self._class(node)
        elif isinstance(node, ast.If) and is_main_guard(node.test) and not self._whole:
            self._value(node.orelse)
        elif _is_docstring(node):
            self._say(ascii(node.value.value))  # type: ignore[attr-defined]
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and not self._whole:
            self._assignment(node)
        else:
            self._note(node)
            self._fields(node)

    def _fields(self, node: ast.AST, without: str = "") -> None:
        self._say(f"{type(node).__name__}(")
        for name in node._fields:
            value = getattr(node, name, None)
            if name in _UNSAID or name == without or value is None or value == []:
                continue
            self._say(f"{name}=")
            if isinstance(node, ast.JoinedStr):  # empty ones between differ between releases
                value = [one for one in value if getattr(one, "value", None) != ""]
            self._value(value)
        self._say(")")

    def _value(self, value: Any) -> None:
        if isinstance(value, ast.AST):
            self._node(value)
        elif isinstance(value, list):
            self._say("[")
            for one in value:
                self._value(one)
                self._say(",")
            self._say("]")
        else:
            self._say(hex(value) if type(value) is int else ascii(value))

    def _note(self, node: ast.AST) -> None:
        """What a piece of code uses, and what it gives names to."""
        part = self._part
        if isinstance(node, ast.Name):
            self._name(node)
        elif isinstance(node, ast.Attribute):
            part.names.add(node.attr)
            if isinstance(node.value, ast.Name):
                part.names.add(f"{node.value.id}.{node.attr}")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            part.texts |= {node.value} if node not in self._mere_texts else set()
        elif isinstance(node, ast.MatchClass):
            part.names.update(node.kwd_attrs)
        elif isinstance(node, ast.Import):
            part.imports += [Import(alias.name) for alias in node.names]
            part.aliases |= {(one.asname, one.name) for one in node.names if one.asname}
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            part.imports.append(Import(node.module or "", names, node.level))
            for one in node.names:
                name = one.asname or one.name
                part.aliases |= {(name, one.name), (name, f"{node.module}.{one.name}")}

    def _name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self._module.bound |= {node.id} if not self._whole else set()
        else:
            self._part.names |= {node.id, f"{node.id}()"} if node.id == "compile" else {node.id}

    def _assignment(self, node: ast.Assign | ast.AnnAssign) -> None:
        """Tell the value apart, where all that it is given to are names."""
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = {one.id for one in targets if isinstance(one, ast.Name)}
        if node.value is None or len(names) < len(targets):
            self._fields(node)
            return
        self._fields(node, without="value")
        inner = (one for one in ast.walk(node.value) if isinstance(one, ast.NamedExpr))
        names |= {one.target.id for one in inner}
        value = self._apart([node.value])
        self._module.values.append((names, value))
        self._say(value.digest)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._module.defined[node.name] += 1
        if docstring := ast.get_docstring(node, clean=False):
            qualified = ".".join((*self._classes, node.name))
            self._module.docstrings.setdefault(qualified, []).append(docstring)
        self._mere_texts.update(self._decorators.mere_texts(node))
        if self._whole or _is_called_unasked(node.name) or not self._decorators.only_known(node):
            self._fields(node)
            return
        self._fields(node, without="body")
        self._module.bodies.append((node.name, self._apart(node.body)))

    def _apart(self, nodes: Iterable[ast.AST]) -> Part:
        part = Part()
        _Reader(self._module, part, self._decorators, whole=True).read(nodes)
        return part

    def _class(self, node: ast.ClassDef) -> None:
        """What a class gets from others may call any method of it."""
        self._module.defined[node.name] += 1
        classes, whole = self._classes, self._whole
        self._classes = (*classes, node.name)
        self._whole = whole or bool(node.bases or node.keywords or node.decorator_list)
        self._fields(node)
        self._classes, self._whole = classes, whole


def _is_called_unasked(name: str) -> bool:
    """Whether Python may call a function of that name where no code does."""
    return name.startswith("__") and name.endswith("__")


def _is_docstring(node: ast.AST) -> bool:
    """Whether it is a text that nothing is done with."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
