"""The Dockerfile that is built: its name, its text, and where in it an instruction is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from imagebuild import templates
from imagebuild.plan import OwnDockerfile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagebuild.plan import Plan

_DOCKERFILE = "Dockerfile"
_ESCAPE = re.compile(r"#\s*escape\s*=\s*(\S)", re.IGNORECASE)


@dataclass(frozen=True)
class Wanted:
    """What is to be built of a plan: a stage, or where none is named all, with these labels."""

    plan: Plan
    labels: Mapping[str, str]
    target: str = ""


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile's text, and the name that messages call it by."""

    text: str
    name: str = _DOCKERFILE

    @classmethod
    def of(cls, plan: Plan, *, user: str, mounts: bool) -> Dockerfile:
        """The user's own as it is, or a template's, rendered for the base's `user`."""
        recipe = plan.environment.recipe
        name = PurePath(recipe.name).name if isinstance(recipe, OwnDockerfile) else _DOCKERFILE
        return cls(templates.render(plan, user=user, mounts=mounts), name)

    def line_of(self, instruction: str) -> int | None:
        """The line on which an instruction begins; None where it is not told by its text alone."""
        wanted = _squeezed(instruction)
        found = [line for line, text in self._instructions() if _squeezed(text) == wanted]
        return found[0] if len(found) == 1 else None

    def _instructions(self) -> Iterator[tuple[int, str]]:
        """Each instruction with the line that it begins on, its continued lines joined.

        https://docs.docker.com/reference/dockerfile/#escape
        """
        escaped = _ESCAPE.match(self.text)
        escape = escaped[1] if escaped else "\\"
        start, parts = 0, list[str]()
        for number, line in enumerate(self.text.splitlines(), 1):
            stripped = line.strip()
            if not stripped or stripped.startswith("#"):
                continue
            start = start if parts else number
            parts.append(stripped.removesuffix(escape))
            if not stripped.endswith(escape):
                yield start, " ".join(parts)
                parts = []
        if parts:
            yield start, " ".join(parts)


def _squeezed(instruction: str) -> str:
    """An instruction as builders tell it: spaces and the keyword's case say nothing."""
    keyword, _, rest = instruction.strip().partition(" ")
    return keyword.upper() + "".join(rest.split())
