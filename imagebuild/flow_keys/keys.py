"""Makes a flow's key of all code that Prefect runs to read what the flow takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagebuild.digest import digest_of
from imagebuild.flow_keys.doubts import Doubt, check_dynamic, check_reading
from imagebuild.flow_keys.parts import Module, Part, read_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from imagebuild.flow_keys.modules import Modules

# To be raised where other code counts, or counts in another way.
_RULES = 1


class Keys:
    """The keys of the flows of one project; each of its modules is read once."""

    def __init__(self, modules: Modules, read: Callable[[str], bytes]) -> None:
        self._modules = modules
        self._read = read
        self._known: dict[str, Module] = {}
        self._of_files: dict[str, str] = {}

    def key(self, path: str, function: str) -> str:
        """The key of the flow that is `function` in the file at `path`; raises `Doubt`.

        Raises `OSError` where a file cannot be read.
        """
        if path not in self._of_files:
            self._of_files[path] = _Reached(self, path).digest()
        module = self.module(path)
        for name in function.split("."):
            # Prefect takes the first one that it finds, even in another function.
            if module.defined[name] + (name in module.bound) != 1:
                message = f"{path} does not define {function} exactly once"
                raise Doubt(message)
        return digest_of([_RULES, self._of_files[path], function, module.docstrings.get(function)])

    def module(self, path: str) -> Module:
        """A module, taken apart; of one that is no Python source, its bytes are all there is."""
        if path not in self._known:
            source = self._read(path)
            is_source = path.endswith(".py")
            self._known[path] = (
                read_module(source) if is_source else Module(Part(digest_of(source.hex())))
            )
        return self._known[path]

    def imported(self, path: str, part: Part) -> Iterable[str]:
        """The files that a part of the module at a path imports."""
        for one in part.imports:
            yield from self._modules.meant(one, path)

    @property
    def entries(self) -> Iterable[str]:
        """The names of all files and folders of the project."""
        return self._modules.entries


class _Reached:
    """All that may run when one module is imported.

    A function's body counts where any code that counts uses a name like the function's, or holds it
    in a text: which of several of one name is meant need not be known.
    """

    def __init__(self, keys: Keys, path: str) -> None:
        self._keys = keys
        self._modules: dict[str, Module] = {}
        self._bodies: dict[tuple[str, int], Part] = {}
        self._aliases: dict[str, set[str]] = {}
        self._add([path])
        while self._grow():
            pass

    def digest(self) -> str:
        """The digest of all that counts. Raises `Doubt` where something else counts too."""
        check_dynamic(self._closed(part.names for part in [*self._parts(), *self._values()]))
        used = self._used()
        texts = {text for part in used for text in part.texts}
        check_reading(self._closed(part.names for part in used), texts, self._keys.entries)
        tops = {path: module.top.digest for path, module in self._modules.items()}
        bodies = sorted((path, place, one.digest) for (path, place), one in self._bodies.items())
        return digest_of([tops, bodies])

    def _parts(self) -> list[Part]:
        return [*(module.top for module in self._modules.values()), *self._bodies.values()]

    def _values(self) -> list[Part]:
        return [value for module in self._modules.values() for _, value in module.values]

    def _add(self, paths: Iterable[str]) -> None:
        """Add modules, and all that they import."""
        todo = list(paths)
        while todo:
            path = todo.pop()
            if path not in self._modules:
                module = self._modules[path] = self._keys.module(path)
                todo += self._follow(path, module.top)

    def _follow(self, path: str, part: Part) -> Iterable[str]:
        for name, other in part.aliases:
            self._aliases.setdefault(name, set()).add(other)
        return self._keys.imported(path, part)

    def _grow(self) -> bool:
        """Add what the words so far may call; whether that was anything."""
        words = self._closed(part.words for part in [*self._parts(), *self._values()])
        new = [
            (path, place, body)
            for path, module in self._modules.items()
            for place, (name, body) in enumerate(module.bodies)
            if name in words and (path, place) not in self._bodies
        ]
        for path, place, body in new:
            self._bodies[path, place] = body
            self._add(self._follow(path, body))
        return bool(new)

    def _closed(self, names: Iterable[set[str]]) -> set[str]:
        """The names, and what they were imported from under other ones."""
        found = set[str]().union(*names)
        todo = list(found)
        while todo:
            head, dot, rest = todo.pop().partition(".")
            others = self._aliases.get(head, ()) if "." not in rest else ()
            new = {f"{other}{dot}{rest}" for other in others} - found
            found |= new
            todo += new
        return found

    def _used(self) -> list[Part]:
        """The parts without the values that no code uses when the module is imported.

        What such a value reads matters to nobody, unless code of the project reads it.
        """
        used, modules = self._parts(), self._modules.values()
        left = [
            (names, self._closed([value.words]), value)
            for module in modules
            for names, value in module.values
        ]
        defined = set[str]().union(*(module.defined for module in modules))
        bound = set[str]().union(*(module.bound for module in modules))
        while True:
            words = self._closed(part.words for part in used)
            here = bound & words
            takes = [bool(names & words or own & defined or own & here) for names, own, _ in left]
            if not any(takes):
                return used
            used += [value for take, (*_, value) in zip(takes, left, strict=True) if take]
            left = [one for take, one in zip(takes, left, strict=True) if not take]
