"""The calls of Prefect's API for the automations that run a deployment.

https://docs.prefect.io/v3/api-ref/rest-api/server/automations
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagebuild.recorders.prefect_api import good, parsed
from imagebuild.recorders.prefect_http import READING, Patience
from imagebuild.recorders.prefect_models import AutomationAnswers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imagebuild.recorders.prefect_api import PrefectApi

_ONCE = Patience(1, 0)  # twice would be two of them


def read(
    api: PrefectApi, deployment_id: str, patience: Patience = READING
) -> tuple[Mapping[str, Any], ...] | None:
    """All automations that run a deployment, whoever owns them; None where a server has none.

    Raises as a call of `PrefectApi` does.
    """
    what = "list the deployment's automations"
    answer = api.send("GET", f"/automations/related-to/{_resource(deployment_id)}", None, patience)
    if answer.status == 404:
        return None
    return parsed(good(answer, what), AutomationAnswers, what, "automations").value()


def replace(
    api: PrefectApi,
    deployment_id: str,
    automations: Sequence[Mapping[str, Any]],
    patience: Patience,
) -> bool:
    """Let a deployment own these automations and no others; whether the server has any.

    Raises as a call of `PrefectApi` does.
    """
    path = f"/automations/owned-by/{_resource(deployment_id)}"
    answer = api.send("DELETE", path, None, patience)
    if answer.status == 404:
        return False
    good(answer, "delete the deployment's automations")
    for one in automations:
        good(api.send("POST", "/automations/", one, _ONCE), f"make the automation {one['name']!r}")
    return True


def _resource(deployment_id: str) -> str:
    return f"prefect.deployment.{deployment_id}"
