"""Sets a deployment's values for its flow's parameters, and checks that it takes them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from imagebuild.errors import UsageError
from imagebuild.recorders.json_schema import meant, misfit, shown, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagebuild.record import Record


def merge(held: Mapping[str, Any], record: Record) -> dict[str, Any]:
    """The values that the deployment is to hold: the given ones, and all others as in `held`."""
    return {**held, **record.parameters}


def check(record: Record, schema: Mapping[str, Any]) -> None:
    """Raise `UsageError` for a parameter or a value that the flow's schema excludes.

    Prefect's server takes any name, and the run then fails; a value it refuses only when it is
    written: https://github.com/PrefectHQ/prefect/blob/main/src/prefect/server/api/deployments.py
    It takes null for what is neither required nor has a default, whatever its type.
    """
    known = schema.get("properties")
    if not isinstance(known, Mapping):
        return
    enforced = record.stated.get("enforce_parameter_schema") is not False
    for name, value in _values(record):
        if name not in known and not schema.get("additionalProperties"):
            message = f"the flow takes no parameter {name!r}"
            causes = (f"it takes {', '.join(known) or 'none'}",)
            raise UsageError(message, causes=causes, hint=meant(name, known))
        expected = known.get(name, {})
        left = (
            value is None and "default" not in expected and name not in schema.get("required", ())
        )
        wrong = None if left or _is_looked_up(value) else misfit(expected, value, name)
        if enforced and wrong:
            message = f"the parameter {wrong.at!r} cannot be {shown(wrong.value)}"
            raise UsageError(message, causes=(f"the flow wants {wanted(wrong.schema)}",))


def _values(record: Record) -> Iterator[tuple[str, Any]]:
    """All that is stated or given, for the deployment and for the runs of its schedules."""
    schedules = record.stated.get("schedules", ())
    for values in (
        record.stated.get("parameters", {}),
        record.parameters,
        *(one.get("parameters") or {} for one in schedules),
    ):
        yield from values.items()


def _is_looked_up(value: object) -> bool:
    """Whether it is a block or a variable, by Prefect's own key: the server puts the value there.

    https://github.com/PrefectHQ/prefect/blob/main/src/prefect/utilities/schema_tools/hydration.py
    """
    return isinstance(value, Mapping) and not {"$ref", "__prefect_kind"}.isdisjoint(value)


def outlived(held: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """A word on each value that was set for a parameter which the flow has no longer.

    With one of them every run fails: Prefect raises `SignatureMismatchError`.
    """
    known = schema.get("properties")
    if not isinstance(known, Mapping) or schema.get("additionalProperties"):
        return []
    gone = [name for name in held if name not in known]
    return [f"the deployment sets {name!r}, which the flow takes no longer" for name in gone]
