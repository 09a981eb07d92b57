"""Keeps in Prefect which image a deployment runs."""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING, Any

from imagebuild.errors import Denied, ImagebuildError, Unreachable, UsageError
from imagebuild.events import Warned
from imagebuild.recorders import prefect_process, prefect_seen, prefect_settings
from imagebuild.recorders.changes import (
    as_known,
    change_of,
    check_names,
    knows,
    with_description,
)
from imagebuild.recorders.prefect_flows import Flows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from typing_extensions import Self

    from imagebuild.events import Emit
    from imagebuild.protocols import WorkPools
    from imagebuild.record import Change, Described, Record, Target
    from imagebuild.recorders.prefect_api import PrefectApi
    from imagebuild.recorders.prefect_settings import PrefectSettings
    from imagebuild.state import Recorded

_STEP_SECONDS = 3600.0


class PrefectRecorder:
    """A `Recorder` on a Prefect server, Prefect Cloud, or Prefect's embedded server.

    `env` and `cwd` are the program's environment and current folder, from which Prefect's settings
    are read. Nothing is looked at before the first call; `close()` ends what was started. What was
    read less than `fresh` seconds ago is not read again before it is changed.
    """

    def __init__(
        self, env: Mapping[str, str], cwd: Path, *, fresh: float = prefect_seen.SECONDS
    ) -> None:
        self._env = dict(env)
        self._cwd = cwd
        self._lock = threading.RLock()
        self._settings: PrefectSettings | None = None
        self._connected: PrefectApi | None = None
        self._starting: prefect_process.Process | None = None
        self._embedded: prefect_process.Process | None = None
        self._service = prefect_process.Service(self._env)
        self._flows = Flows(self._service.run)
        self._seen = prefect_seen.Seen(fresh)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; end the embedded server and whatever else still runs."""
        self._service.close()
        if self._starting is not None:
            self._starting.kill()
        with self._lock:
            if self._connected is not None:
                self._connected.close()
                self._connected = None
            if self._embedded is not None:
                self._embedded.end()
                self._embedded = None

    def default_namespace(self) -> str | None:
        """Prefect's default build namespace, as `registry[/path]`."""
        return self._read_settings().namespace

    def work_pools(self) -> WorkPools:
        """The server's work pools. Raises `UsageError` where Prefect is not configured."""
        from imagebuild.recorders.prefect_pools import PrefectPools

        return PrefectPools(self._api())

    def read(self, target: Target, *, triggers: bool = False, image: bool = True) -> Recorded:
        """The pool and the deployment as they are, in two requests at most where a pool is named.

        Raises `UsageError` for a pool that does not exist or takes no image (where there is to be
        one) and where Prefect is not configured, `Unreachable` within seconds, `Denied`.
        """
        check_names(target)
        default = self._read_settings().default_pool
        return self._seen.read(self._api(), target, default, triggers=triggers, image=image)

    def describe(self, now: Recorded, record: Record, emit: Emit) -> Record:
        """The record with the flow's parameters, unless the deployment has those of code alike.

        Prefect's own code reads them from the source, in a process of its own that takes seconds;
        in another it translates the triggers. Raises `UsageError` for parameters that the flow does
        not take, for triggers that are none and for a new deployment of a flow that cannot be read;
        one that is there keeps its parameters, with a warning.
        """
        held, record = now.deployment, self._translated(record)
        if record.described is not None:
            return record
        if knows(held, record):
            return as_known(held, record)
        try:
            described = self._describe(record)
        except (UsageError, Unreachable) as error:
            if held is None:
                raise
            why = ": ".join((error.message, *error.causes))
            text = "the flow's parameters stay in Prefect as they were"
            emit(Warned(text, cause=why, hint=error.hint))
            version = record.version if record.version_given else None
            return dataclasses.replace(record, version=version)
        return with_description(record, described)

    def read_ahead(self, wanted: Iterable[tuple[Recorded, Record]]) -> None:
        """Read all flows in one process that `describe` would start one for each."""
        new = [one for now, one in wanted if not one.described and not knows(now.deployment, one)]
        if new and prefect_process.is_installed():
            self._flows.read_ahead(new)

    def variable(self, name: str) -> Mapping[str, Any] | None:
        """A variable's `value`. Raises as `read` does."""
        from imagebuild.recorders import prefect_values

        return prefect_values.variable(self._api(), name)

    def block(self, kind: str, name: str) -> Mapping[str, Any] | None:
        """A block's values, with its secrets. Raises as `read` does."""
        from imagebuild.recorders import prefect_values

        return prefect_values.block(self._api(), kind, name)

    def run_step(self, name: str, inputs: Mapping[str, Any], folder: Path) -> Any:
        """A step's result, by Prefect's own code in a process of its own. Raises `UsageError`."""
        prefect_process.need_prefect(f"run the step {name}")
        return self._service.run("step", {"step": {name: dict(inputs)}}, folder, _STEP_SECONDS)

    def _translated(self, record: Record) -> Record:
        if record.triggers is None or record.automations is not None:
            return record
        made: list[dict[str, Any]] = []
        if record.triggers:
            prefect_process.need_prefect("translate the deployment's triggers")
            specs = [dict(one) for one in record.triggers]
            made = self._service.run("triggers", {"triggers": specs}, self._cwd)
        return dataclasses.replace(record, automations=tuple(made))

    def change(self, target: Target, now: Recorded, record: Record) -> Change:
        """What has to be written so that the deployment holds the record. Pure."""
        return change_of(target, now, record)

    def apply(self, change: Change, emit: Emit) -> str:
        """Write what differs, read it again and compare; the deployment's ID.

        What somebody else wrote since `read` is kept, unless that was a moment ago. Nothing is
        asked where nothing differs.
        Raises `NotRecorded`; where the image stands and its schedules or triggers do not,
        `UsageError` if Prefect refused them, else `Denied` or `Unreachable`.
        """
        if change.deployment_id is not None and not change.needed:
            return change.deployment_id
        from imagebuild.recorders.prefect_apply import Writing, failed

        default_pool = self._read_settings().default_pool
        seen = self._seen.take(change)
        writing = Writing(self._api(), change, default_pool, self._create, seen)
        try:
            return writing.run(emit)
        except ImagebuildError as error:
            raise failed(change, writing, error) from error

    def _describe(self, record: Record) -> Described:
        prefect_process.need_prefect(f"read the parameters of the flow {record.entrypoint}")
        return self._flows.describe(record)

    def _create(self, change: Change) -> str:
        """Make the deployment, by Prefect's own client in a process of its own; its ID.

        Raises as a call of `PrefectApi` does.
        """
        prefect_process.need_prefect(f"create the deployment {change.target}")
        described = change.record.described or self._describe(change.record)
        fields = {
            "description": described.description,
            "parameter_openapi_schema": dict(described.parameters),
            "enforce_parameter_schema": True,
            **change.fields,
            "name": change.target.name,
        }
        try:
            asked = {"flow": change.target.flow, "fields": fields}
            made: str = self._service.run("create", asked, self._cwd)["id"]
        except prefect_process.JobFailed as error:
            if error.status in {401, 403}:
                raise Denied(error.message, causes=error.causes) from error
            if error.status is not None and (error.status in {0, 408, 429} or error.status >= 500):
                raise Unreachable(error.message, causes=error.causes) from error
            raise
        return made

    def _read_settings(self) -> PrefectSettings:
        with self._lock:
            if self._settings is None:
                self._settings = prefect_settings.read(self._env, self._cwd)
            return self._settings

    def _api(self) -> PrefectApi:
        from imagebuild.recorders.prefect_api import PrefectApi
        from imagebuild.recorders.prefect_http import Transport

        with self._lock:
            if self._connected is None:
                settings = self._read_settings()
                url = settings.api_url or self._serve(settings)
                self._connected = PrefectApi(Transport(url, settings, self._env))
            return self._connected

    def _serve(self, settings: PrefectSettings) -> str:
        """Start the server that Prefect keeps for those who have none; it ends with us."""
        message = "no Prefect server is configured"
        hint = "set PREFECT_API_URL to the address of one, such as http://127.0.0.1:4200/api"
        if not prefect_process.is_installed() or not settings.ephemeral:
            other = "" if prefect_process.is_installed() else f", or {prefect_process.MISSING}"
            raise UsageError(message, hint=hint + other)
        server = self._starting = prefect_process.Process(self._env, self._cwd)
        try:
            url: str = server.ask("serve", {})["url"]
        except BaseException:
            server.kill()
            server.end()
            raise
        finally:
            self._starting = None
        self._embedded = server
        self._env["PREFECT_API_URL"] = url
        return url
