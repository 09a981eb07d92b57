"""The calls of Prefect's API for the values that it keeps: variables and blocks.

https://docs.prefect.io/v3/api-ref/rest-api/server/variables
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from imagebuild.recorders.prefect_api import good, parsed
from imagebuild.recorders.prefect_models import BlockAnswer, VariableAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagebuild.recorders.prefect_api import PrefectApi


def variable(api: PrefectApi, name: str) -> Mapping[str, Any] | None:
    """A variable, as its `value`; None where there is none of the name.

    Raises as a call of `PrefectApi` does.
    """
    what = f"read the variable {name!r}"
    answer = api.send("GET", f"/variables/name/{quote(name, safe='')}", None)
    if answer.status == 404:
        return None
    return {"value": parsed(good(answer, what), VariableAnswer, what).value}


def block(api: PrefectApi, kind: str, name: str) -> Mapping[str, Any] | None:
    """What a block of a type (its slug) holds, its secrets too; None where there is none.

    Raises as a call of `PrefectApi` does.
    """
    what = f"read the block {kind}/{name}"
    place = f"/block_types/slug/{quote(kind, safe='')}/block_documents/name/{quote(name, safe='')}"
    answer = api.send("GET", f"{place}?include_secrets=true", None)
    if answer.status == 404:
        return None
    return parsed(good(answer, what), BlockAnswer, what).data
