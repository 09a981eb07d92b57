"""How values for a flow's parameters are set and checked."""

from __future__ import annotations

from typing import Any

import pytest

from imagebuild.errors import UsageError
from imagebuild.recorders import parameters
from tests.unit.recorders.values import record

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "number": {"type": "integer"},
        "size": {"allOf": [{"$ref": "#/definitions/Size"}]},
    },
}


def test_given_values_are_set_one_by_one() -> None:
    """All others stay, in their order."""
    held = {"a": 1, "b": {"c": 2}}
    assert parameters.merge(held, record(parameters={"b": 3, "d": None})) == {
        "a": 1,
        "b": 3,
        "d": None,
    }


@pytest.mark.parametrize(
    ("given", "schema"),
    [
        ({"name": "you", "number": 1, "size": "big"}, SCHEMA),
        ({"name": None}, SCHEMA),
        ({"other": 1}, {**SCHEMA, "additionalProperties": True}),
        ({"other": 1}, {}),
    ],
)
def test_what_the_schema_does_not_exclude_is_taken(
    given: dict[str, Any], schema: dict[str, Any]
) -> None:
    """A deployment that somebody made without a schema takes anything."""
    parameters.check(record(parameters=given), schema)


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    """Prefect would take it, and fail the run."""
    with pytest.raises(UsageError, match="takes no parameter 'naem'") as caught:
        parameters.check(record(parameters={"naem": "x"}), SCHEMA)
    assert caught.value.hint == "did you mean 'name'?"
    assert caught.value.causes == ("it takes name, number, size",)
    with pytest.raises(UsageError) as caught:
        parameters.check(record(parameters={"x": "x"}), {"properties": {}})
    assert caught.value.causes == ("it takes none",)


def test_a_value_of_another_type_is_refused() -> None:
    """Before the write, which Prefect would refuse."""
    with pytest.raises(UsageError, match="'number' cannot be \"one\"") as caught:
        parameters.check(record(parameters={"number": "one"}), SCHEMA)
    assert caught.value.causes == ("the flow wants integer",)


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"name": {"type": "string", "default": "you"}}},
        {"properties": {"name": {"type": "string"}}, "required": ["name"]},
    ],
)
def test_null_is_refused_where_prefect_would_refuse_it(schema: dict[str, Any]) -> None:
    """Where the flow has another default, or none, and does not say that it takes null."""
    with pytest.raises(UsageError, match="'name' cannot be null"):
        parameters.check(record(parameters={"name": None}), schema)
    either = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": "you"}
    parameters.check(record(parameters={"name": None}), {"properties": {"name": either}})


def test_what_the_server_looks_up_may_be_anything() -> None:
    """A block or a variable is not there to be seen."""
    looked_up = {"__prefect_kind": "workspace_variable", "variable_name": "n"}
    parameters.check(record(parameters={"number": looked_up}), SCHEMA)


def test_values_of_parameters_that_are_gone_are_told_of() -> None:
    """Each run would fail with them."""
    assert parameters.outlived({"name": "x", "old": 1}, SCHEMA) == [
        "the deployment sets 'old', which the flow takes no longer"
    ]
    assert parameters.outlived({"old": 1}, {}) == []
    assert parameters.outlived({"old": 1}, {**SCHEMA, "additionalProperties": True}) == []
