"""What a schema says of JSON's own types."""

from __future__ import annotations

from typing import Any

import pytest

from imagebuild.recorders import json_schema


@pytest.mark.parametrize(
    ("one", "other"), [(1, True), (0, False), (1, 1.0), ({"a": 1}, {"a": True})]
)
def test_equal_in_python_is_not_equal_in_json(one: object, other: object) -> None:
    """Else a changed flag would never be written."""
    assert not json_schema.same(one, other)
    assert json_schema.same(one, one)


@pytest.mark.parametrize(
    ("schema", "value", "allowed"),
    [
        ({}, object, True),
        ({"type": "integer"}, 5, True),
        ({"type": "integer"}, 5.0, True),
        ({"type": "integer"}, 5.5, False),
        ({"type": "integer"}, True, False),
        ({"type": "integer"}, "5", False),
        ({"type": "number"}, 5, True),
        ({"type": ["string", "null"]}, None, True),
        ({"type": "array", "items": {"type": "string"}}, ["a", 1], False),
        ({"type": "object", "additionalProperties": {"type": "string"}}, {"a": 1}, False),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, 1.5, False),
        ({"anyOf": [{"type": "integer"}, {"$ref": "#/definitions/Size"}]}, 1.5, True),
        ({"enum": ["a", "b"]}, "c", False),
    ],
)
def test_only_what_a_schema_excludes_is_not_allowed(
    schema: dict[str, Any], value: object, allowed: bool
) -> None:
    """What it says in other words than types, the server has to read."""
    assert json_schema.allows(schema, value) is allowed


LISTS = {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}


@pytest.mark.parametrize(
    ("schema", "value", "at"),
    [
        (LISTS, {"a": ["x"], "b": ["x", 1]}, "x.b[1]"),
        (LISTS, {"a": 1}, "x.a"),
        (LISTS, [], "x"),
        ({"anyOf": [LISTS, {"type": "null"}]}, {"a": 1}, "x.a"),
        ({"anyOf": [LISTS, {"type": "null"}]}, "a", "x"),
        ({"anyOf": [LISTS, LISTS]}, {"a": 1}, "x"),
    ],
)
def test_what_does_not_fit_is_named_by_its_path(
    schema: dict[str, Any], value: object, at: str
) -> None:
    """As far inside as it is certain."""
    wrong = json_schema.misfit(schema, value, "x")
    assert wrong is not None
    assert wrong.at == at


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "integer"}, "integer"),
        ({"enum": ["a", 1]}, "one of a, 1"),
        ({"type": "array", "items": {"type": "string"}}, "array of string"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer or null"),
    ],
)
def test_what_a_schema_allows_is_said_in_few_words(schema: dict[str, Any], said: str) -> None:
    """For the message that refuses something else."""
    assert json_schema.wanted(schema) == said


def test_a_long_value_is_shown_cut() -> None:
    """A message is no place for a document."""
    assert json_schema.shown("a" * 100) == '"' + "a" * 59 + "…"


def test_the_name_that_comes_closest_is_asked_for() -> None:
    """And none where none comes close."""
    assert json_schema.meant("naem", ["name", "size"]) == "did you mean 'name'?"
    assert json_schema.meant("zzz", ["name", "size"]) is None
