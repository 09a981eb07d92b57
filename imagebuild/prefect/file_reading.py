"""Reads a prefect.yaml, and tells all that is wrong in it at once, line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from imagebuild.errors import UsageError
from imagebuild.prefect import fields, step_names
from imagebuild.prefect.file import FileDeployment, PrefectFile, Step, refuse
from imagebuild.prefect.yaml_lines import Table, line_of, load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    Sections = dict[str, tuple[Step, ...] | None]

_SECTIONS = ("build", "push", "pull")
_NOT_WRITTEN = {
    "flow_name": "the flow's own code says its name",
    "version_type": "a version is written as it is",
    "sla": "service level agreements are left as they are in Prefect Cloud",
}


def read_file(path: Path) -> PrefectFile:
    """The file's deployments. Raises `UsageError` with all that is wrong in it, line by line."""
    found = load(path)
    if found is None:
        found = Table()
    if not isinstance(found, Mapping):
        message = f"cannot use {path.name}"
        raise UsageError(message, causes=("it is not a table of keys and values",))
    reading = _Reading()
    deployments = tuple(reading.file(found))
    refuse(path.name, reading.wrong)
    return PrefectFile(path, deployments)


@dataclass(frozen=True)
class _Place:
    """A place in the file: the keys that lead to it from the top, and what to call it."""

    found: Any
    keys: tuple[str | int, ...] = ()
    label: str = ""

    def at(self, *keys: str | int) -> _Place:
        return replace(self, keys=(*self.keys, *keys))

    def called(self, *labels: str) -> _Place:
        return replace(self, label=": ".join(filter(None, labels)))

    @property
    def line(self) -> int | None:
        return line_of(self.found, self.keys)


@dataclass
class _Reading:
    """The reading of one file; all that is wrong is collected, to be told at once."""

    wrong: list[str] = field(default_factory=list)

    def say(self, place: _Place, what: str) -> None:
        line = f"line {place.line}" if place.line else ""
        self.wrong.append(": ".join(filter(None, (line, place.label, what))))

    def file(self, found: Mapping[str, Any]) -> list[FileDeployment]:
        top = _Place(found)
        self.types(found, fields.FILE, top)
        for key, meant in fields.unknown(found, fields.FILE):
            if meant.startswith("did"):  # whatever else stands there may hold anchors
                self.say(top.at(key), f"unknown key {key!r}; {meant}")
        shared: Sections = {name: self.section(found, name, top) for name in _SECTIONS}
        # For all, an empty section says no more than none; `prefect init` writes such ones.
        shared |= {name: shared[name] or None for name in ("build", "push")}
        every = found.get("deployments")
        made = [
            self.deployment(one, number, shared, top.at("deployments", number))
            for number, one in enumerate(every if isinstance(every, list) else [])
        ]
        deployments = [one for one in made if one is not None]
        self.twice(deployments, top)
        return deployments

    def deployment(
        self, one: Any, number: int, shared: Sections, place: _Place
    ) -> FileDeployment | None:
        if not isinstance(one, Mapping):
            place = place.called(f"deployment {number + 1}")
            self.say(place, "it is not a table of keys and values")
            return None
        name = one.get("name")
        place = place.called(f"deployment {repr(name) if name else number + 1}")
        warnings = [
            f"{place.label}: {key} has no effect here: {why}"
            for key, why in _NOT_WRITTEN.items()
            if one.get(key)
        ]
        warnings += self.table(one, fields.DEPLOYMENT, place)
        for key, known in (("work_pool", fields.WORK_POOL), ("concurrency_limit", fields.LIMIT)):
            warnings += self.table(one.get(key), known, place.at(key))
        self.schedules(one, place)
        self.items(one, "tags", fields.TEXT, place)
        self.items(one, "triggers", fields.TABLE, place)
        sections = {
            key: self.section(one, key, place) if key in one else shared[key] for key in _SECTIONS
        }
        if sections["pull"] is None:
            sections["pull"] = shared["pull"]  # as Prefect has it: null asks for what else there is
        stated = {key: value for key, value in one.items() if key not in _SECTIONS}
        return FileDeployment(number + 1, stated, **sections, warnings=tuple(warnings), source=one)

    def table(self, table: Any, known: Mapping[str, Any], place: _Place) -> list[str]:
        """Look at the types and the names of a table's keys; what in it has no effect.

        A known field misspelt is wrong; of others Prefect takes no notice, but in a schedule.
        """
        if not isinstance(table, Mapping):
            return []
        self.types(table, known, place)
        warnings = []
        for key, meant in fields.unknown(table, known):
            if meant or known is fields.SCHEDULE:
                hint = f"; {meant}" if meant else ""
                self.say(place.at(key), f"unknown field {key!r}{hint}")
            else:
                text = f"Prefect knows no field {key!r}: it has no effect"
                warnings.append(f"{place.label}: {text}")
        return warnings

    def types(self, table: Mapping[str, Any], known: Mapping[str, Any], place: _Place) -> None:
        for key, kinds in known.items():
            if kinds != fields.STEPS and (why := fields.wrong(kinds, table.get(key))):
                self.say(place.at(key), f"{key}: {why}")

    def items(self, table: Mapping[str, Any], key: str, kind: str, place: _Place) -> None:
        """Look at the types of what is in a list."""
        values = table.get(key)
        for number, each in enumerate(values if isinstance(values, list) else []):
            why = "it is empty" if each is None else fields.wrong(kind, each)
            if why:
                self.say(place.at(key, number), f"{key}: item {number + 1}: {why}")

    def schedules(self, one: Mapping[str, Any], place: _Place) -> None:
        every, single = one.get("schedules"), one.get("schedule")
        if single is not None and every is not None:
            self.say(place.at("schedule"), "schedule and schedules: write schedules only")
        places = [
            (place.at("schedules", number), each)
            for number, each in enumerate(every if isinstance(every, list) else [])
        ]
        for where, each in [*places, (place.at("schedule"), single)]:
            if isinstance(each, Mapping):
                self.table(each, fields.SCHEDULE, where)
                kinds = [key for key in fields.KINDS if each.get(key) is not None]
                if len(kinds) != 1:
                    self.say(where, "a schedule has one of cron, interval and rrule")

    def section(self, table: Mapping[str, Any], key: str, place: _Place) -> tuple[Step, ...] | None:
        """A section's steps; None where it is not stated, and for a pull section of `null`."""
        value = table.get(key)
        if key not in table or (key == "pull" and not isinstance(value, list) and not value):
            return None
        if isinstance(value, Mapping) and value:
            value = [value]
        if not isinstance(value, list):
            if value:
                self.say(place.at(key), f"{key}: it has to be a list of steps")
            return ()
        within = place.at(key).called(place.label, key)
        made = [self.step(each, within.at(number)) for number, each in enumerate(value) if each]
        return tuple(step for step in made if step is not None)

    def step(self, value: Any, place: _Place) -> Step | None:
        if not isinstance(value, Mapping):
            self.say(place, f"{value!r} is not a step: write its name, a colon, its inputs")
            return None
        if len(value) != 1:
            hint = "each begins with its own dash, and its inputs stand further to the right"
            self.say(place, f"a step with {len(value)} keys ({', '.join(value)}): {hint}")
            return None
        [(name, inputs)] = value.items()
        place, inputs = place.at(name), {} if inputs is None else inputs
        if why := step_names.complaint(name):
            self.say(place, f"the step {name}: {why}")
            return None
        if not isinstance(inputs, Mapping):
            self.say(place, f"the step {name}: its inputs have to be a table")
            return None
        identity = inputs.get("id")
        if identity is not None and not isinstance(identity, str):
            self.say(place.at("id"), f"the step {name}: its id has to be a text")
        if why := step_names.wrong_package(inputs.get("requires")):
            self.say(place.at("requires"), f"the step {name}: {why}")
        return Step(name, inputs, identity, place.line)

    def twice(self, deployments: Sequence[FileDeployment], top: _Place) -> None:
        """Two deployments of one flow and name would be one in Prefect, the last."""
        named = [one for one in deployments if one.name]
        count = Counter((one.function, one.name) for one in named)
        for one in named:
            if (same := count[one.function, one.name]) > 1:
                place = top.at("deployments", one.number - 1, "name")
                text = f"there are {same} deployments of this name for one flow"
                self.say(place.called(f"deployment {one.name!r}"), text)
