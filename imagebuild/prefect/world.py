"""What placeholders stand for besides steps: the environment, Prefect's variables and blocks."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from imagebuild.prefect.templating import (
    BLOCK,
    ENVIRONMENT,
    KEPT,
    MISSING,
    RUN,
    VARIABLE,
    block_value,
    look_up_in,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


# What a secret is called, by the variable or by the input of a step that takes it.
SECRET = re.compile(r"token|secret|passw|credential|connection|key|sas\b|sas_", re.IGNORECASE)


class Keeper(Protocol):
    """Who keeps variables and blocks: a `Recorder`."""

    def variable(self, name: str) -> Mapping[str, Any] | None:
        """A variable's `value`."""

    def block(self, kind: str, name: str) -> Mapping[str, Any] | None:
        """A block's values."""


@dataclass
class World:
    """The environment, and what was asked of Prefect so far: each name is asked for once."""

    env: Mapping[str, str]
    keeper: Keeper
    known: dict[tuple[str, ...], Mapping[str, Any] | None] = field(default_factory=dict)

    def value(self, name: str) -> Any:
        """What a placeholder stands for that is of no step, or `MISSING`.

        Raises what the keeper raises where Prefect does not answer.
        """
        if name.startswith(ENVIRONMENT):
            return self.env.get(name.lstrip(ENVIRONMENT), MISSING)
        if name.startswith(VARIABLE):
            wanted = name.removeprefix(VARIABLE)
            found = self._ask((VARIABLE, wanted), lambda: self.keeper.variable(wanted))
            return MISSING if found is None else found["value"]
        if name.startswith(BLOCK):
            kind, _, rest = name.removeprefix(BLOCK).partition(".")
            block, _, path = rest.partition(".")
            data = self._ask((kind, block), lambda: self.keeper.block(kind, block))
            return MISSING if data is None else block_value(data, path or None)
        return MISSING

    def look_up(self, outputs: Mapping[str, Any]) -> Callable[[str], Any]:
        """For a deployment's fields and the inputs of its steps, where all has to be filled."""

        def find(name: str) -> Any:
            if name.startswith(RUN):
                return KEPT
            if name.startswith((ENVIRONMENT, VARIABLE, BLOCK)):
                return self.value(name)
            found = look_up_in(outputs, name)
            return self.env.get(name, MISSING) if found is MISSING else found

        return find

    def look_up_for_runs(
        self, outputs: Mapping[str, Any], *, secret: bool = False
    ) -> Callable[[str], Any]:
        """For pull steps: a run fills in what is not known here, secrets first of all.

        A variable stays one where it is called as secrets are, or stands for one (`secret`).
        """

        def find(name: str) -> Any:
            if name.startswith((VARIABLE, BLOCK, RUN)):
                return KEPT
            if name.startswith(ENVIRONMENT):
                is_kept = secret or SECRET.search(name)
                return KEPT if is_kept else self.env.get(name.lstrip(ENVIRONMENT), KEPT)
            found = look_up_in(outputs, name)
            return KEPT if found is MISSING else found

        return find

    def why(self, name: str, outputs: Mapping[str, Any]) -> str:
        """Why nothing fills a placeholder."""
        if name.startswith(ENVIRONMENT):
            return f"the environment has no variable {name.lstrip(ENVIRONMENT)}"
        if name.startswith(VARIABLE):
            return f"Prefect has no variable {name.removeprefix(VARIABLE)!r}"
        if name.startswith(BLOCK):
            kind, _, rest = name.removeprefix(BLOCK).partition(".")
            block, _, path = rest.partition(".")
            if self.known.get((kind, block)) is None:
                return f"Prefect has no block {block!r} of type {kind!r}"
            return f"the block {kind}/{block} has no {path}"
        names = [*outputs, *(f"{key}.{inner}" for key in outputs for inner in _keys(outputs[key]))]
        close = difflib.get_close_matches(name, names, n=1)
        return f"no step gives it; did you mean {close[0]}?" if close else "no step gives it"

    def _ask(
        self, key: tuple[str, ...], ask: Callable[[], Mapping[str, Any] | None]
    ) -> Mapping[str, Any] | None:
        if key not in self.known:
            self.known[key] = ask()
        return self.known[key]


def _keys(value: Any) -> list[str]:
    return list(value) if isinstance(value, dict) else []
