"""Reads what a flow's own code tells, with Prefect's code; a job of `prefect_jobs`."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def describe(given: dict[str, Any]) -> list[dict[str, Any]]:
    """The parameters and the description of each of the `flows`.

    Each is an entrypoint, and `path:function` of its code, relative to the folder. Of a flow that
    cannot be read, `error` and its `causes`.
    """
    import prefect.flows  # noqa: F401 - before the folder, whose `logging.py` it would take

    with folder_on_path():
        return [_attempt(entrypoint, code) for entrypoint, code in given["flows"]]


@contextmanager
def folder_on_path() -> Iterator[None]:
    """Let the project's own modules be imported, and for no longer than they have to be."""
    folder = os.getcwd()  # noqa: PTH109
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def _attempt(entrypoint: str, code: str) -> dict[str, Any]:
    try:
        return _described(code, _imported(entrypoint))
    except (Exception, SystemExit) as error:
        message = f"cannot read the parameters of the flow {entrypoint}"
        return {"error": message, "causes": [f"{type(error).__name__}: {error}"]}


def _imported(entrypoint: str) -> Any:
    """The flow of a module, imported as `prefect deploy` does it; None where that fails.

    Only so do the imports within its package mean what they will in a run.
    """
    from prefect.utilities.importtools import import_object

    if ":" in entrypoint:
        return None
    sources = os.path.join(os.getcwd(), "src")  # noqa: PTH109, PTH118 - as the folder itself
    sys.path.append(sources)
    try:
        return import_object(entrypoint)
    except (Exception, SystemExit):
        return None
    finally:
        sys.path.remove(sources)


def _described(entrypoint: str, imported: Any) -> dict[str, Any]:
    """What a flow's code tells of it.

    Where it was not `imported`, its module is not run, only its imports and definitions, and what
    cannot be imported here is left out, so the flow's own dependencies need not be there. Prefect
    does the same where its import fails: `load_flow_from_entrypoint`.
    """
    from prefect.flows import (
        Flow,
        load_flow_arguments_from_entrypoint,
        safe_load_flow_from_entrypoint,
    )
    from prefect.utilities.callables import parameter_schema, parameter_schema_from_entrypoint

    flow: Any = imported or safe_load_flow_from_entrypoint(entrypoint)
    if isinstance(flow, Flow):
        schema, description = parameter_schema(flow), flow.description
    else:
        schema = parameter_schema_from_entrypoint(entrypoint)
        arguments = load_flow_arguments_from_entrypoint(entrypoint, {"description"})
        description = arguments.get("description")
    parameters = json.loads(schema.model_dump_json(exclude_unset=True))
    return {"parameters": parameters, "description": description}
