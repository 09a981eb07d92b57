"""Reads JSON into dataclasses, and checks each value by the type that its field is declared with.

To import pydantic and to have it make models takes longer than to ask Prefect.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from functools import cache
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints
from uuid import UUID

_Kind = TypeVar("_Kind")

_PLAIN: dict[Any, str] = {str: "a text", int: "a whole number", bool: "true or false"}


class Misfit(ValueError):
    """A value is not what was expected; `at` is its path, empty for the whole."""

    def __init__(self, at: str, wanted: str) -> None:
        super().__init__(f"{at or 'it'} is not {wanted}")
        self.at = at
        self.wanted = wanted


def read(kind: type[_Kind], value: object, at: str = "") -> _Kind:
    """A JSON object as a dataclass; what the class does not know is left out.

    A field may be text, int, bool, UUID, datetime (with its zone), list, dict, another such class,
    any of them or None, or Any. One named `given` gets the names of those that were there. Raises
    `Misfit`.
    """
    if not isinstance(value, dict):
        raise Misfit(at, "an object")
    said: dict[str, Any] = {}
    shape: Any = kind
    for name, (hint, is_needed) in _fields(shape).items():
        inside = f"{at}.{name}" if at else name
        if name in value:
            said[name] = _checked(hint, value[name], inside)
        elif is_needed:
            raise Misfit(inside, "there")
    given = {"given": tuple(said)} if "given" in _fields(shape) else {}
    return kind(**{**said, **given})


@cache
def _fields(kind: Any) -> dict[str, tuple[Any, bool]]:
    """The type of each field, and whether it has to be there."""
    hints, missing = get_type_hints(kind), dataclasses.MISSING
    return {
        one.name: (hints[one.name], one.default is missing and one.default_factory is missing)
        for one in dataclasses.fields(kind)
    }


def _checked(hint: Any, value: Any, at: str) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if NoneType in inner:
        return None if value is None else _checked(inner[0], value, at)
    if origin is list:
        return [_checked(inner[0], one, f"{at}.{n}") for n, one in enumerate(_is(list, value, at))]
    if origin is dict:
        items = _is(dict, value, at).items()
        return {key: _checked(inner[1], one, f"{at}.{key}") for key, one in items}
    if dataclasses.is_dataclass(hint):
        return read(hint, value, at)  # type: ignore[arg-type]
    if hint is UUID or hint is datetime:
        return _parsed(hint, value, at)
    return value if hint is Any else _is(hint, value, at)


def _is(kind: type[_Kind], value: Any, at: str) -> _Kind:
    if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise Misfit(at, _PLAIN.get(kind, "a list" if kind is list else "an object"))


def _parsed(hint: Any, value: Any, at: str) -> Any:
    text = _is(str, value, at)
    try:
        if hint is UUID:
            return UUID(text)
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise Misfit(at, "an ID" if hint is UUID else "a time") from error
    if moment.tzinfo is None:
        raise Misfit(at, "a time with its zone")
    return moment
