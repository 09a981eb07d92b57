"""A prefect.yaml as values: its deployments, each with the steps that hold for it.

https://docs.prefect.io/v3/how-to-guides/deployments/prefect-yaml
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagebuild.entrypoint import is_dotted
from imagebuild.errors import UsageError
from imagebuild.prefect.yaml_lines import line_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Step:
    """One step: the function's dotted name, what it is given, and its `id`, if it has one."""

    name: str
    inputs: Mapping[str, Any]
    id: str | None = None
    line: int | None = None


@dataclass(frozen=True)
class FileDeployment:
    """A deployment of the file; `fields` is what it states, without its steps.

    Each section is the deployment's own, else the file's: None where neither states one, empty
    where it is stated to have none. `warnings` is what has no effect; `source` is where it stands,
    to tell lines.
    """

    number: int
    fields: Mapping[str, Any]
    build: tuple[Step, ...] | None = None
    push: tuple[Step, ...] | None = None
    pull: tuple[Step, ...] | None = None
    warnings: tuple[str, ...] = ()
    source: Any = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str | None:
        """Its own name, without its flow's."""
        return self.fields.get("name")

    @property
    def entrypoint(self) -> str | None:
        """`path:function` or `package.module.function`, as the file has it."""
        return self.fields.get("entrypoint")

    @property
    def image(self) -> Any:
        """The image that its job variables name, as the file has it."""
        pool = self.fields.get("work_pool")
        variables = pool.get("job_variables") if isinstance(pool, Mapping) else None
        return variables.get("image") if isinstance(variables, Mapping) else None

    @property
    def function(self) -> str:
        """The entrypoint's function, which Prefect takes for the flow's name here."""
        entrypoint = self.entrypoint or ""
        return entrypoint.rpartition("." if is_dotted(entrypoint) else ":")[2]

    @property
    def label(self) -> str:
        """What to call it in a message."""
        return self.name or f"deployment {self.number} of the file, which has no name"

    def where(self, at: Sequence[str | int]) -> str:
        """`line 5: deployment 'x': field` for a path in its fields."""
        line = line_of(self.source, at)
        path = ".".join(str(part) for part in at)
        return f"{f'line {line}: ' if line else ''}deployment {self.label!r}: {path}"


@dataclass(frozen=True)
class PrefectFile:
    """A file whose every value is of its type."""

    path: Path
    deployments: tuple[FileDeployment, ...]


def refuse(file: str, wrong: Sequence[str]) -> None:
    """Raise `UsageError` for what is wrong in a file, if anything is."""
    if wrong:
        mistakes = list(dict.fromkeys(wrong))
        count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        message = f"{file} has {count}"
        raise UsageError(message, body=tuple(mistakes), hint="mend the file")
