"""Reads what an engine says while it pushes; only a digest is a success.

An engine ends the stream in silence when it is stopped in the middle, and `docker push` calls
that a success. The classic image store tells the digest in an `aux` event, the containerd store in
a line of text alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from imagebuild.errors import PushFailed
from imagebuild.events import Transfer
from imagebuild.registry_errors import registry_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imagebuild.events import Emit
    from imagebuild.names import ImageName

_LAST_LINE = re.compile(r"\S+: digest: (sha256:[0-9a-f]{64}) size: \d+")
_THERE = re.compile(r"Pushed|Layer already exists|Mounted from .*")


def pushed_digest(name: ImageName, events: Iterable[Mapping[str, Any]], emit: Emit) -> str:
    """The digest that the registry gave the manifest.

    Raises `PushFailed`, `Denied` or `Unreachable` with the registry's words, and `PushFailed`
    where the events end without a digest.
    """
    digest: str | None = None
    totals: dict[str, int] = {}
    for event in events:
        if "error" in event:
            detail = event.get("errorDetail") or {}
            text = str(detail.get("message") or event["error"])
            action = f"push {name}"
            raise registry_error(action, name, (text,))
        digest = _digest(event) or digest
        if transfer := _transfer(event, totals):
            emit(transfer)
    if digest is None:
        message = f"cannot tell whether {name} was pushed"
        raise PushFailed(
            message,
            causes=("the engine ended without the digest that a finished push has",),
            hint="see whether the engine was stopped, and push again",
        )
    return digest


def _digest(event: Mapping[str, Any]) -> str | None:
    if digest := (event.get("aux") or {}).get("Digest"):
        return str(digest)
    found = _LAST_LINE.fullmatch(str(event.get("status", "")).strip())
    return found[1] if found else None


def _transfer(event: Mapping[str, Any], totals: dict[str, int]) -> Transfer | None:
    layer, status = event.get("id"), event.get("status")
    if not layer:
        return None
    if _THERE.fullmatch(str(status)):
        size = totals.get(layer, 0)
        return Transfer("push", layer, size, size)
    detail = event.get("progressDetail") or {}
    if status == "Pushing" and "current" in detail:
        # The engine counts the tar's own padding too, so `current` can end above `total`.
        totals[layer] = max(int(detail.get("total") or 0), int(detail["current"]))
        return Transfer("push", layer, int(detail["current"]), totals[layer])
    return None
