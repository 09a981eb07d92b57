"""Platforms, as `os/architecture[/variant]`: each has one way to be written."""

from __future__ import annotations

import re
from platform import machine
from typing import TYPE_CHECKING

from imagebuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

_PLATFORM = re.compile(r"[a-z0-9_]+/[a-z0-9_]+(?:/v[0-9]+(?:\.[0-9]+)?)?")
# What containerd takes for the same: https://github.com/containerd/platforms/blob/main/database.go
_ALIASES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "amd64/v1": "amd64",
    "i386": "386",
    "aarch64": "arm64",
    "aarch64/v8": "arm64",
    "arm64/v8": "arm64",
    "armhf": "arm/v7",
    "armel": "arm/v6",
    "arm": "arm/v7",
}
# One of these alone is one of Linux.
_ARCHITECTURES = {"amd64", "arm64", "386", "ppc64le", "riscv64", "s390x", *_ALIASES}


def normalised(asked: str) -> str:
    """The one way to write a platform; raises `UsageError` for a text that is none, or several."""
    text = asked.strip().lower()
    if "," in text:
        message = f"cannot build for {asked} at once"
        raise UsageError(
            message,
            causes=("an image in an engine has one platform",),
            hint="build for each by itself, under a tag of its own",
        )
    os, _, processor = text.partition("/")
    if not processor and os in _ARCHITECTURES:
        os, processor = "linux", os
    text = f"{os}/{_ALIASES.get(processor, processor)}"
    if not _PLATFORM.fullmatch(text):
        message = f"{asked!r} is not a platform"
        raise UsageError(message, hint="write it as os/architecture[/variant]: linux/arm64")
    return text


def of_this_machine() -> str:
    """The platform of Linux containers that run here without emulation."""
    return normalised(machine().lower())


def checked(asked: str, offered: Iterable[str]) -> str:
    """The platform, where it is among the offered; raises `UsageError` that names them."""
    wanted, known = normalised(asked), [normalised(platform) for platform in offered]
    if wanted not in known:
        message = f"the engine cannot build for {wanted}"
        raise UsageError(
            message,
            causes=(f"it can build for {', '.join(known)}",),
            hint="let it emulate the platform: docker run --privileged --rm tonistiigi/binfmt"
            f" --install {wanted.split('/')[1]}",
        )
    return wanted
