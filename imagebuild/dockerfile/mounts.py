"""Tells which secrets and ssh agents the steps of a Dockerfile mount.

https://docs.docker.com/reference/dockerfile/#run---mount
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Literal

from imagebuild.dockerfile.lines import instructions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagebuild.dockerfile.lines import Instruction

Kind = Literal["secret", "ssh"]


def mounted(text: str, kind: Kind, name: str = "Dockerfile") -> frozenset[str]:
    """The ids that some step asks for; raises `UsageError` as `parse` does."""
    steps = (step for step in instructions(text, name) if step.keyword == "RUN")
    return frozenset(found for step in steps for found in _ids(step, kind))


def _ids(step: Instruction, kind: Kind) -> Iterator[str]:
    for flag, value in step.flags:
        parts = dict(part.partition("=")[::2] for part in value.strip("\"'").split(","))
        if flag == "--mount" and parts.get("type") == kind:
            yield parts.get("id") or _unnamed(kind, parts)


def _unnamed(kind: Kind, parts: Mapping[str, str]) -> str:
    """What a mount without an id means: a secret is called like the file that it becomes."""
    if kind == "ssh":
        return "default"
    target = parts.get("target") or parts.get("dst") or parts.get("destination") or ""
    return posixpath.basename(target)
