"""Fills placeholders as Prefect fills them in a prefect.yaml, and tells what nothing fills. Pure.

`{{ step-id.key }}` and `{{ key }}` stand for what a step gave, `{{ $NAME }}` for a variable of the
environment, `{{ prefect.variables.name }}` and `{{ prefect.blocks.type.name.key }}` for what
Prefect keeps, `{{ ctx.… }}` for what is known only when a run starts.
https://github.com/PrefectHQ/prefect/blob/main/src/prefect/utilities/templating/__init__.py
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PLACEHOLDER = re.compile(r"({{\s*([\w\.\-\[\]$]+)\s*}})")
BLOCK, VARIABLE, ENVIRONMENT, RUN = "prefect.blocks.", "prefect.variables.", "$", "ctx."
# What a look-up says besides a value: there is none, or leave the placeholder as it is.
MISSING, KEPT = object(), object()

Path: TypeAlias = "tuple[str | int, ...]"


@dataclass(frozen=True)
class Unfilled:
    """A placeholder that nothing fills: its name, where it stands, and why if that is known."""

    name: str
    at: Path
    why: str = ""


def placeholders(value: Any) -> Iterator[str]:
    """The names of all placeholders in a value, as often as they stand there."""
    if isinstance(value, str):
        yield from (name for _, name in _PLACEHOLDER.findall(value))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from placeholders(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from placeholders(inner)


def is_lone(value: Any) -> bool:
    """Whether a value is one placeholder and nothing else, so that it can become anything."""
    return isinstance(value, str) and _PLACEHOLDER.fullmatch(value) is not None


@dataclass
class Filling:
    """Fills values; `unfilled` is what it met that nothing fills.

    `look_up` gives the value of a name, `MISSING`, or `KEPT`. A placeholder alone becomes its
    value, of whatever type; with text around it, or of the environment, it becomes text.
    """

    look_up: Callable[[str], Any]
    unfilled: list[Unfilled] = field(default_factory=list)

    def fill(self, value: Any, at: Path = ()) -> Any:
        """The value with its placeholders filled; those that nothing fills stay as they are."""
        if isinstance(value, str):
            return self._text(value, at)
        if isinstance(value, Mapping):
            return {key: self.fill(inner, (*at, key)) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.fill(inner, (*at, number)) for number, inner in enumerate(value)]
        return value

    def _text(self, text: str, at: Path) -> Any:
        alone = _PLACEHOLDER.fullmatch(text)
        if alone and not alone[2].startswith(ENVIRONMENT):
            value = self._value(alone[2], at)
            return text if value is KEPT else value

        def filled(found: re.Match[str]) -> str:
            value = self._value(found[2], at)
            if found[2].startswith(BLOCK) and isinstance(value, Mapping | list):
                why = "it is no text, and stands in one; name one of its values"
                self.unfilled.append(Unfilled(found[2], at, why))
                return found[0]
            return found[0] if value is KEPT else str(value)

        return _PLACEHOLDER.sub(filled, text)

    def _value(self, name: str, at: Path) -> Any:
        value = self.look_up(name)
        if value is MISSING:
            self.unfilled.append(Unfilled(name, at))
            return KEPT
        return value


def look_up_in(values: Any, path: str) -> Any:
    """What stands at `key.key[0].key` in nested mappings and lists, or `MISSING`."""
    keys = path.replace("[", ".").replace("]", "").split(".")
    try:
        for key in keys:
            values = values[int(key)] if _is_number(key) else values[key]
    except (KeyError, IndexError, TypeError):
        return MISSING
    return values


def _is_number(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True


def block_value(data: Mapping[str, Any], path: str | None) -> Any:
    """The value in a block's data that a placeholder names, or `MISSING`.

    A block that holds one `value` and nothing else stands for it.
    """
    values: Any = data
    only = set(data) == {"value"}
    inside = path is not None and (path == "value" or path.startswith(("value.", "value[")))
    if only and not inside:
        values = data["value"]
    return values if path is None else look_up_in(values, path)
