"""Prefect's REST API as far as the tests need it: deployments, runs, logs, pools, workers."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import urllib3

from tests.support import SetupError

Json = dict[str, Any]
BUSY = urllib3.Retry(
    5, connect=0, read=0, status_forcelist={503}, allowed_methods=None, backoff_factor=0.2
)
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


@dataclass(frozen=True)
class FlowRun:
    """A flow run that has come to its end."""

    id: str
    state: str  # as Prefect shows it: Completed, Failed, Crashed, Cancelled
    message: str


class PrefectApi:
    """A client of one server; `url` ends in /api, as PREFECT_API_URL does.

    `auth` is what the server wants to be shown, `user:password`.
    """

    def __init__(self, url: str, auth: str = "") -> None:
        self.url = url
        # A server closes a connection that was idle for a while, perhaps while we write to it.
        headers = {**urllib3.make_headers(basic_auth=auth or None), "Connection": "close"}
        self._pool = urllib3.PoolManager(timeout=30, retries=False, headers=headers)

    def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        self._pool.clear()

    def request(self, method: str, path: str, body: Json | list[Json] | None = None) -> Any:
        """Send one request and give the JSON of its answer; a refusal is an error with its text.

        A server on SQLite says 503 while another request holds its database.
        """
        answer = self._pool.request(method, self.url + path, json=body, retries=BUSY)
        if answer.status >= 400:
            message = f"{method} {path}: {answer.status} {answer.data.decode(errors='replace')}"
            raise SetupError(message)
        return json.loads(answer.data) if answer.data else None

    def healthy(self) -> bool:
        """Tell whether the server answers."""
        try:
            return self._pool.request("GET", f"{self.url}/health").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def deployment(self, name: str) -> Json:
        """Read a deployment by `flow/deployment`."""
        return _as_written(self.request("GET", f"/deployments/name/{name}"))

    def deployments(self) -> list[Json]:
        """Read all deployments."""
        return [_as_written(found) for found in self.request("POST", "/deployments/filter", {})]

    def create_block(self, kind: str, name: str, values: Json) -> str:
        """Write a block of a type that the server knows, and give its id."""
        type_id = self.request("GET", f"/block_types/slug/{kind}")["id"]
        query = {"block_schemas": {"block_type_id": {"any_": [type_id]}}}
        schema = self.request("POST", "/block_schemas/filter", query)[0]["id"]
        types = {"block_type_id": type_id, "block_schema_id": schema}
        made: str = self.request(
            "POST", "/block_documents/", {"name": name, "data": values} | types
        )["id"]
        return made

    def workers_online(self, pool: str) -> bool:
        """Tell whether a worker polls the pool."""
        workers = self.request("POST", f"/work_pools/{pool}/workers/filter", {})
        return any(worker["status"] == "ONLINE" for worker in workers)

    def run_deployment(
        self, name: str, parameters: Json | None = None, seconds: float = 120
    ) -> FlowRun:
        """Start a run of `flow/deployment` and await its final state."""
        run_id = self.start_run(self.deployment(name)["id"], parameters)
        return self.wait_for_run(run_id, seconds)

    def start_run(self, deployment_id: str, parameters: Json | None = None) -> str:
        """Ask for a run of a deployment and give its id."""
        path = f"/deployments/{deployment_id}/create_flow_run"
        run_id: str = self.request("POST", path, {"parameters": parameters or {}})["id"]
        return run_id

    def wait_for_run(self, run_id: str, seconds: float = 120) -> FlowRun:
        """Await the final state of a run."""
        end = time.monotonic() + seconds
        while (state := self.request("GET", f"/flow_runs/{run_id}")["state"])["type"] not in FINAL:
            if time.monotonic() > end:
                message = f"flow run {run_id} is still {state['name']} after {seconds:.0f} s"
                raise SetupError(message)
            time.sleep(0.25)
        return FlowRun(run_id, state["name"], state["message"] or "")

    def logs(self, run_id: str, awaited: str = "", seconds: float = 30) -> list[str]:
        """Give a run's log lines once one contains the awaited text, or when time is up.

        A flow sends its logs in batches: the last ones come in after the run has Completed.
        """
        query = {"logs": {"flow_run_id": {"any_": [run_id]}}, "sort": "TIMESTAMP_ASC"}
        end = time.monotonic() + seconds
        while True:
            lines = [line["message"] for line in self.request("POST", "/logs/filter", query)]
            if any(awaited in line for line in lines) or time.monotonic() > end:
                return lines
            time.sleep(0.25)


def _as_written(deployment: Json) -> Json:
    """Leave out what the server notes whenever a worker asks for work."""
    return {key: deployment[key] for key in deployment.keys() - {"last_polled", "status"}}
