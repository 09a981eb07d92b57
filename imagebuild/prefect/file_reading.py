"""Reads a prefect.yaml, and tells all that is wrong in it at once, line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagebuild.errors import UsageError
from imagebuild.prefect import fields, step_names
from imagebuild.prefect.file import FileDeployment, PrefectFile, Step, refuse
from imagebuild.prefect.yaml_lines import Table, line_of, load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

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
    return PrefectFile(path, deployments, tuple(reading.warnings))


@dataclass
class _Reading:
    """The reading of one file; all that is wrong is collected, to be told at once."""

    wrong: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def file(self, found: Mapping[str, Any]) -> list[FileDeployment]:
        self.types(found, fields.FILE, found, (), "")
        for key, meant in fields.unknown(found, fields.FILE):
            if meant.startswith("did"):  # whatever else stands there may hold anchors
                self.say(found, (key,), "", f"unknown key {key!r}; {meant}")
        shared = {name: self.section(found, name, found, (), "") for name in _SECTIONS}
        # For all, an empty section says no more than none; `prefect init` writes such ones.
        shared |= {name: shared[name] or None for name in ("build", "push")}
        every = found.get("deployments")
        every = every if isinstance(every, list) else []
        made = [self.deployment(found, number, one, shared) for number, one in enumerate(every)]
        deployments = [one for one in made if one is not None]
        self.twice(found, deployments)
        return deployments

    def deployment(
        self, found: Any, number: int, one: Any, shared: Mapping[str, tuple[Step, ...] | None]
    ) -> FileDeployment | None:
        at = ("deployments", number)
        if not isinstance(one, Mapping):
            self.say(found, at, f"deployment {number + 1}", "it is not a table of keys and values")
            return None
        name = one.get("name")
        label = f"deployment {name!r}" if name else f"deployment {number + 1}, without a name"
        self.types(one, fields.DEPLOYMENT, found, at, label)
        self.unknown(one, fields.DEPLOYMENT, found, at, label)
        for key, known in (("work_pool", fields.WORK_POOL), ("concurrency_limit", fields.LIMIT)):
            self.inside(one.get(key), known, found, (*at, key), label)
        self.lists(one, found, at, label)
        for key, why in _NOT_WRITTEN.items():
            if one.get(key):
                self.warnings.append(f"{label}: {key} has no effect here: {why}")
        sections = {
            key: self.section(one, key, found, at, label) if key in one else shared[key]
            for key in _SECTIONS
        }
        if sections["pull"] is None:
            sections["pull"] = shared["pull"]  # as Prefect has it: null asks for what else there is
        stated = {key: value for key, value in one.items() if key not in _SECTIONS}
        return FileDeployment(number + 1, stated, **sections, source=one)

    def lists(self, one: Mapping[str, Any], found: Any, at: Any, label: str) -> None:
        """What is in the lists of a deployment."""
        schedules = one.get("schedules")
        if one.get("schedule") is not None and schedules is not None:
            self.say(
                found, (*at, "schedule"), label, "schedule and schedules: write schedules only"
            )
        every = schedules if isinstance(schedules, list) else []
        places = [(("schedules", number), each) for number, each in enumerate(every)]
        if one.get("schedule") is not None:
            places.append((("schedule",), one["schedule"]))  # type: ignore[arg-type]
        for place, each in places:
            self.inside(each, fields.SCHEDULE, found, (*at, *place), label)
            kinds = [key for key in ("cron", "interval", "rrule") if _has(each, key)]
            if isinstance(each, Mapping) and len(kinds) != 1:
                self.say(
                    found, (*at, *place), label, "a schedule has one of cron, interval and rrule"
                )
        for key in ("triggers", "tags"):
            values = one.get(key)
            for number, each in enumerate(values if isinstance(values, list) else []):
                kind = fields.TABLE if key == "triggers" else fields.TEXT
                if each is None or (why := fields.wrong(kind, each)):
                    why = "it is empty" if each is None else why
                    self.say(found, (*at, key, number), label, f"{key}: item {number + 1}: {why}")

    def inside(self, table: Any, known: Mapping[str, Any], found: Any, at: Any, label: str) -> None:
        """What is in a table of a deployment."""
        if isinstance(table, Mapping):
            self.types(table, known, found, at, label)
            self.unknown(table, known, found, at, label)

    def types(
        self, table: Mapping[str, Any], known: Mapping[str, Any], found: Any, at: Any, label: str
    ) -> None:
        for key, kinds in known.items():
            if kinds != fields.STEPS and (why := fields.wrong(kinds, table.get(key))):
                self.say(found, (*at, key), label, f"{key}: {why}")

    def unknown(
        self, table: Mapping[str, Any], known: Mapping[str, Any], found: Any, at: Any, label: str
    ) -> None:
        """Refuse what is a known field misspelt; that others have no effect is told."""
        for key, meant in fields.unknown(table, known):
            if meant or known is fields.SCHEDULE:
                self.say(
                    found, (*at, key), label, f"unknown field {key!r}" + f"; {meant}" * bool(meant)
                )
            else:
                self.warnings.append(f"{label}: Prefect knows no field {key!r}: it has no effect")

    def section(
        self, table: Mapping[str, Any], key: str, found: Any, at: Any, label: str
    ) -> tuple[Step, ...] | None:
        """A section's steps; None where it is not stated, and for a pull section of `null`."""
        value = table.get(key)
        if key not in table or (key == "pull" and not isinstance(value, list) and not value):
            return None
        if isinstance(value, Mapping) and value:
            value = [value]
        if not isinstance(value, list):
            if value:
                self.say(found, (*at, key), label, f"{key}: it has to be a list of steps")
            return ()
        made = [
            self.step(each, found, (*at, key, number), f"{label}: {key}" if label else key)
            for number, each in enumerate(value)
            if each
        ]
        return tuple(step for step in made if step is not None)

    def step(self, value: Any, found: Any, at: Any, label: str) -> Step | None:
        if not isinstance(value, Mapping):
            self.say(
                found, at, label, f"{value!r} is not a step: write its name, a colon, its inputs"
            )
            return None
        if len(value) != 1:
            hint = "each begins with its own dash, and its inputs stand further to the right"
            self.say(
                found, at, label, f"a step with {len(value)} keys ({', '.join(value)}): {hint}"
            )
            return None
        [(name, inputs)] = value.items()
        inputs = {} if inputs is None else inputs
        if why := step_names.complaint(name):
            self.say(found, (*at, name), label, f"the step {name}: {why}")
            return None
        if not isinstance(inputs, Mapping):
            self.say(found, (*at, name), label, f"the step {name}: its inputs have to be a table")
            return None
        identity = inputs.get("id")
        if identity is not None and not isinstance(identity, str):
            self.say(found, (*at, name, "id"), label, f"the step {name}: its id has to be a text")
        return Step(name, inputs, identity, line_of(found, (*at, name)))

    def twice(self, found: Any, deployments: Sequence[FileDeployment]) -> None:
        """Two deployments of one flow and name would be one in Prefect, the last."""
        named = [one for one in deployments if one.name]
        count = Counter((one.function, one.name) for one in named)
        for one in named:
            if count[one.function, one.name] > 1:
                at = ("deployments", one.number - 1, "name")
                same = f"there are {count[one.function, one.name]} deployments of this name"
                self.say(found, at, f"deployment {one.name!r}", f"{same} for one flow")

    def say(self, found: Any, at: Any, label: str, what: str) -> None:
        line = line_of(found, at)
        parts = (f"line {line}" if line else "", label, what)
        self.wrong.append(": ".join(filter(None, parts)))


def _has(table: Any, key: str) -> bool:
    return isinstance(table, Mapping) and table.get(key) is not None
