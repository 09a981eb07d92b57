"""References to credentials: where a secret is found, which is all that is ever written down."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagebuild.errors import Denied, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    ReadBlock = Callable[[str, str], Mapping[str, Any] | None]
    # By their types and names, secrets and all: they are handed on, and never shown or kept.
    Blocks = Mapping[tuple[str, str], Mapping[str, Any]]

_VARIABLE = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")
_BLOCK = re.compile(r"block://([a-z0-9-]+)/([a-z0-9-]+)")
_HINT = "name where the secret is: env:GITHUB_TOKEN, or a block of Prefect's, block://secret/NAME"


@dataclass(frozen=True)
class Reference:
    """A variable of the environment, or a block of Prefect's by its type's slug and its name."""

    kind: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read `env:NAME` or `block://TYPE/NAME`.

        Raises `UsageError`, which does not tell the text: it may be the secret itself.
        """
        if found := _VARIABLE.fullmatch(text):
            return cls("env", found[1])
        if found := _BLOCK.fullmatch(text):
            return cls(found[1], found[2])
        message = "cannot use the credentials that were given"
        raise UsageError(message, causes=("they are no reference",), hint=_HINT)

    def __str__(self) -> str:
        if self.kind == "env":
            return f"env:{self.name}"
        return f"block://{self.kind}/{self.name}"

    @property
    def is_variable(self) -> bool:
        """Whether it is one of the environment."""
        return self.kind == "env"

    @property
    def placeholder(self) -> str:
        """What a pull step says for it; a run fills it in, or Prefect's server does.

        https://docs.prefect.io/v3/how-to-guides/deployments/prefect-yaml#templating-options
        """
        if self.is_variable:
            return f"{{{{ ${self.name} }}}}"
        return f"{{{{ prefect.blocks.{self.kind}.{self.name} }}}}"

    def value(self, env: Mapping[str, str], read_block: ReadBlock) -> Mapping[str, Any]:
        """What stands there: a block's fields, or `{"value": …}` for a variable.

        A secret's block has `value` too. Raises `Denied` where there is nothing.
        """
        if self.is_variable:
            found = env.get(self.name)
            if found:
                return {"value": found}
            message = f"the variable {self.name} is {'not set' if found is None else 'empty'}"
            hint = "set it, or give other credentials"
        else:
            block = read_block(self.kind, self.name)
            if block is not None:
                return block
            message = f"Prefect has no block {self.kind}/{self.name}"
            hint = "create it, or see what it is called: prefect block ls"
        raise Denied(message, hint=hint)
