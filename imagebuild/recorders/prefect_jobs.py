"""What only Prefect's own code can do; run as `python -m`; it and `prefect_reading` import Prefect.

`python -m imagebuild.recorders.prefect_jobs FOLDER` reads lines of JSON, `{"job", "given"}`, and
answers each by one, `{"answer": …}` or `{"error": {"message", "causes", "status"}}`.
Prefect reads its settings when it is imported, so the folder is entered before that.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from imagebuild.recorders.prefect_reading import describe, folder_on_path


class _Refused(Exception):
    """What the user is to read; `status` is the server's answer where there was one."""

    def __init__(self, message: str, *causes: str, status: int | None = None) -> None:
        super().__init__(message)
        self.causes = causes
        self.status = status


def settings(_: dict[str, Any]) -> dict[str, Any]:
    """The settings that `prefect_settings.PrefectSettings` holds, by Prefect's own reading."""
    try:
        from prefect.settings import get_current_settings

        current = get_current_settings()
    except Exception as error:
        message = "cannot read Prefect's settings"
        raise _Refused(message, *str(error).splitlines()) from error
    api, deployments = current.api, current.deployments
    key, auth = api.key, api.auth_string
    return {
        "api_url": api.url or None,
        "api_key": (key.get_secret_value() if key else None) or None,
        "auth_string": (auth.get_secret_value() if auth else None) or None,
        "headers": current.client.custom_headers,
        "ssl_cert_file": api.ssl_cert_file or None,
        "insecure": api.tls_insecure_skip_verify,
        "ephemeral": current.server.ephemeral.enabled,
        "default_pool": deployments.default_work_pool_name or None,
        "namespace": deployments.default_docker_build_namespace or None,
    }


def step(given: dict[str, Any]) -> Any:
    """What a step of a `prefect.yaml` gives, run as `prefect deploy` runs one; null if no table."""
    import asyncio

    from prefect.deployments.steps.core import run_step

    [name] = given["step"]
    try:
        with folder_on_path():  # the project may have steps of its own
            result: Any = asyncio.run(run_step(given["step"], {}))
        return json.loads(json.dumps(result, default=str)) if isinstance(result, dict) else None
    except (Exception, SystemExit) as error:
        message = f"the step {name} failed"
        raise _Refused(message, f"{type(error).__name__}: {error}") from error


def triggers(given: dict[str, Any]) -> list[dict[str, Any]]:
    """The triggers of a deployment, each as the automation that `prefect deploy` makes of it.

    The deployment's ID is all zeros; the name is null where the trigger has none.
    """
    from uuid import UUID

    from prefect.events import DeploymentTriggerTypes
    from pydantic import TypeAdapter, ValidationError

    adapter: Any = TypeAdapter(DeploymentTriggerTypes)
    made = []
    for number, spec in enumerate(given["triggers"], start=1):
        who = f"the trigger {spec['name']!r}" if spec.get("name") else f"trigger {number}"
        try:
            trigger = adapter.validate_python(spec)
        except ValidationError as error:
            causes = (_fault(each) for each in error.errors(include_url=False))
            message = f"{who} of the deployment is none that Prefect takes"
            raise _Refused(message, *causes) from error
        _check_names(who, spec, type(trigger).model_fields)
        trigger.set_deployment_id(UUID(int=0))
        automation = trigger.as_automation().model_dump(mode="json")
        made.append({**_without_ids(automation), "name": spec.get("name")})
    return made


def _fault(error: Any) -> str:
    """One complaint of pydantic's, without the name of the union's member that stands first."""
    return f"{'.'.join(map(str, error['loc'][1:])) or 'it'}: {error['msg']}"


def _check_names(who: str, spec: dict[str, Any], known: Any) -> None:
    """Refuse a key that Prefect's model would drop without a word."""
    for name in spec:
        if name not in known:
            message = f"{who} of the deployment has no field {name!r}"
            raise _Refused(message, f"it has {', '.join(sorted(known))}")


def _without_ids(value: Any) -> Any:
    """Without the IDs that Prefect draws for each trigger, and the server again."""
    if isinstance(value, dict):
        return {
            key: each if key in {"parameters", "job_variables"} else _without_ids(each)
            for key, each in value.items()
            if key != "id"
        }
    return [_without_ids(each) for each in value] if isinstance(value, list) else value


def create(given: dict[str, Any]) -> dict[str, str]:
    """A new deployment of `flow`, with `fields` as its own; both by Prefect's own client.

    As `.deploy` does it, but without a `path`: the pull steps say where the code is.
    """
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectHTTPStatusError

    try:
        with get_client(sync_client=True) as client:
            flow_id = client.create_flow_from_name(given["flow"])
            made = client.create_deployment(flow_id=flow_id, **given["fields"])
            return {"id": str(made)}
    except PrefectHTTPStatusError as error:
        detail, status = error.response.text, error.response.status_code
        message = f"Prefect refused the new deployment with {status}"
        raise _Refused(message, detail, status=status) from error
    except (httpx.HTTPError, OSError) as error:
        message = "Prefect did not answer"
        raise _Refused(message, f"{type(error).__name__}: {error}", status=0) from error
    except ValueError as error:
        message = "Prefect's client refused the new deployment"
        raise _Refused(message, *str(error).splitlines()) from error


def serve(_: dict[str, Any]) -> dict[str, str]:
    """The address of Prefect's embedded server, which lives as long as this process."""
    from prefect.client.orchestration import get_client

    # The server runs as `python -m uvicorn` in the user's folder: see `prefect_process`.
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        return {"url": str(get_client(sync_client=True).api_url)}
    except Exception as error:
        message = "Prefect's embedded server did not start"
        raise _Refused(message, *str(error).splitlines()[-5:]) from error


JOBS: dict[str, Any] = {
    "settings": settings,
    "describe": describe,
    "step": step,
    "triggers": triggers,
    "create": create,
    "serve": serve,
}


def main() -> None:
    """Do jobs as they come; see the module's own words."""
    os.chdir(sys.argv[1])
    # A flow's modules and a step's commands may print and read, which must not get between.
    jobs, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    for line in jobs:
        answers.write(json.dumps(_done(**json.loads(line))) + "\n")
        answers.flush()


def _done(job: str, given: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"answer": JOBS[job](given)}
    except _Refused as error:
        causes, status = error.causes, error.status
        return {"error": {"message": str(error), "causes": causes, "status": status}}


if __name__ == "__main__":
    main()
