"""Reads what only a flow's own code tells, of one flow or of many at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagebuild.record import Described
from imagebuild.recorders.prefect_process import JobFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from imagebuild.record import Record

    Run = Callable[[str, Mapping[str, Any], Path], Any]


class Flows:
    """The flows that were read; `run` does a job of `prefect_jobs` in a folder.

    To import Prefect takes seconds, so what is read together costs not much more than one.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._read: dict[tuple[str, str], Mapping[str, Any]] = {}

    def read_ahead(self, records: Iterable[Record]) -> None:
        """Read the flows of all records; what cannot be read is told by `describe`."""
        folders: dict[str, dict[str, None]] = {}
        for record in records:
            if record.entrypoint is not None:
                folders.setdefault(record.source, {})[record.entrypoint] = None
        for source, names in folders.items():
            entrypoints = list(names)
            answers = self._run("describe", {"entrypoints": entrypoints}, Path(source))
            for entrypoint, answer in zip(entrypoints, answers, strict=True):
                self._read[source, entrypoint] = answer

    def describe(self, record: Record) -> Described:
        """What a record's flow tells. Raises `JobFailed` for one that cannot be read."""
        key = (record.source, record.entrypoint or "")
        if key not in self._read:
            self.read_ahead([record])
        answer = self._read[key]
        if message := answer.get("error"):
            raise JobFailed(message, causes=tuple(answer["causes"]))
        return Described(answer["parameters"], answer["description"])
