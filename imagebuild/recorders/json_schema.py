"""The JSON types of a schema, as far as they can be told without a library for it. Pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
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


def allows(schema: Mapping[str, Any], value: object) -> bool:
    """Whether a JSON schema allows a value, by the words that tell JSON's own types.

    Words that are not read here allow everything: Prefect's server has the last say.
    """
    if choices := schema.get("anyOf"):
        return any(allows(choice, value) for choice in choices)
    if "enum" in schema and value not in schema["enum"]:
        return False
    expected = schema.get("type")
    names = [expected] if isinstance(expected, str) else expected or []
    if names and not any(_is(value, name) for name in names):
        return False
    inner: list[object] = []
    rest: object = None
    if isinstance(value, Mapping):
        known = schema.get("properties", {})
        rest, inner = (
            schema.get("additionalProperties"),
            [item for key, item in value.items() if key not in known and item is not None],
        )
    elif isinstance(value, list):
        rest, inner = schema.get("items"), list(value)
    return not isinstance(rest, Mapping) or all(allows(rest, item) for item in inner)


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


def meant(name: str, known: Iterable[str]) -> str | None:
    """The question whether the name that comes closest was meant, if one comes close."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else None
