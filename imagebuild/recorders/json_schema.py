"""The JSON types of a schema, as far as they can be told without a library for it. Pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list, tuple),
    "object": (Mapping,),
    "null": (type(None),),
}


def same(one: object, other: object) -> bool:
    """Whether two JSON values are equal; unlike `==` it tells true from 1, and 1 from 1.0."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@dataclass(frozen=True)
class Misfit:
    """The innermost value that a schema does not allow: where it stands, and what is wanted."""

    at: str
    value: object
    schema: Mapping[str, Any]


def allows(schema: Mapping[str, Any], value: object) -> bool:
    """Whether a JSON schema allows a value, by the words that tell JSON's own types.

    Words that are not read here allow everything: Prefect's server has the last say.
    """
    return misfit(schema, value, "") is None


def misfit(schema: Mapping[str, Any], value: object, at: str) -> Misfit | None:
    """What in a value a schema does not allow, by its path from `at`; None where it allows all."""
    if choices := schema.get("anyOf"):
        found = [misfit(choice, value, at) for choice in choices]
        inside = [one for one in found if one is not None and one.at != at]
        # Of a choice that fits but for something in it, that is what is wrong.
        wrong = inside[0] if len(inside) == 1 else Misfit(at, value, schema)
        return None if None in found else wrong
    if "enum" in schema and value not in schema["enum"]:
        return Misfit(at, value, schema)
    expected = schema.get("type")
    names = [expected] if isinstance(expected, str) else expected or []
    if names and not any(_is(value, name) for name in names):
        return Misfit(at, value, schema)
    parts, rest = _parts(schema, value, at)
    if not isinstance(rest, Mapping):
        return None
    return next((one for where, inner in parts if (one := misfit(rest, inner, where))), None)


def _parts(
    schema: Mapping[str, Any], value: object, at: str
) -> tuple[list[tuple[str, object]], object]:
    """What is inside a value, each with its path, and the schema for all of them."""
    if isinstance(value, Mapping):
        known = schema.get("properties", {})
        parts = [(f"{at}.{key}", item) for key, item in value.items() if key not in known]
        given = [(where, item) for where, item in parts if item is not None]
        return given, schema.get("additionalProperties")
    if isinstance(value, list):
        return [(f"{at}[{number}]", item) for number, item in enumerate(value)], schema.get("items")
    return [], None


def _is(value: object, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if isinstance(value, float) and name == "integer":
        return value.is_integer()
    return isinstance(value, _TYPES.get(name, (object,)))


def wanted(schema: Mapping[str, Any]) -> str:
    """What a schema allows, in a few words."""
    if choices := schema.get("anyOf"):
        return " or ".join(wanted(choice) for choice in choices)
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    inner = schema.get("additionalProperties") or schema.get("items")
    of = f" of {inner['type']}" if isinstance(inner, Mapping) and "type" in inner else ""
    return f"{schema.get('type', 'something else')}{of}"


def shown(value: object) -> str:
    """A value as JSON, cut short."""
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 60 else f"{text[:60]}…"


def kind(value: object) -> str:
    """What a value is, without saying it: it may be a secret."""
    name = next((name for name in _TYPES if _is(value, name)), type(value).__name__)
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}" if value is not None else name


def meant(name: str, known: Iterable[str]) -> str | None:
    """The question whether the name that comes closest was meant, if one comes close."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else None
