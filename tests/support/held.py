"""What Prefect holds of a deployment, to compare what two ways of deploying leave."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.prefect_stack import PrefectServer

# What no two deployments have in common, and when it was.
_OWN = {"id", "created", "updated", "name", "last_polled", "status", "deployment_id"}


def prefect_deploys(cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Deploy all of a folder's prefect.yaml with Prefect's own command."""
    return subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"],
        cwd=cwd,
        env=dict(env),
        capture_output=True,
        text=True,
        check=False,
    )


def held(server: PrefectServer, name: str) -> dict[str, Any]:
    """A deployment with its automations, without what is only its own."""
    deployment = server.api.deployment(name)
    path = f"/automations/related-to/prefect.deployment.{deployment['id']}"
    every = server.api.request("GET", path)
    common: dict[str, Any] = json.loads(
        json.dumps(_common({**deployment, "automations": every})).replace(deployment["id"], "ID")
    )
    return common


def _common(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _common(inner) for key, inner in value.items() if key not in _OWN}
    return [_common(inner) for inner in value] if isinstance(value, list) else value
