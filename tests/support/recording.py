"""A recorder on a real Prefect server, behind a proxy that keeps what it asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagebuild.events import Event, ignore

if TYPE_CHECKING:
    from imagebuild.record import Change, Record, Target
    from imagebuild.recorders.prefect import PrefectRecorder
    from tests.support.prefect_api import PrefectApi
    from tests.support.proxies import RecordingProxy


class Bench:
    """A recorder behind a proxy that keeps what it asks, and a deployment of its own."""

    def __init__(
        self, recorder: PrefectRecorder, api: PrefectApi, proxy: RecordingProxy, target: Target
    ) -> None:
        self.recorder, self.api, self.proxy, self.target = recorder, api, proxy, target

    def change(self, record: Record) -> Change:
        """What a deploy would write."""
        now = self.recorder.read(self.target, triggers=record.triggers is not None)
        return self.recorder.change(self.target, now, self.recorder.describe(now, record, ignore))

    def deploy(self, record: Record) -> list[Event]:
        """The whole way, as the pipeline goes it; what was said on it."""
        events: list[Event] = []
        self.proxy.clear()
        self.recorder.apply(self.change(record), events.append)
        return events

    @property
    def held(self) -> dict[str, Any]:
        """The deployment as the server has it."""
        return self.api.deployment(str(self.target))

    @property
    def path(self) -> str:
        """Where the API has it."""
        return f"/deployments/{self.held['id']}"

    @property
    def writes(self) -> list[str]:
        """What the last deploy wrote; a server whose SQLite is locked is asked again."""
        asked = [request for request in self.proxy.requests if request.status != 503]
        return [
            f"{one.method} {one.path.rpartition('/')[2]}"
            for one in asked
            if one.method != "GET" and not one.path.endswith("/filter")
        ]
