"""Reads what only a flow's own code tells, of one flow or of many at once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from imagebuild.record import Described
from imagebuild.recorders.prefect_process import JobFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from imagebuild.record import Record

    Run = Callable[[str, Mapping[str, Any], Path], Any]
    _Place: TypeAlias = tuple[str, str]


class Flows:
    """The flows that were read; `run` does a job of `prefect_jobs` in a folder.

    To import Prefect takes seconds, so what is read together costs not much more than one. What was
    read ahead is told once for each record, as the files may change.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._read: dict[tuple[str, _Place], list[Mapping[str, Any]]] = {}

    def read_ahead(self, records: Iterable[Record]) -> None:
        """Read the flows of all records; what cannot be read is told by `describe`."""
        folders: dict[str, Counter[_Place]] = {}
        for record in records:
            if record.entrypoint is not None:
                folders.setdefault(record.source, Counter())[_place(record)] += 1
        for source, times in folders.items():
            answers = self._run("describe", {"flows": list(times)}, Path(source))
            for (place, count), answer in zip(times.items(), answers, strict=True):
                self._read[source, place] = [answer] * count

    def describe(self, record: Record) -> Described:
        """What a record's flow tells. Raises `JobFailed` for one that cannot be read."""
        key = (record.source, _place(record))
        if not self._read.get(key):
            self.read_ahead([record])
        answer = self._read[key].pop()
        if message := answer.get("error"):
            raise JobFailed(message, causes=tuple(answer["causes"]))
        return Described(answer["parameters"], answer["description"])


def _place(record: Record) -> _Place:
    """A flow's entrypoint, and where its code is."""
    entrypoint = record.entrypoint or ""
    return entrypoint, record.code or entrypoint
